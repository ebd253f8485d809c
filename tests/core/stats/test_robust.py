# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="arg-type, union-attr"
"""Caps and trimmed means against scipy; what one huge value can do."""

import numpy as np
import pytest
from scipy import stats

from analysis.stats.compare import difference
from analysis.stats.estimators import capped_mean, mean
from analysis.stats.moments import Moments
from analysis.stats.results import InvalidInput, NotEstimable, Status, Why
from analysis.stats.robust import capped, pooled_cap, trimmed_mean


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25])
def test_trimmed_mean__difference__yuen_of_scipy(share):
    rng = np.random.default_rng(1)
    control, treatment = rng.standard_t(3, 41), rng.standard_t(3, 67) + 0.5

    found = difference(trimmed_mean(control, share), trimmed_mean(treatment, share))

    oracle = stats.ttest_ind(treatment, control, equal_var=False, trim=share)
    assert found.statistic == pytest.approx(oracle.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)


def test_trimmed_mean__degenerate_samples__named():
    assert trimmed_mean([]) == NotEstimable(Why.NO_UNITS)
    assert trimmed_mean([1.0]) == NotEstimable(Why.TOO_FEW_UNITS)
    assert trimmed_mean([1.0, 2.0, 2.0, 2.0, 9.0], 0.2).status is Status.NO_VARIATION


@pytest.mark.parametrize(("values", "share"), [([1.0, 2.0], 0.5), ([1.0, float("nan")], 0.1)])
def test_trimmed_mean__impossible_share_or_missing_value__refused(values, share):
    with pytest.raises(InvalidInput):
        trimmed_mean(values, share)


def test_pooled_cap__all_arms_together_without_missing_values__discrete_quantile():
    rng = np.random.default_rng(2)
    arms = [rng.lognormal(size=500), np.r_[rng.lognormal(size=400), np.nan, np.nan]]

    cap = pooled_cap(arms)

    pooled = np.concatenate([arms[0], arms[1][:-2]])
    assert cap == np.quantile(pooled, 0.99, method="inverted_cdf")
    assert np.isnan(capped(arms[1], cap)[-1])


def test_capped__floor_and_limit_from_all_arms__winsorised_like_scipy():
    rng = np.random.default_rng(5)
    arms = [rng.standard_t(2, 300), rng.standard_t(2, 200) + 0.5]
    limit, floor = pooled_cap(arms, 0.99), pooled_cap(arms, 0.01)

    found = np.concatenate([capped(arm, limit, floor) for arm in arms])

    oracle = stats.mstats.winsorize(np.concatenate(arms), (0.008, 0.01))
    assert np.sort(found) == pytest.approx(np.sort(oracle))
    with pytest.raises(InvalidInput, match="above the cap"):
        capped(arms[0], 1.0, 2.0)


def test_pooled_cap__nothing_there__named():
    assert pooled_cap([[], [np.nan]]) == NotEstimable(Why.NO_UNITS)
    with pytest.raises(InvalidInput, match="share"):
        pooled_cap([[1.0]], 99)


def test_capped_mean__one_session_of_a_million__moves_a_fraction_of_a_standard_error():
    values = np.random.default_rng(3).lognormal(3, 1, 2000)
    spoiled = np.r_[values, 1e6]
    cap = pooled_cap([spoiled])

    clean, hit = (capped_mean(Moments.from_rows(capped(v, cap)), cap) for v in (values, spoiled))
    plain = mean(Moments.from_rows(spoiled))

    assert abs(hit.value - clean.value) < 0.2 * clean.standard_error
    assert plain.value - values.mean() > 100 * clean.standard_error
