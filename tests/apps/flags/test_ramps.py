# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Ramps: the clock moves them, people steer them, gates stop them, and nobody changes arm."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from config.celery import app
from flags import gates, queries, samples, services
from flags.gates import Blocked, Finding
from flags.models import RampEvent, RampRun
from flags.services import ramps
from flags.tasks import ramp_tick
from headway.evaluation import compile_config
from ledger import audit
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, Refused
from tests.apps.flags.build import (
    BY,
    HALF,
    NOW,
    definition,
    document,
    environment,
    flag,
    live,
    published,
    split,
)
from tests.apps.flags.ramping import AT, HOUR, STEPS, coverage, run, start, tick

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objections")]
UNITS = [f"user-{number}" for number in range(300)]


def kinds():
    return list(RampEvent.objects.values_list("kind", flat=True))


def arms():
    config = compile_config(document())
    answers = {unit: config.evaluate("checkout", unit) for unit in UNITS}
    return {unit: answer.variant for unit, answer in answers.items() if answer.reason == "SPLIT"}


def test_start__steps__first_one_is_taken_at_once():
    made = start()

    assert (coverage(), made.step, made.state, made.from_ppm) == (10_000, 0, "running", 0)
    assert kinds() == ["started", "advanced"]
    actions = [row.action for row in ledger_queries.audit_of("flag:checkout")][:3]
    assert actions == ["ramp.advanced", "flag.version.published", "ramp.started"]


def test_tick__time_passes__step_by_step_to_everybody_and_nobody_changes_arm():
    start()
    before = arms()

    moved = [tick(hours) for hours in (0.9, 1, 1.5, 2, 3)]

    after = arms()
    assert moved == [0, 1, 0, 1, 1]
    assert before.items() <= after.items()
    assert len(after) == len(UNITS)
    assert (run().state, run().ended_at, coverage()) == ("completed", NOW + HOUR * 3, 1_000_000)
    assert kinds() == ["started", "advanced", "advanced", "advanced", "completed"]
    assert audit.first_broken() is None


def test_tick__waiting__says_for_what():
    start()

    tick(0.5)

    assert run().waits_for == "held until 2026-03-02 10:30 UTC"


def test_tick__units_missing__waits_until_somebody_counted_them():
    start([{"coverage_ppm": 10_000, "min_units": 500}, {"coverage_ppm": 1_000_000}])

    tick(5)
    assert (run().step, run().waits_for) == (0, "an unknown number of units of 500")

    samples.register(
        lambda place, key, since: 500 if (place, key, since) == ("production", "checkout", NOW) else 0
    )
    tick(6)
    assert run().step == 1


def test_tick__somebody_objects__holds_and_goes_on_with_a_fresh_hold(objections):
    start()
    objections.append(Finding("review", "no review has approved this"))

    tick(1)
    assert (run().state, run().waits_for, coverage()) == ("holding", "no review has approved this", 10_000)
    objections.clear()
    tick(2)
    assert (run().state, run().step_at) == ("running", NOW + HOUR * 2)
    tick(2.5)
    assert run().step == 0
    tick(3)
    assert (run().step, coverage()) == (1, 100_000)


def test_tick__harm_in_a_step_that_holds__coverage_stays(objections):
    start()
    objections.append(Finding("guardrail_trip", "latency is harmed"))

    tick(0.1)

    assert (run().state, coverage()) == ("holding", 10_000)


def test_tick__harm_in_a_step_that_rolls_back__one_publication_to_before_the_ramp(objections):
    start(coverage_ppm=5_000)
    tick(1)
    number = live().number
    objections.append(Finding("guardrail_trip", "latency is harmed"))

    tick(1.1)

    assert (run().state, coverage(), live().number) == ("rolled_back", 5_000, number + 1)
    event = RampEvent.objects.last()
    assert (event.kind, event.before_ppm, event.after_ppm, event.reason) == (
        "rolled_back",
        100_000,
        5_000,
        "latency is harmed",
    )
    assert tick(9) == 0


def test_tick__objection_only_to_publishing__held_not_failed(monkeypatch):
    start()
    monkeypatch.setitem(gates._gates, "publish", [lambda subject: [Finding("freeze", "a release freeze")]])

    tick(1)

    assert (run().state, run().waits_for, coverage()) == ("holding", "a release freeze", 10_000)
    assert kinds() == ["started", "advanced", "held"]


