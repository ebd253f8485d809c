"""Of a sample of exposures the arm is computed again, from the id of the unit and the version of the flag."""

import uuid

import pytest

from events import services, upkeep_queries
from events.compaction import rehashing
from events.models import IngestCount
from headway.evaluation.config import compile_config
from tests.apps.events.building import NOW, event, exposure, put
from tests.apps.flags import build

pytestmark = pytest.mark.django_db
UNITS = [f"user-{n}" for n in range(60)]
SPLIT = {
    "coverage_ppm": 1_000_000,
    "gate_salt": 11,
    "arm_salt": 12,
    "arms": [["on", 500_000], ["off", 500_000]],
}


@pytest.fixture
def definition(monkeypatch):
    """What the store is told of version 3 of the flag."""
    rules = [{"id": "split", "split": SPLIT}]
    made = {"unit_type": "user", "forced": {"user-vip": "on"}, "rules": rules}
    monkeypatch.setattr(rehashing, "_definition", lambda *asked: made if asked[2] == 3 else None)
    return made


def sampled(n, unit, variant, **more):
    """An exposure whose id is in the sample."""
    made = exposure(n, unit=unit, variant=variant, **more)
    return {**made, "id": str(uuid.UUID(int=(n + 1) * rehashing.ONE_IN))}


def drawn(unit):
    return rehashing._drawn(SPLIT, unit)


def file(*exposures):
    put(list(exposures))
    services.drain(now=NOW)
    return upkeep_queries.assignments("production", "checkout", since=NOW.date())


def test_count__arms_as_the_hash_gives_them__all_match(definition):
    assert {drawn(unit) for unit in UNITS} == {"on", "off"}

    assert file(*(sampled(n, unit, drawn(unit)) for n, unit in enumerate(UNITS))) == (60, 0)


def test_count__arms_drawn_otherwise__mismatches(definition):
    other = {"on": "off", "off": "on"}

    assert file(*(sampled(n, unit, other[drawn(unit)]) for n, unit in enumerate(UNITS))) == (0, 60)


def test_count__sent_again__once(definition):
    file(sampled(0, "user-1", drawn("user-1")))

    assert file(sampled(0, "user-1", drawn("user-1"))) == (1, 0)


def test_count__forced_or_out_of_the_sample_or_unknown_version__not_counted(definition):
    forced, vip = sampled(0, "user-1", "x", forced=True), sampled(1, "user-vip", "on")
    outside = exposure(7, unit="user-1", variant="x")

    assert file(forced, outside, sampled(2, "user-1", "x", version=9)) == (0, 0)
    assert file(vip) == (1, 0)


def test_possible__layer_and_other_unit_type__rules_that_cannot_take_the_unit_say_nothing(definition):
    from headway.evaluation.hashing import WHOLE_PPM, bucket, threshold

    own = bucket("user-1", 5)
    half = next(ppm for ppm in range(0, WHOLE_PPM, 1_000) if threshold(ppm) > own)
    rule = {"id": "a", "variant": "on", "layer": {"key": "main", "slots": [[0, half]]}}
    outside = {**rule, "layer": {"key": "main", "slots": [[half, WHOLE_PPM]]}}
    of_devices = {"id": "b", "variant": "off", "unit_from": "device"}
    flag = {"unit_type": "user", "rules": [rule, of_devices]}

    assert rehashing.possible(flag, "user-1", "user", {"main": 5}) == {"on"}
    assert rehashing.possible(flag, "user-1", "device", {"main": 5}) == {"off"}
    assert rehashing.possible({**flag, "rules": [outside]}, "user-1", "user", {"main": 5}) == set()


def test_possible__flag_as_published__what_the_sdk_shows_to_each_unit():
    build.flag()
    build.published([build.split(coverage_ppm=700_000)])
    live, config = build.live(), compile_config(build.document())

    for unit in UNITS:
        shown = config.evaluate("checkout", unit)
        found = rehashing.possible(live.definition, unit, "user", {})
        assert found == ({shown.variant} if shown.reason == "SPLIT" else set())
    assert rehashing._definition("production", "checkout", live.number) == live.definition


def test_definition__unknown_version_flag_or_environment__none():
    build.flag()

    assert rehashing._definition("production", "checkout", 99) is None
    assert rehashing._definition("production", "nothing", 1) is None
    assert rehashing._definition("moon", "checkout", 1) is None


def test_personal_ids__stored_and_counted(sdk_key):
    put([event(1, unit="rosa@example.com"), event(2, unit="+49 170 1234567"), event(3), event(4)])

    services.drain(now=NOW)

    assert IngestCount.objects.get(kind="personal").count == 2
    assert upkeep_queries.personal_units(since=NOW.date()) == [("production", "import", 2)]
