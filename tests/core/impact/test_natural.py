"""Events of the past: which give a slope, which do not and why; confounded ones never reach grade B."""

from datetime import date, timedelta

import numpy as np
import pytest

from impact.grades import Grade, grade_of
from impact.natural import Estimated, NothingToSay, Value, estimate, unexplained

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
        (history()[:60] + history()[61:], 120, "days are missing"),
    ],
)
def test_event__that_cannot_tell__says_why(values, start, words):
    found = looked_at(values, start)

    assert isinstance(found, NothingToSay)
    assert words in found.reason


def test_event__day_without_traffic__says_so():
    values = history()
    values[30] = Value(values[30].day, (None, 0.06), (800.0, 790.0))

    assert "no value" in looked_at(values).reason


def test_unexplained__latency_rises_for_good__its_day_and_levels():
    values = history(start=100, length=40)

    found = unexplained(values, [])

    assert [shift.day for shift in found] == [FIRST + timedelta(days=100)]
    assert found[0].after - found[0].before == pytest.approx(400, abs=15)


def test_unexplained__somebody_wrote_it_down__nothing_left():
    values = history(start=100, length=40)

    assert unexplained(values, [FIRST + timedelta(days=101)]) == []
