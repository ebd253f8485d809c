# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Thousands of comparisons on arrays: row by row the same as one at a time."""

import math

import numpy as np
import pytest

from analysis.stats.compare import difference
from analysis.stats.estimators import mean, proportion
from analysis.stats.many import Estimates, differences
from analysis.stats.moments import Moments
from analysis.stats.results import Estimate, InvalidInput, NotEstimable, Why


def columns(rng, m):
    n = rng.integers(2, 5000, m).astype(float)
    return n, rng.normal(10, 3, m), rng.gamma(2, 2, m)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_differences__each_row__same_as_alone(alternative):
    rng = np.random.default_rng(1)
    arms = columns(rng, 50), columns(rng, 50)

    found = differences(*(Estimates.means(*arm) for arm in arms), alternative=alternative, null=0.1)

    assert len(found) == 50
    for row in range(50):
        alone = difference(
            *(Estimate(m[row], v[row] / n[row], n[row] - 1) for n, m, v in arms),
            alternative=alternative,
            null=0.1,
        )
        assert found[row].p_value == pytest.approx(alone.p_value, rel=1e-12)
        assert found[row].degrees_of_freedom == pytest.approx(alone.degrees_of_freedom, rel=1e-12)
        low, high = alone.confidence_interval.lower, alone.confidence_interval.upper
        assert found[row].confidence_interval.lower == pytest.approx(low, rel=1e-10)
        assert found[row].confidence_interval.upper == pytest.approx(high, rel=1e-10)
        assert found[row].method == alone.method


def test_differences__rows_without_estimate__named_and_never_nan():
    n, m = np.array([0.0, 1.0, 10.0, 10.0]), np.array([np.nan, 1.0, 2.0, 2.0])
    variance = np.array([np.nan, np.nan, 0.0, 1.0])

    found = differences(Estimates.means(n, m, variance), Estimates.means(n, m, variance))

    assert found[0] == NotEstimable(Why.TOO_FEW_UNITS)
    assert found[1] == NotEstimable(Why.TOO_FEW_UNITS)
    assert found[2] == NotEstimable(Why.NO_VARIATION)
    assert found[3].p_value == 1.0
    for column in (found.estimate, found.standard_error, found.p_value, found.lower, found.upper):
        assert not np.isnan(column).any()


def test_differences__from_estimates_with_infinite_df__normal():
    rows = [Estimate(1.0, 0.5), mean(Moments.from_rows([1.0, 2.0])), NotEstimable(Why.NO_UNITS)]

    found = differences(Estimates.of(rows), Estimates.of([Estimate(2.0, 0.5)] * 3))

    assert found[0].p_value == pytest.approx(math.erfc(1 / math.sqrt(2)), rel=1e-12)
    assert found[0].method == "normal"
    assert isinstance(found[2], NotEstimable)


def test_estimates__proportion_with_few_events__refused():
    few = proportion(Moments.from_rows([0.0, 0.0, 1.0]))

    with pytest.raises(InvalidInput, match="score limits"):
        Estimates.of([few])


def test_differences__arms_of_different_length_or_impossible_alpha__refused():
    two, three = (Estimates(np.zeros(m), np.ones(m), np.full(m, 9.0)) for m in (2, 3))

    with pytest.raises(InvalidInput, match="one row per comparison"):
        differences(two, three)
    with pytest.raises(InvalidInput, match="alpha"):
        differences(two, two, alpha=1.0)


def test_estimates__constant_values__no_residue_of_rounding():
    arms = [Moments.from_rows(np.full(7, 0.1)), Moments.from_rows(np.full(9, 0.3))]

    found = differences(
        *(
            Estimates.means(np.array([7.0]), np.array([arm.mean[0]]), np.array([1e-34 + arm.variance()]))
            for arm in arms
        )
    )

    assert found[0] == difference(*map(mean, arms)) == NotEstimable(Why.NO_VARIATION)
