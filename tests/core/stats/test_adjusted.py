# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Variance reduction against brute force on rows and statsmodels; edge cases fall back, they do not fail."""

import numpy as np
import pytest
import statsmodels.api as sm

from analysis.stats.adjusted import (
    ArmRows,
    RatioColumns,
    cuped,
    cuped_ratio,
    lin,
    lin_ratio,
    post_stratified,
    regression_adjusted,
)
from analysis.stats.compare import difference
from analysis.stats.estimators import mean, ratio
from analysis.stats.moments import Moments
from analysis.stats.results import InvalidInput, NotEstimable, Status, Why


def make_rows(rng, n, effect=0.0):
    """Columns: outcome, two pre-exposure covariates."""
    covariates = rng.normal(size=(n, 2)) @ np.array([[2.0, 0.5], [0.0, 1.0]]) + 5
    outcome = 10 + effect + covariates @ np.array([0.7, -0.4]) + rng.normal(size=n)
    return np.column_stack([outcome, covariates])


@pytest.fixture
def arms():
    rng = np.random.default_rng(1)
    return make_rows(rng, 300), make_rows(rng, 200, 0.5)


def brute_force_theta(arms, columns):
    within = [arm - arm.mean(axis=0) for arm in arms]
    stacked = np.concatenate(within)
    return np.linalg.lstsq(stacked[:, columns], stacked[:, 0], rcond=None)[0]


@pytest.mark.parametrize("columns", [[1], [2], [1, 2]])
def test_cuped__against_rows(arms, columns):
    found = cuped([Moments.from_rows(arm) for arm in arms], covariates=columns)

    theta = brute_force_theta(arms, columns)
    centre = np.concatenate(arms).mean(axis=0)[columns]
    for arm, estimate in zip(arms, found, strict=True):
        adjusted = arm[:, 0] - (arm[:, columns] - centre) @ theta
        assert estimate.value == pytest.approx(adjusted.mean(), rel=1e-12)
        assert estimate.variance == pytest.approx(adjusted.var(ddof=1) / len(arm), rel=1e-10)
        assert estimate.degrees_of_freedom == len(arm) - 1 - len(columns)


def test_cuped__two_units__one_degree_of_freedom_at_least(arms):
    tiny = Moments.from_rows(arms[0][:2])

    found = cuped([tiny, Moments.from_rows(arms[1])], covariates=[1, 2])

    assert found[0].degrees_of_freedom == 1.0
    assert found[0].units == 2


def test_cuped__difference__less_variance_and_same_truth(arms):
    moments = [Moments.from_rows(arm) for arm in arms]

    adjusted = difference(*cuped(moments, covariates=[1, 2]))

    plain = difference(*(mean(part) for part in moments))
    assert adjusted.standard_error < 0.7 * plain.standard_error
    assert 0.5 in adjusted.confidence_interval


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_cuped__covariate_in_other_units__same_estimate(arms, scale):
    scaled = [arm * np.array([1.0, scale, 1.0]) for arm in arms]

    first = cuped([Moments.from_rows(arm) for arm in arms], covariates=[1, 2])
    second = cuped([Moments.from_rows(arm) for arm in scaled], covariates=[1, 2])

    assert [e.value for e in first] == pytest.approx([e.value for e in second], rel=1e-10)
    assert [e.variance for e in first] == pytest.approx([e.variance for e in second], rel=1e-9)


def test_cuped__covariate_constant_or_given_twice__changes_nothing_else(arms):
    constant = [np.column_stack([arm[:, 0], np.full(len(arm), 3.0)]) for arm in arms]
    doubled = [np.column_stack([arm[:, :2], arm[:, 1]]) for arm in arms]

    plain = [mean(Moments.from_rows(arm)) for arm in arms]
    flat = cuped([Moments.from_rows(arm) for arm in constant])
    once = cuped([Moments.from_rows(arm) for arm in arms], covariates=[1])
    twice = cuped([Moments.from_rows(arm) for arm in doubled], covariates=[1, 2])

    assert [e.value for e in flat] == pytest.approx([e.value for e in plain])
    assert [e.variance for e in flat] == pytest.approx([e.variance for e in plain])
    assert [e.variance for e in twice] == pytest.approx([e.variance for e in once], rel=1e-8)


def test_cuped__units_without_pre_period_filled_with_the_pooled_mean__kept_and_unbiased(arms):
    known = [Moments.from_rows(arm[:, :2]) for arm in arms]
    new = [Moments.from_rows(arm[:100, :1] + 3.0) for arm in arms]
    centre = (known[0] + known[1]).mean[1]

    merged = [k + n.append_constants([centre]) for k, n in zip(known, new, strict=True)]
    found = cuped(merged)

    rows = [np.r_[arm[:, :2], np.column_stack([arm[:100, 0] + 3.0, np.full(100, centre)])] for arm in arms]
    expected = cuped([Moments.from_rows(r) for r in rows])
    assert [e.units for e in found] == [400, 300]
    assert [e.value for e in found] == pytest.approx([e.value for e in expected], rel=1e-12)
    assert [e.variance for e in found] == pytest.approx([e.variance for e in expected], rel=1e-9)


