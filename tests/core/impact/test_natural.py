"""Events of the past: which give a slope, which do not and why; confounded ones never reach grade B."""

from datetime import date, timedelta

import numpy as np
import pytest

from impact.grades import Grade, grade_of
from impact.history import Donor, Estimated, NothingToSay, Value
from impact.natural import estimate

FIRST = date(2026, 1, 1)


def history(*, days=140, start=120, length=5, slope=-0.004, delay=400.0, compared=True, drift=0.0, seed=1):
    rng = np.random.default_rng(seed)
    values = []
    for i in range(days):
        hit = start <= i < start + length
        weekly = 0.03 * (i % 7)
        outcome = 0.05 * np.exp(weekly + rng.normal(0, 0.01) + hit * slope * delay / 100 + drift * i)
        others = 0.06 * np.exp(weekly + rng.normal(0, 0.01))
        latency = 800 + rng.normal(0, 8) + hit * delay
        values.append(
            Value(
                FIRST + timedelta(days=i),
                (outcome, others if compared else None),
                (latency, 790 + rng.normal(0, 8) if compared else None),
            )
        )
    return values


def looked_at(values, start=120, length=5):
    began = FIRST + timedelta(days=start)
    return estimate(values, began_on=began, ended_on=began + timedelta(days=length))


def test_event__with_a_comparison_and_a_long_history__grade_b_and_the_planted_slope():
    found = looked_at(history())

    assert isinstance(found, Estimated)
    assert grade_of(found.design) is Grade.B
    assert found.per_100_ms == pytest.approx(-0.004, abs=3 * found.standard_error)


def test_event__everybody_was_hit__grade_c_whatever_its_interval():
    values = history(compared=False, length=14, days=134)

    found = looked_at(values, length=14)

    assert isinstance(found, Estimated)
    assert grade_of(found.design) is Grade.C


def test_event__slices_that_drift_apart__grade_c():
    found = looked_at(history(drift=0.003))

    assert grade_of(found.design) is Grade.C


@pytest.mark.parametrize(
    ("values", "start", "words"),
    [
        (history(days=60, start=50), 50, "placebo dates need"),
        (history(delay=5.0), 120, "ms only"),
        (history()[:100], 120, "does not cover"),
        (history()[:60] + history()[61:], 120, "59 unbroken days"),
        (history()[:122] + history()[123:], 120, "days of the event are missing"),
    ],
)
def test_event__that_cannot_tell__says_why(values, start, words):
    found = looked_at(values, start)

    assert isinstance(found, NothingToSay)
    assert words in found.reason


def test_event__day_without_traffic__only_the_days_after_it_count():
    values = history()
    values[30] = Value(values[30].day, (None, 0.06), (800.0, 790.0))

    assert "89 unbroken days" in looked_at(values).reason


def test_event__gap_long_before_it__changes_nothing():
    values = history(days=220, start=200)

    found = looked_at(values[:50] + values[51:], 200)

    assert grade_of(found.design) is Grade.B


DAYS, START, LENGTH = 132, 120, 7


def countries(*, others=8, slope=-0.004, shock=0.0, strange=False, seed=3):
    """One country that is hit, and others that share two tides with it (or none, when it is strange)."""
    rng = np.random.default_rng(seed)
    tides = rng.normal(0, 0.015, (2, DAYS)).cumsum(axis=1) / 3
    loads = rng.dirichlet(np.ones(2), others + 1)
    hit = (np.arange(DAYS) >= START) & (np.arange(DAYS) < START + LENGTH)
    logs = loads @ tides + rng.normal(0, 0.006, (others + 1, DAYS))
    logs += np.outer(rng.normal(0, shock, others + 1), hit)
    if strange:
        logs[0] = rng.normal(0, 0.06, DAYS)
    logs[0] += slope * 4 * hit
    outcome, latency = 0.05 * np.exp(logs), 800 + rng.normal(0, 8, (others + 1, DAYS))
    latency[0] += 400 * hit
    days = [FIRST + timedelta(days=i) for i in range(DAYS)]
    values = [
        Value(day, (outcome[0, i], outcome[1:, i].mean()), (latency[0, i], latency[1:, i].mean()))
        for i, day in enumerate(days)
    ]
    donors = [Donor(f"c{i}", list(outcome[i]), list(latency[i])) for i in range(1, others + 1)]
    began = FIRST + timedelta(days=START)
    return estimate(values, began_on=began, ended_on=began + timedelta(days=LENGTH), donors=donors)


def test_method__many_unaffected_slices__synthetic_control_with_its_fit_and_a_smaller_error():
    found = countries()

    assert found.method.startswith("synthetic control")
    assert grade_of(found.design) is Grade.B
    assert found.per_100_ms == pytest.approx(-0.004, abs=3 * found.standard_error)
    assert found.standard_error < found.details["other_method"]["standard_error"]
    assert sum(weight for _, weight in found.details["mix"]) == pytest.approx(1, abs=0.04)
    assert 0 < found.details["error_before"] < 0.02
    assert found.details["space_p_value"] == pytest.approx(1 / 9)


def test_method__few_unaffected_slices__difference_in_differences_and_why():
    found = countries(others=4)

    assert found.method.startswith("difference of slices")
    assert found.details["chosen_because"] == (
        "difference in differences: a mix needs 5 slices that were not hit (it has 4)"
    )


def test_method__no_mix_runs_like_the_affected_slice__difference_in_differences_and_why():
    found = countries(strange=True, slope=-0.0001)

    assert found.method.startswith("difference of slices")
    assert "more than the effect" in found.details["chosen_because"]


def test_method__every_slice_was_shaken_on_those_days__the_error_grows():
    calm, shaken = countries(slope=-0.02), countries(slope=-0.02, shock=0.05)

    assert shaken.details["in_space"] > 2 * calm.details["in_space"]
    assert shaken.standard_error > 2 * calm.standard_error


def test_method__others_became_slower_as_well__said():
    values = history()
    for i in range(120, 125):
        value = values[i]
        values[i] = Value(value.day, value.outcome, (value.latency_ms[0], value.latency_ms[1] + 150))

    assert "moved by +1" in looked_at(values).details["spill_over"]
    assert looked_at(history()).details["spill_over"] == ""
