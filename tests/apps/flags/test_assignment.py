# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""From the service to the SDK: who gets what, and that nobody changes arm on the way to everybody."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flags import services
from flags.models import Salt
from headway.evaluation import compile_config
from ledger.refusals import Conflict, Refused
from tests.apps.flags.build import (
    BY,
    HALF,
    NOW,
    definition,
    document,
    environment,
    flag,
    layer,
    live,
    published,
)

pytestmark = pytest.mark.django_db
AT: dict = {"flag": "checkout", "environment": "production"}
UNITS = [f"user-{number}" for number in range(400)]
DE = {"attribute": "country", "op": "equals", "value": "de"}


def start(experiment="prefetch", coverage_ppm=100_000, arms=HALF, **options):
    return services.publish_experiment_rule(
        **AT, experiment=experiment, arms=arms, coverage_ppm=coverage_ppm, **{**BY, **options}
    )


def end(experiment="prefetch"):
    return services.end_experiment_rule(**AT, experiment=experiment, **BY)


def served(attributes=None, units=UNITS, key="checkout"):
    """Unit → (variant, reason), as an SDK with the current document says it."""
    config = compile_config(document())
    answers = {unit: config.evaluate(key, unit, attributes) for unit in units}
    return {unit: (answer.variant, answer.reason) for unit, answer in answers.items()}


def enrolled(answers):
    return {unit: variant for unit, (variant, reason) in answers.items() if reason == "SPLIT"}


def test_coverage__from_1_to_100_percent__arms_never_change_and_nobody_leaves():
    flag()
    start(coverage_ppm=10_000)
    before = enrolled(served())

    for percent in (2, 3, 5, 10, 20, 35, 50, 51, 75, 90, 99, 100):
        start(coverage_ppm=percent * 10_000)
        now = enrolled(served())
        assert before.items() <= now.items()
        before = now

    assert len(before) == len(UNITS)
    assert 140 < sum(variant == "on" for variant in before.values()) < 260