def test_cuped__one_arm_empty__named_and_the_other_estimated(arms):
    first, second = cuped([Moments.empty(3), Moments.from_rows(arms[0])])

    assert first == NotEstimable(Why.NO_UNITS)
    assert second.value == pytest.approx(arms[0][:, 0].mean())
    assert cuped([Moments.empty(2), Moments.empty(2)]) == [NotEstimable(Why.NO_UNITS)] * 2


def test_cuped__outcome_is_the_covariate__no_variation_left():
    rows = np.random.default_rng(2).normal(size=(50, 1)) @ np.ones((1, 2))

    (estimate,) = cuped([Moments.from_rows(rows)])

    assert estimate.status is Status.NO_VARIATION


def ratio_rows(rng, n):
    """Columns: y, d in the experiment, y, d before it; users differ in both."""
    rate = rng.gamma(8, 0.25, n)
    d, pre_d = 1 + rng.poisson(5, n), rng.poisson(6, n)
    return np.column_stack([rng.poisson(rate * d), d, rng.poisson(rate * pre_d), pre_d]).astype(float)


def test_cuped_ratio__against_rows():
    rng = np.random.default_rng(3)
    arms = [ratio_rows(rng, 500), ratio_rows(rng, 400)]

    found = cuped_ratio([Moments.from_rows(arm) for arm in arms])

    linear, pre, ratios, pre_ratios = [], [], [], []
    for arm in arms:
        y, d, x, xd = arm.T
        ratios.append(y.sum() / d.sum())
        pre_ratios.append(x.sum() / xd.sum())
        linear.append((y - ratios[-1] * d) / d.mean())
        pre.append((x - pre_ratios[-1] * xd) / xd.mean())
    theta = np.concatenate(linear) @ np.concatenate(pre) / (np.concatenate(pre) @ np.concatenate(pre))
    both = np.concatenate(arms)
    centre = both[:, 2].sum() / both[:, 3].sum()
    for i, estimate in enumerate(found):
        assert estimate.value == pytest.approx(ratios[i] - theta * (pre_ratios[i] - centre), rel=1e-10)
        variance = np.var(linear[i] - theta * pre[i], ddof=1) / len(arms[i])
        assert estimate.variance == pytest.approx(variance, rel=1e-9)
        assert estimate.variance < 0.9 * ratio(Moments.from_rows(arms[i])).variance


def test_cuped_ratio__nobody_has_a_pre_period__plain_ratio():
    rows = ratio_rows(np.random.default_rng(4), 100)
    rows[:, 2:] = 0

    (found,) = cuped_ratio([Moments.from_rows(rows)])

    assert found == ratio(Moments.from_rows(rows))


def test_adjusted_ratios__nobody_at_all__named():
    for adjust in (cuped_ratio, lin_ratio):
        assert adjust([Moments.empty(4)] * 2) == [NotEstimable(Why.NO_UNITS)] * 2


def test_cuped_ratio__columns_elsewhere__same():
    rows = ratio_rows(np.random.default_rng(5), 100)

    (first,) = cuped_ratio([Moments.from_rows(rows)])
    (second,) = cuped_ratio([Moments.from_rows(rows[:, ::-1])], RatioColumns(3, 2, 1, 0))

    assert first.value == pytest.approx(second.value, rel=1e-12)
    assert first.variance == pytest.approx(second.variance, rel=1e-12)


def test_cuped_ratio__arm_without_units__named():
    rows = ratio_rows(np.random.default_rng(6), 100)

    found = cuped_ratio([Moments.from_rows(rows), Moments.empty(4)])

    assert found[1] == NotEstimable(Why.NO_UNITS)
    assert found[0].variance > 0


def test_cuped_ratio__further_covariates__against_rows():
    arms = [pre_period_rows(seed, 400) for seed in (21, 22)]

    found = cuped_ratio([Moments.from_rows(arm) for arm in arms], RatioColumns(more=(4,)))

    linear = [linearised(arm) for arm in arms]
    within = np.concatenate([part - part.mean(axis=0) for part in linear])
    theta = np.linalg.lstsq(within[:, 1:], within[:, 0], rcond=None)[0]
    pooled = np.concatenate(arms).mean(axis=0)
    for arm, part, estimate in zip(arms, linear, found, strict=True):
        means = arm.mean(axis=0)
        gap = np.array([means[2] / means[3] - pooled[2] / pooled[3], means[4] - pooled[4]])
        assert estimate.value == pytest.approx(means[0] / means[1] - theta @ gap, rel=1e-12)
        residuals = part[:, 0] - part[:, 1:] @ theta
        assert estimate.variance == pytest.approx(residuals.var(ddof=1) / len(arm), rel=1e-10)


def pre_period_rows(seed, n):
    """Columns: two sums, the same two before, and one more covariate; users differ for good."""
    rng = np.random.default_rng(seed)
    speed, loyalty = rng.normal(0, 0.5, n), rng.gamma(2, 2, n)
    visits, before = 1 + rng.poisson(loyalty), 1 + rng.poisson(loyalty)
    duration = visits * np.exp(speed + rng.normal(0, 0.2, n))
    earlier = before * np.exp(speed + rng.normal(0, 0.2, n))
    return np.column_stack([duration, visits, earlier, before, loyalty + speed])


def linearised(arm):
    means = arm.mean(axis=0)
    parts = [(arm[:, i] - means[i] / means[i + 1] * arm[:, i + 1]) / means[i + 1] for i in (0, 2)]
    return np.column_stack([*parts, arm[:, 4]])


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
