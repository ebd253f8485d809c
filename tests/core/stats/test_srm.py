# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Sample ratio: chi-square of scipy, the e-value as a product of predictions, and peeking."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.stats import srm
from analysis.stats.results import InvalidInput, NotEstimable, Status, Why


@pytest.mark.parametrize(
    ("counts", "weights"),
    [([5100, 4900], [1, 1]), ([900, 101], [0.9, 0.1]), ([100, 120, 90], [2, 2, 1]), ([0, 30], [0.5, 0.5])],
)
def test_chi_square__against_scipy(counts, weights):
    found = srm.chi_square(counts, weights)

    expected = np.array(weights) / sum(weights) * sum(counts)
    oracle = stats.chisquare(counts, expected)
    assert found.statistic == pytest.approx(oracle.statistic, rel=1e-10)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)
    assert found.expected == pytest.approx(expected)
    assert found.degrees_of_freedom == len(counts) - 1


def test_chi_square__arm_without_weight__not_counted_until_a_unit_appears_in_it():
    empty = srm.chi_square([50, 50, 0], [1, 1, 0])
    leaked = srm.chi_square([50, 50, 1], [1, 1, 0])

    assert (empty.degrees_of_freedom, empty.p_value, empty.status) == (1, 1.0, Status.OK)
    assert leaked.status is Status.UNPLANNED_ARM
    assert leaked.mismatch
    assert leaked.to_dict()["statistic"] is None
    assert srm.e_value([50, 50, 1], [1, 1, 0]).p_value == 0.0


def test_chi_square__nobody_yet__named():
    assert srm.chi_square([0, 0], [1, 1]) == NotEstimable(Why.NO_UNITS)
    assert srm.e_value([0, 0], [1, 1]) == NotEstimable(Why.NO_UNITS)


def test_chi_square__deviation__in_points_of_share():
    assert srm.chi_square([550, 450], [1, 1]).deviation_points == pytest.approx(5.0)


@given(
    sequence=st.lists(st.integers(0, 2), min_size=1, max_size=60),
    weights=st.tuples(*[st.floats(0.1, 10)] * 3),
    concentration=st.floats(1, 1e4),
)
def test_e_value__product_of_one_step_predictions_over_the_plan(sequence, weights, concentration):
    share = np.array(weights) / sum(weights)
    seen, log_e = concentration * share, 0.0
    for arm in sequence:
        log_e += math.log(seen[arm] / seen.sum() / share[arm])
        seen[arm] += 1

    found = srm.e_value(
        [int(n) for n in np.bincount(sequence, minlength=3)], weights, concentration=concentration
    )

    assert found.statistic == pytest.approx(log_e, abs=1e-8)
    assert found.p_value == pytest.approx(min(1.0, math.exp(-log_e)), rel=1e-7)


@pytest.mark.parametrize(
    ("counts", "log_e"),
    [
        ((500_000_001, 499_999_999), -6.90800577669022),
        ((500_000_000_001, 499_999_999_999), -10.3618829189293),
        ((50_000_000_000_000_001, 49_999_999_999_999_999), -16.1183456509167),
    ],
)
def test_e_value__billions_of_units_and_more__right_to_ten_digits(counts, log_e):
    """Expected values: log-gamma functions in 50 digits."""
    found = srm.e_value(counts, (1, 1))

    assert found.statistic == pytest.approx(log_e, rel=1e-10)
    assert found.p_value == 1.0


def test_e_value__hourly_looks_at_a_healthy_split__keeps_its_level_where_chi_square_does_not():
    rng = np.random.default_rng(1)
    alarms = {"e_value": 0, "chi_square": 0}
    for _ in range(200):
        counts = np.cumsum(rng.binomial(300, 0.5, 100))
        totals = 300 * np.arange(1, 101)
        looks = [(int(a), int(n - a)) for a, n in zip(counts, totals, strict=True)]
        alarms["e_value"] += min(srm.e_value(look, (1, 1)).p_value for look in looks) < 0.05
        alarms["chi_square"] += min(srm.chi_square(look, (1, 1)).p_value for look in looks) < 0.05

    assert alarms["e_value"] <= 10
    assert alarms["chi_square"] >= 40


def test_by_dimension__holm_over_slices_with_units():
    counts = {"android": (5300, 4700), "ios": (5000, 5010), "web": (20, 25), "tv": (0, 0)}

    found = srm.by_dimension(counts, (1, 1))

    raw = {name: srm.chi_square(pair, (1, 1)).p_value for name, pair in counts.items() if sum(pair)}
    assert found["tv"] == NotEstimable(Why.NO_UNITS)
    assert found["android"].adjusted_p_value == pytest.approx(3 * raw["android"])
    assert found["android"].mismatch
    assert not found["ios"].mismatch
    assert all(found[name].p_value == raw[name] for name in raw)


def test_by_dimension__sequential__e_values_with_holm():
    counts = {"android": (5400, 4600), "ios": (5000, 5010), "tv": (0, 0)}

    found = srm.by_dimension(counts, (1, 1), sequential=True)

    alone = {name: srm.e_value(counts[name], (1, 1)).p_value for name in ("android", "ios")}
    assert found["android"].adjusted_p_value == pytest.approx(2 * alone["android"])
    assert found["android"].mismatch
    assert found["ios"].adjusted_p_value == alone["ios"] == 1.0
    assert found["tv"] == NotEstimable(Why.NO_UNITS)


@pytest.mark.parametrize(
    ("counts", "weights", "field"),
    [
        ([1, 2], [1, 1, 1], "weights"),
        ([1, 2], [1, 0], "weights"),
        ([1, 2, 3], [1, 1, -1], "weights"),
        ([1, -2], [1, 1], "counts"),
        ([1, 2], [1, math.inf], "weights"),
    ],
)
def test_srm__impossible_plan_or_counts__refused(counts, weights, field):
    with pytest.raises(InvalidInput) as caught:
        srm.chi_square(counts, weights)

    assert caught.value.field == field