@given(steps=st.lists(st.integers(0, 1_000_000), min_size=2, max_size=6, unique=True))
@examples(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_coverage__any_steps_up_and_down__a_unit_has_one_arm(db, steps):
    environment()
    key = f"flag-{abs(hash(tuple(steps)))}"
    flag(key)
    published(
        [{"split": {"coverage_ppm": 0 if steps[0] else 1, "arms": [list(arm) for arm in HALF]}}], flag=key
    )
    arms: dict = {}

    for coverage_ppm in steps:
        services.set_coverage(flag=key, environment="production", coverage_ppm=coverage_ppm, **BY)
        answers = enrolled(served(key=key, units=UNITS[:100]))
        assert all(arms.setdefault(unit, variant) == variant for unit, variant in answers.items())


def test_experiment__starts__nobody_outside_it_sees_anything_new():
    flag()
    published([{"variant": "on", "when": DE}])
    before = served(), served({"country": "de"})

    start(coverage_ppm=200_000)

    after, inside = served(), enrolled(served())
    assert served({"country": "de"}) == before[1]
    assert 40 < len(inside) < 120
    for unit in UNITS:
        if unit not in inside:
            assert after[unit][0] == before[0][unit][0] == "off"


def test_experiment__ends__everybody_has_what_they_had():
    flag()
    published([{"variant": "on", "when": DE}])
    before = served(), served({"country": "de"})
    start(coverage_ppm=1_000_000)

    end()

    assert (served(), served({"country": "de"})) == before
    assert end() is None


def test_experiment__its_rule__last_with_salts_of_its_own_and_said_in_exposures():
    flag()
    published([{"variant": "on", "when": DE}])

    made = start()

    rule = made.definition["rules"][-1]
    salts = {rule["split"]["gate_salt"], rule["split"]["arm_salt"]}
    assert (rule["id"], rule["experiment"], rule["split"]["coverage_ppm"]) == (
        "prefetch",
        "prefetch",
        100_000,
    )
    assert set(Salt.objects.filter(subject="flag:checkout").values_list("value", flat=True)) == salts
    answer = compile_config(document()).evaluate("checkout", next(iter(enrolled(served()))))
    assert (answer.experiment, answer.version) == ("prefetch", made.number)


def test_experiment__other_weights__only_the_difference_changes_arm():
    flag()
    start(coverage_ppm=1_000_000)
    before = enrolled(served())

    start(coverage_ppm=1_000_000, arms=[("off", 400_000), ("on", 600_000)])

    after = enrolled(served())
    moved = {unit for unit in UNITS if before[unit] != after[unit]}
    assert all(before[unit] == "off" for unit in moved)
    assert 15 < len(moved) < 75


def test_experiment__flag_switched_off__conflict():
    flag()
    services.switch_off(**AT, reason="slow", **BY)

    with pytest.raises(Conflict, match="switched off in production"):
        start()


def test_experiment__flag_not_served_there__conflict():
    flag()
    environment("staging", is_production=False)

    with pytest.raises(Conflict, match="no live version in staging"):
        services.publish_experiment_rule(
            flag="checkout", environment="staging", experiment="x", arms=HALF, coverage_ppm=5, **BY
        )


def test_experiment__other_unit__refused():
    flag(unit_type="device")

    with pytest.raises(Refused, match="decides for each device"):
        start(unit_type="user")


def test_experiment__arm_the_flag_does_not_have__refused():
    flag()

    with pytest.raises(Refused, match="there is no such variant"):
        start(arms=[("off", 500_000), ("new", 500_000)])


@pytest.mark.parametrize(
    "change",
    [
        lambda: published([]),
        lambda: services.revert(**AT, version=1, **BY),
        lambda: published([{"variant": "on", "when": DE}, *definition()["rules"]]),
        lambda: services.set_coverage(**AT, coverage_ppm=500_000, **BY),
        lambda: services.set_coverage(**AT, coverage_ppm=1, **BY),
    ],
)
def test_experiment__its_units_changed_by_hand__conflict(change):
    flag()
    start()

    with pytest.raises(Conflict, match="running experiment prefetch"):
        change()

    assert live().number == 2


def test_experiment__killed_by_hand__nobody_is_in_it_and_it_can_still_end():
    flag()
    start(coverage_ppm=1_000_000)

    services.switch_off(**AT, reason="harm", **BY)

    assert enrolled(served()) == {}
    assert end().definition["rules"] == []


def test_layer__two_experiments__no_unit_is_in_both_and_ending_one_leaves_the_other():
    layer(key="page")
    flag()
    for experiment in ("first", "second"):
        services.allocate_slots(layer="page", experiment=experiment, share_ppm=400_000, **BY)
        start(experiment, coverage_ppm=1_000_000, layer="page")
    config = compile_config(document())
    answers = {unit: config.evaluate("checkout", unit) for unit in UNITS}

    shares = [sum(each.experiment == name for each in answers.values()) for name in ("first", "second")]
    assert all(110 < share < 210 for share in shares)

    end("first")

    later = compile_config(document())
    for unit, answer in answers.items():
        kept = answer.variant if answer.experiment == "second" else "off"
        assert later.evaluate("checkout", unit).variant == kept


def test_layer__no_slots_of_its_own__conflict():
    layer(key="page")
    flag()

    with pytest.raises(Conflict, match="owns no slots"):
        start(layer="page")


def test_ship__variant__everybody_gets_it_and_again_changes_nothing():
    flag()

    made = services.ship_variant(**AT, variant="on", experiment="prefetch", reason="won", **BY)

    assert made.definition["default"] == "on"
    assert {variant for variant, _ in served().values()} == {"on"}
    assert services.ship_variant(**AT, variant="on", experiment="prefetch", reason="won", **BY) is None


def test_sibling_flags__same_units_same_coverage__pick_people_independently():
    for key in ("a", "b"):
        flag(key)
        published([{"split": {"coverage_ppm": 500_000, "arms": [["on", 1_000_000]]}}], flag=key)
    inside = [set(enrolled(served(key=key))) for key in ("a", "b")]

    both = len(inside[0] & inside[1])

    assert 60 < both < 140


def test_publish__later_time__document_says_when():
    flag()

    start(now=NOW + timedelta(hours=1))

    assert document()["built_at"] == "2026-03-02T10:30:00.000Z"