def test_tick__flag_killed__holds_until_it_is_on_again():
    start()
    services.switch_off(**AT, reason="slow", **BY)

    tick(1)
    assert (run().state, run().waits_for) == ("holding", "the flag is switched off")
    services.switch_on(**AT, reason="repaired", **BY)
    tick(2)
    assert run().state == "running"


def test_tick__somebody_set_another_coverage__ramp_ends_and_that_stays():
    start()
    services.set_coverage(**AT, coverage_ppm=3_000, **BY)

    tick(1)

    assert (run().state, coverage()) == ("ended", 3_000)
    assert RampEvent.objects.last().reason == "somebody set the coverage to 3000 ppm"


def test_tick__rule_gone__ramp_ends():
    start()
    published([])

    tick(1)

    assert (run().state, RampEvent.objects.last().reason) == ("ended", "rule r1 is gone")


def test_tick__twice_at_the_same_time__one_step():
    start()
    tick(1)

    assert tick(1) == 0
    assert run().step == 1


def test_tick__one_ramp_cannot_move__the_others_do(monkeypatch):
    start()
    flag("search")
    published([split(0)], flag="search")
    services.start_ramp(flag="search", environment="production", steps=STEPS, **BY)
    broken = RampRun.objects.get(flag__key="checkout").id
    real = ramps.tick_one

    def tick_one(*, ramp_id, now):
        if ramp_id == broken:
            raise Conflict()
        return real(ramp_id=ramp_id, now=now)

    monkeypatch.setattr(ramps, "tick_one", tick_one)

    assert tick(1) == 1
    assert definition("search")["rules"][0]["split"]["coverage_ppm"] == 100_000


def test_start__gate_objects__nothing_begins(objections):
    flag()
    published([split(0)])
    objections.append(Finding("trip", "no"))

    with pytest.raises(Blocked):
        services.start_ramp(**AT, steps=STEPS, **BY)

    assert not RampRun.objects.exists()
    assert coverage() == 0


def test_start__another_is_open__conflict_and_the_database_agrees():
    start()

    with pytest.raises(Conflict, match=r"ramp .* by ada is running"):
        services.start_ramp(**AT, steps=STEPS, **BY)
    fields = {name: getattr(run(), name) for name in ("flag", "environment", "steps", "step_at", "from_ppm")}
    with pytest.raises(IntegrityError), transaction.atomic():
        RampRun.objects.create(**fields, rule="r1", set_ppm=0, created_by="x", created_at=NOW)


@pytest.mark.parametrize(
    ("rules", "options", "reason"),
    [
        ([split(20_000)], {}, "covers 20000 ppm already"),
        ([{"variant": "on"}], {}, "does not name one rule"),
        ([split(0)], {"rule": "r9"}, "Name one of: r1"),
        ([split(0)], {"steps": []}, "no list of 1 to 20 steps"),
        ([split(0)], {"steps": None, "plan": "nothing"}, "no such plan"),
    ],
)
def test_start__nothing_to_ramp__refused(rules, options, reason):
    flag()
    published(rules)

    with pytest.raises(Refused, match=reason):
        services.start_ramp(**{**AT, "steps": STEPS, **BY, **options})


def test_start__rule_of_an_experiment__refused():
    flag()
    services.publish_experiment_rule(**AT, experiment="prefetch", arms=HALF, coverage_ppm=5, **BY)

    with pytest.raises(Refused, match="experiments grow by themselves"):
        services.start_ramp(**AT, steps=STEPS, **BY)


@pytest.mark.django_db(transaction=True)
def test_tick__two_workers_at_once__one_step_each_time():
    start()
    gate = Barrier(2)

    def work():
        try:
            gate.wait(timeout=60)
            return tick(1)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        moved = [future.result() for future in [pool.submit(work), pool.submit(work)]]

    assert sum(moved) == 1
    assert (run().step, coverage()) == (1, 100_000)


def test_open_ramp__of_the_flag__found():
    made = start()

    assert queries.open_ramp(queries.flag("checkout"), environment()) == made
    assert [ramp.id for ramp in queries.moving_ramps()] == [made.id]


def test_task__called_by_the_clock__moves_what_is_due():
    start()
    RampRun.objects.update(step_at=NOW - HOUR)

    ramp_tick.apply()

    assert coverage() == 100_000


def test_beat__every_minute__on_the_queue_of_ramps():
    (entry,) = [entry for entry in app.conf.beat_schedule.values() if entry["task"] == ramp_tick.name]

    assert (entry["schedule"], entry["options"]["queue"]) == (60.0, "ramp")
