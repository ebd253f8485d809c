# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Lin's regression adjustment and post-stratification against rows, statsmodels and the bootstrap."""

import numpy as np
import pytest
import statsmodels.api as sm

from analysis.stats.adjusted import (
    ArmRows,
    RatioColumns,
    lin,
    lin_ratio,
    post_stratified,
    regression_adjusted,
)
from analysis.stats.compare import difference
from analysis.stats.moments import Moments
from analysis.stats.results import InvalidInput, NotEstimable, Status, Why
from tests.core.stats.rows import linearised, make_rows, pre_period_rows, two_arms


@pytest.fixture
def arms():
    return two_arms()


def test_lin__same_values_as_the_regression_on_rows_and_its_variance_to_first_order():
    rng = np.random.default_rng(3)
    arms = [make_rows(rng, 30_000), make_rows(rng, 8_000, 0.5)]

    found = lin([Moments.from_rows(arm) for arm in arms], covariates=(1, 2))

    on_rows = regression_adjusted([ArmRows(arm[:, 0], arm[:, 1:]) for arm in arms])
    for from_moments, exact in zip(found, on_rows, strict=True):
        assert from_moments.value == pytest.approx(exact.value, rel=1e-12)
        assert from_moments.variance == pytest.approx(exact.variance, rel=0.005)
        assert from_moments.degrees_of_freedom == exact.degrees_of_freedom


def test_lin__variance__that_of_the_intercept_in_statsmodels(arms):
    found = lin([Moments.from_rows(arm) for arm in arms], covariates=(1, 2))

    centre = np.concatenate(arms).mean(axis=0)[1:]
    fits = [sm.OLS(arm[:, 0], sm.add_constant(arm[:, 1:] - centre)).fit() for arm in arms]
    of_mean = covariance_of_pooled_mean([arm[:, 1:] for arm in arms])
    apart = fits[1].params[1:] - fits[0].params[1:]
    assert found[0].variance == pytest.approx(fits[0].bse[0] ** 2, rel=1e-9)
    assert found[1].variance == pytest.approx(fits[1].bse[0] ** 2 + apart @ of_mean @ apart, rel=1e-9)


def covariance_of_pooled_mean(covariates):
    """Of the mean over all arms' rows; spread around each arm's own mean."""
    within = np.concatenate([rows - rows.mean(axis=0) for rows in covariates])
    return within.T @ within / len(within) ** 2


def test_lin__slopes_far_apart__error_of_the_difference_agrees_with_the_bootstrap():
    rng = np.random.default_rng(9)
    before = [rng.gamma(4.0, 0.5, n) for n in (900, 150)]
    arms = [
        np.column_stack([slope * x + rng.gamma(2.0, 0.4, x.size), x])
        for slope, x in zip((2.0, 0.0), before, strict=True)
    ]

    found = difference(*lin([Moments.from_rows(arm) for arm in arms]))

    again = [
        difference(*lin([Moments.from_rows(arm[rng.integers(0, len(arm), len(arm))]) for arm in arms]))
        for _ in range(2_000)
    ]
    assert found.standard_error == pytest.approx(np.std([f.estimate for f in again]), rel=0.06)


def test_lin__collinear_or_constant_covariates__same_value_without_them(arms):
    extended = [np.column_stack([arm, 2 * arm[:, 1], np.full(len(arm), 3.0)]) for arm in arms]

    found = lin([Moments.from_rows(arm) for arm in extended], covariates=(1, 2, 3, 4))

    plain = lin([Moments.from_rows(arm) for arm in arms], covariates=(1, 2))
    assert [e.value for e in found] == pytest.approx([e.value for e in plain], rel=1e-9)
    assert [e.variance for e in found] == pytest.approx([e.variance for e in plain], rel=0.02)


def test_lin__too_few_units_or_a_perfect_fit__named(arms):
    few = Moments.from_rows(arms[0][:3])
    perfect = Moments.from_rows(np.column_stack([np.arange(9.0), np.arange(9.0)]))

    assert lin([few, Moments.from_rows(arms[1])], covariates=(1, 2))[0] == NotEstimable(Why.TOO_FEW_UNITS)
    assert lin([Moments.empty(2), perfect])[0] == NotEstimable(Why.NO_UNITS)
    assert lin([perfect, perfect])[0].status is Status.NO_VARIATION


def test_lin_ratio__against_regression_of_the_linearised_rows():
    arms = [pre_period_rows(seed, n) for seed, n in ((31, 900), (32, 150))]
    columns = RatioColumns(more=(4,))

    found = lin_ratio([Moments.from_rows(arm) for arm in arms], columns)

    pooled, linear = np.concatenate(arms).mean(axis=0), [linearised(arm) for arm in arms]
    of_mean, slopes = covariance_of_pooled_mean([part[:, 1:] for part in linear]), []
    for arm, part, estimate in zip(arms, linear, found, strict=True):
        means = arm.mean(axis=0)
        gap = np.array([means[2] / means[3] - pooled[2] / pooled[3], means[4] - pooled[4]])
        fit = sm.OLS(part[:, 0], sm.add_constant(part[:, 1:] - part[:, 1:].mean(axis=0) + gap)).fit()
        slopes.append(fit.params[1:])
        apart = slopes[-1] - slopes[0]
        assert estimate.value == pytest.approx(means[0] / means[1] + fit.params[0], rel=1e-9)
        assert estimate.variance == pytest.approx(fit.bse[0] ** 2 + apart @ of_mean @ apart, rel=1e-9)


