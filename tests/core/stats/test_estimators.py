# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Estimators of one arm against brute force on rows; degenerate arms have a name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats.estimators import capped_mean, count, mean, proportion, quantile, ratio
from analysis.stats.moments import Moments
from analysis.stats.quantiles import QuantileStat, quantile_ranks
from analysis.stats.results import InvalidInput, NotEstimable, Status, Why
from analysis.stats.simulate import Population, sessions


def moments(*rows):
    return Moments.from_rows(np.array(rows))


def test_mean__against_rows():
    values = np.random.default_rng(1).gamma(2, 3, 50)

    estimate = mean(Moments.from_rows(values))

    assert estimate.value == pytest.approx(values.mean(), rel=1e-12)
    assert estimate.variance == pytest.approx(values.var(ddof=1) / 50, rel=1e-12)
    assert (estimate.degrees_of_freedom, estimate.units, estimate.method) == (49, 50, "mean")
    assert count(Moments.from_rows(values)).variance == estimate.variance


@pytest.mark.parametrize("estimator", [mean, count, proportion, lambda m: ratio(m, 0, 0)])
def test_estimators__no_units_or_one__named(estimator):
    assert estimator(Moments.empty(1)) == NotEstimable(Why.NO_UNITS)
    assert estimator(moments(1.0)) == NotEstimable(Why.TOO_FEW_UNITS)


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.0, 1e9 / 3])
def test_mean__constant_values__no_variation_and_no_residue(constant):
    estimate = mean(Moments.from_rows(np.full(1003, constant)))

    assert estimate.status is Status.NO_VARIATION
    assert estimate.variance == 0.0
    assert estimate.value == pytest.approx(constant, rel=1e-15)


@given(st.lists(st.floats(-1e100, 1e100), max_size=12))
def test_mean__any_finite_values__never_nan(values):
    estimate = mean(Moments.from_rows(np.array(values, dtype=float)))

    if isinstance(estimate, NotEstimable):
        assert len(values) < 2 or estimate.why is Why.OUT_OF_RANGE
    else:
        assert np.isfinite([estimate.value, estimate.variance]).all()
        assert estimate.variance >= 0


def test_ratio__delta_method__against_rows_and_jackknife():
    rng = np.random.default_rng(2)
    d = 1 + rng.poisson(4, 400)
    y = rng.gamma(2 * d * rng.gamma(3, 1 / 3, 400))
    estimate = ratio(Moments.from_rows(np.column_stack([y, d])))

    r = y.sum() / d.sum()
    z = (y - r * d) / d.mean()
    assert estimate.value == pytest.approx(r, rel=1e-12)
    assert estimate.variance == pytest.approx(z.var(ddof=1) / 400, rel=1e-10)
    left_out = (y.sum() - y) / (d.sum() - d)
    jackknife = 399 / 400 * ((left_out - left_out.mean()) ** 2).sum()
    assert estimate.variance == pytest.approx(jackknife, rel=0.02)


def test_ratio__denominator_zero_or_negative__named():
    assert ratio(moments([1.0, 0.0], [2.0, 0.0])) == NotEstimable(Why.DENOMINATOR_NOT_POSITIVE)
    assert ratio(moments([1.0, -1.0], [2.0, -2.0])) == NotEstimable(Why.DENOMINATOR_NOT_POSITIVE)


def test_ratio__same_rate_for_everybody__no_variation():
    estimate = ratio(moments([1.1, 1.0], [2.2, 2.0], [7.7, 7.0]))

    assert estimate.status is Status.NO_VARIATION
    assert estimate.variance == 0.0


def test_proportion__plenty_of_events__the_mean():
    values = np.r_[np.ones(40), np.zeros(160)]

    estimate = proportion(Moments.from_rows(values))

    assert estimate.counts is None
    assert estimate.variance == pytest.approx(values.var(ddof=1) / 200)


def test_proportion__few_events__variance_with_one_success_and_one_failure_more():
    found = proportion(Moments.from_events(3, 200))

    assert found.value == 3 / 200
    assert found.variance == pytest.approx(4 / 202 * (198 / 202) / 202, rel=1e-12)
    assert proportion(Moments.from_events(0, 200)).variance > 0


