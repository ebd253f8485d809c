"""Results: plain values that become JSON without losing what they say."""

import json
import math

from analysis.stats.compare import Margin, difference, lift, noninferiority
from analysis.stats.results import (
    Alternative,
    Comparison,
    Counts,
    Estimate,
    Inference,
    Interval,
    InvalidInput,
    NotEstimable,
    Status,
    Why,
)

CONTROL, TREATMENT = Estimate(10.0, 0.04, 99.0, 100), Estimate(10.5, 0.09, 99.0, 100)


def test_to_dict__of_every_result__is_strict_json():
    results = [
        CONTROL,
        difference(CONTROL, TREATMENT),
        lift(CONTROL, TREATMENT),
        noninferiority(CONTROL, TREATMENT, margin=Margin(0.05, relative=True), better="up"),
        lift(Estimate(0.1, 1.0), TREATMENT),
        NotEstimable(Why.TOO_FEW_UNITS, "control"),
        Estimate(0.01, 1e-4, counts=Counts(1, 100)),
    ]

    for result in results:
        assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == result.to_dict()


def test_to_dict__one_sided_bound__open_end_is_none():
    shown = difference(CONTROL, TREATMENT, alternative="greater").to_dict()

    assert shown["confidence_interval"]["upper"] is None
    assert shown["confidence_interval"]["lower"] < 0.5
    assert shown["information"] == 1 / shown["standard_error"] ** 2


def test_not_estimable__says_which_arm_and_why():
    found = difference(NotEstimable(Why.NO_UNITS), TREATMENT)

    assert found == NotEstimable(Why.NO_UNITS, "control")
    assert found.status is Status.NOT_ESTIMABLE
    assert found.to_dict() == {"status": "not_estimable", "why": "no_units", "arm": "control"}


def test_interval__holds_its_ends():
    interval = Interval(-1.0, 3.0)

    assert -1.0 in interval
    assert 3.0 in interval
    assert 3.0001 not in interval
    assert interval.half_width == 2.0


def test_comparison__defaults__fixed_two_sided_absolute():
    comparison = Comparison(1.0, 0.5, math.inf, 2.0, 0.0455, Interval(0.02, 1.98))

    assert comparison.inference is Inference.FIXED
    assert comparison.alternative is Alternative.TWO_SIDED
    assert comparison.information == 4.0
    assert comparison.rejects


def test_invalid_input__names_field_value_and_fix():
    error = InvalidInput("alpha", 2, "alpha is below 1", "Use 0.05.")

    assert str(error) == "alpha = 2: alpha is below 1. Use 0.05."