def test_regression_adjusted__against_statsmodels_fully_interacted_hc2(arms):
    found = regression_adjusted([ArmRows(arm[:, 0], arm[:, 1:]) for arm in arms])

    rows = np.concatenate(arms)
    treated = np.r_[np.zeros(len(arms[0])), np.ones(len(arms[1]))]
    centred = rows[:, 1:] - rows[:, 1:].mean(axis=0)
    design = np.column_stack([np.ones(len(rows)), treated, centred, centred * treated[:, None]])
    oracle = sm.OLS(rows[:, 0], design).fit(cov_type="HC2")
    compared = difference(*found)
    assert compared.estimate == pytest.approx(oracle.params[1], rel=1e-9)
    assert compared.standard_error == pytest.approx(oracle.bse[1], rel=1e-9)


def test_regression_adjusted__collinear_covariates__same_as_without_the_copy(arms):
    once = regression_adjusted([ArmRows(arm[:, 0], arm[:, 1:2]) for arm in arms])

    twice = regression_adjusted([ArmRows(arm[:, 0], arm[:, [1, 1]]) for arm in arms])

    assert [e.value for e in twice] == pytest.approx([e.value for e in once], rel=1e-9)
    assert [e.variance for e in twice] == pytest.approx([e.variance for e in once], rel=1e-9)


def test_regression_adjusted__too_few_units_or_a_perfect_fit__named():
    x = np.arange(6.0).reshape(-1, 1)

    small, perfect = regression_adjusted([ArmRows(x[:2, 0], x[:2]), ArmRows(2 * x[:, 0] + 1, x)])

    assert small == NotEstimable(Why.TOO_FEW_UNITS)
    assert perfect.status is Status.NO_VARIATION


def test_regression_adjusted__shapes_that_do_not_fit__refused():
    with pytest.raises(InvalidInput, match="do not fit"):
        regression_adjusted([ArmRows(np.zeros(3), np.zeros((4, 1)))])


def strata_of(arm, labels):
    return {str(name): Moments.from_rows(arm[labels == name]) for name in np.unique(labels)}


def test_post_stratified__against_rows():
    rng = np.random.default_rng(7)
    labels = [rng.integers(0, 3, 300), rng.integers(0, 3, 250)]
    rows = [10.0 * found + rng.normal(size=found.size) for found in labels]

    found = post_stratified([strata_of(r, s) for r, s in zip(rows, labels, strict=True)])

    shares = np.bincount(np.concatenate(labels)) / 550
    base = np.array([rows[0][labels[0] == k].mean() for k in range(3)])
    for r, s, estimate in zip(rows, labels, found, strict=True):
        cells = [r[s == k] for k in range(3)]
        effects = np.array([c.mean() for c in cells]) - base
        value = sum(w * c.mean() for w, c in zip(shares, cells, strict=True))
        variance = sum(w**2 * c.var(ddof=1) / len(c) for w, c in zip(shares, cells, strict=True))
        variance += np.cov(effects, aweights=shares, ddof=0) / 550
        assert estimate.value == pytest.approx(value, rel=1e-12)
        assert estimate.variance == pytest.approx(variance, rel=1e-10)
        assert estimate.variance < 0.1 * r.var() / len(r)


def test_post_stratified__one_stratum__the_mean():
    rows = np.random.default_rng(8).normal(size=40)

    (found,) = post_stratified([{"all": Moments.from_rows(rows)}])

    assert found.value == pytest.approx(rows.mean())
    assert found.variance == pytest.approx(rows.var(ddof=1) / 40)
    assert found.degrees_of_freedom == pytest.approx(39)


def test_post_stratified__cell_with_one_unit__merged_into_the_largest():
    rng = np.random.default_rng(9)
    big, small = rng.normal(size=50), rng.normal(size=20)
    cells = [
        {"big": Moments.from_rows(big), "small": Moments.from_rows(small), "tiny": Moments.from_rows([7.0])},
        {"big": Moments.from_rows(big), "small": Moments.from_rows(small)},
    ]

    found = post_stratified(cells)

    by_hand = [
        {"big": Moments.from_rows(np.r_[big, 7.0]), "small": cells[0]["small"]},
        {"big": cells[1]["big"], "small": cells[1]["small"]},
    ]
    expected = post_stratified(by_hand)
    assert [e.value for e in found] == pytest.approx([e.value for e in expected], rel=1e-12)
    assert [e.variance for e in found] == pytest.approx([e.variance for e in expected], rel=1e-12)
    assert [e.units for e in found] == [71, 70]


def test_post_stratified__no_stratum_with_both_arms__named():
    found = post_stratified([{"a": Moments.from_rows([1.0, 2.0])}, {"b": Moments.from_rows([1.0])}])

    assert found == [NotEstimable(Why.NO_COMMON_STRATUM)] * 2
    assert post_stratified([{}, {}]) == [NotEstimable(Why.NO_COMMON_STRATUM)] * 2