@pytest.mark.parametrize(("events", "few"), [(0, True), (9, True), (10, False), (190, False), (191, True)])
def test_proportion__fewer_than_ten_events_or_non_events__carries_counts(events, few):
    values = np.r_[np.ones(events), np.zeros(200 - events)]

    estimate = proportion(Moments.from_rows(values))

    assert (estimate.status is Status.FEW_EVENTS) == few
    assert (estimate.counts is not None) == few
    assert estimate.variance > 0
    if few:
        assert (estimate.counts.events, estimate.counts.trials) == (events, 200)


@pytest.mark.parametrize("values", [[0.0, 2.0, 1.0], [0.5, 0.5, 0.5, 0.5], [-1.0, 0.0, 0.0]])
def test_proportion__values_other_than_zero_and_one__refused(values):
    with pytest.raises(InvalidInput):
        proportion(Moments.from_rows(values * 10))


def test_capped_mean__mean_above_the_cap__refused():
    rows = Moments.from_rows([1.0, 5.0, 9.0])

    assert capped_mean(rows, 9.0).method == "mean capped at 9"
    with pytest.raises(InvalidInput, match="exceeds the cap"):
        capped_mean(rows, 4.0)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
def test_quantile__clustered_sessions__error_agrees_with_user_bootstrap(q):
    rng = np.random.default_rng(11)
    arm = sessions(rng, Population(), 800)

    estimate = quantile(QuantileStat.from_sessions(arm.values, arm.users, q))

    starts = np.searchsorted(arm.users, np.arange(801))
    by_user = np.split(arm.values, starts[1:-1])
    boot = [
        np.quantile(np.concatenate([by_user[i] for i in rng.integers(0, 800, 800)]), q) for _ in range(300)
    ]
    assert estimate.value == pytest.approx(np.quantile(arm.values, q, method="inverted_cdf"))
    assert estimate.standard_error == pytest.approx(np.std(boot), rel=0.25)
    assert estimate.units == 800


def test_quantile__one_session_per_user__error_of_independent_sessions():
    values = np.random.default_rng(12).exponential(1.0, 20_000)

    estimate = quantile(QuantileStat.from_sessions(values, np.arange(20_000), 0.5))

    assert estimate.standard_error == pytest.approx(np.sqrt(0.25 / 20_000) / 0.5, rel=0.05)


def test_quantile__too_few_sessions_for_the_outer_ranks__out_of_reach():
    values = np.arange(50.0)

    found = quantile(QuantileStat.from_sessions(values, np.arange(50), 0.99))

    assert found == NotEstimable(Why.QUANTILE_OUT_OF_REACH)


def test_quantile__all_sessions_tie__named():
    found = quantile(QuantileStat.from_sessions(np.full(500, 3.0), np.arange(500), 0.5))

    assert found == NotEstimable(Why.QUANTILE_TIED)


def test_quantile__one_user__named():
    found = quantile(QuantileStat.from_sessions(np.arange(500.0), np.zeros(500, int), 0.5))

    assert found == NotEstimable(Why.TOO_FEW_UNITS)


@given(n=st.integers(1, 10_000), q=st.floats(0.01, 0.99))
def test_quantile_ranks__any_size__in_order_and_read_back_from_shares(n, q):
    ranks = quantile_ranks(n, q)

    assert 1 <= ranks.lower <= ranks.middle <= ranks.upper <= n
    picked = [int(np.ceil(share * n)) for share in ranks.shares]
    assert picked == [ranks.lower, ranks.middle, ranks.upper]


@pytest.mark.parametrize(
    ("n", "expected"), [(5, (1, 3, 5, False)), (8, (1, 4, 7, True)), (9, (1, 5, 8, True))]
)
def test_quantile_ranks__smallest_samples__in_reach_from_the_first_rank_on(n, expected):
    found = quantile_ranks(n, 0.5)

    assert (found.lower, found.middle, found.upper, found.in_reach) == expected


@pytest.mark.parametrize(("n", "q"), [(10, 0.0), (10, 1.0), (10, 95), (0, 0.5)])
def test_quantile_ranks__impossible__refused(n, q):
    with pytest.raises(InvalidInput):
        quantile_ranks(n, q)
