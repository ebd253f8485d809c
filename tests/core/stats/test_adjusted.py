# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Variance reduction against brute force on rows and statsmodels; edge cases fall back, they do not fail."""

import numpy as np
import pytest

from analysis.stats.adjusted import (
    RatioColumns,
    cuped,
    cuped_ratio,
    lin_ratio,
)
from analysis.stats.compare import difference
from analysis.stats.estimators import mean, ratio
from analysis.stats.moments import Moments
from analysis.stats.results import NotEstimable, Status, Why
from tests.core.stats.rows import linearised, pre_period_rows, two_arms


@pytest.fixture
def arms():
    return two_arms()


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
