"""The harness: known truths come out, seeds repeat, and quick calibrations of the core."""

import numpy as np
import pytest

from analysis.stats.compare import difference, lift
from analysis.stats.estimators import mean, proportion, quantile, ratio
from analysis.stats.moments import Moments
from analysis.stats.quantiles import QuantileStat
from analysis.stats.results import Estimate, InvalidInput, NotEstimable, Why
from analysis.stats.simulate import (
    Population,
    calibrate,
    overdispersed_counts,
    planted,
    reshuffled,
    resplit,
    sessions,
    share_band,
    z_paths,
)


def gaussian(rng):
    control, treatment = rng.normal(0, 1, 40), rng.normal(0.3, 2, 60)
    return difference(mean(Moments.from_rows(control)), mean(Moments.from_rows(treatment)))


def test_calibrate__welch_on_a_planted_effect__covers_it_with_an_honest_variance():
    found = calibrate(gaussian, replicates=1000, seed=1, truth=0.3)

    assert 0.95 in found.coverage_band
    assert found.mean_estimate == pytest.approx(0.3, abs=0.03)
    assert found.variance_ratio == pytest.approx(1.0, abs=0.15)
    assert found.not_estimable == 0


def test_calibrate__same_seed__same_result():
    first = calibrate(gaussian, replicates=50, seed=7)

    assert first == calibrate(gaussian, replicates=50, seed=7)
    assert first != calibrate(gaussian, replicates=50, seed=8)


def test_calibrate__procedure_with_an_error_half_too_small__coverage_gives_it_away():
    def too_sure(rng):
        return difference(Estimate(0.0, 0.125), Estimate(rng.normal(), 0.125))

    found = calibrate(too_sure, replicates=500, seed=1)

    assert 0.95 not in found.coverage_band
    assert found.variance_ratio == pytest.approx(0.25, abs=0.08)


def test_calibrate__some_replicates_without_estimate__counted():
    def often_nothing(rng):
        return gaussian(rng) if rng.random() < 0.5 else NotEstimable(Why.NO_UNITS)

    assert 60 < calibrate(often_nothing, replicates=200, seed=1).not_estimable < 140
    with pytest.raises(InvalidInput, match="hardly any"):
        calibrate(lambda rng: NotEstimable(Why.NO_UNITS), replicates=10, seed=1)


@pytest.mark.parametrize("q", [0.5, 0.95])
def test_calibrate__clustered_quantiles__quick_check_of_coverage(q):
    def compare(rng):
        arms = [sessions(rng, Population(), 400) for _ in range(2)]
        return difference(*(quantile(QuantileStat.from_sessions(a.values, a.users, q)) for a in arms))

    found = calibrate(compare, replicates=500, seed=2)

    assert 0.95 in found.coverage_band


def test_calibrate__ratio_by_user__quick_check_of_false_positives():
    def compare(rng):
        arms = [Moments.from_rows(sessions(rng, Population(), 300).totals_per_user()) for _ in range(2)]
        return difference(*(ratio(arm) for arm in arms))

    assert 0.05 in calibrate(compare, replicates=600, seed=3).rejection_band


def test_calibrate__few_events__newcombe_covers_and_fisher_never_exceeds_alpha():
    def compare(rng):
        arms = [Moments.from_rows(rng.random(400) < share) for share in (0.01, 0.015)]
        return difference(*(proportion(arm) for arm in arms))

    found = calibrate(compare, replicates=800, seed=4, truth=0.005)

    assert found.coverage_share > 0.94
    assert found.rejection_share < 0.1


def test_calibrate__lift__covers_the_true_ratio():
    def compare(rng):
        arms = [mean(Moments.from_rows(rng.gamma(2, m, 200))) for m in (1.0, 1.2)]
        return lift(*arms)

    assert 0.95 in calibrate(compare, replicates=600, seed=5, truth=0.2).coverage_band


def test_sessions__slowdown__moves_every_quantile_by_it():
    slow = sessions(np.random.default_rng(1), Population(), 500, slowdown=1.05)
    fast = sessions(np.random.default_rng(1), Population(), 500)

    assert slow.values == pytest.approx(1.05 * fast.values)
    assert np.median(fast.values) == pytest.approx(800, rel=0.15)
    totals = fast.totals_per_user()
    assert totals[:, 1].sum() == fast.values.size
    assert totals[:, 0].sum() == pytest.approx(fast.values.sum())


def test_overdispersed_counts__variance_as_asked():
    counts = overdispersed_counts(np.random.default_rng(1), 200_000, 3.0, 0.5)

    assert counts.mean() == pytest.approx(3.0, rel=0.02)
    assert counts.var() == pytest.approx(3.0 + 0.5 * 9, rel=0.05)


def test_reshuffled__real_values__split_without_loss():
    control, treatment = reshuffled(np.random.default_rng(1), np.arange(101.0))

    assert sorted([*control, *treatment]) == list(range(101))
    assert (control.size, treatment.size) == (50, 51)


def test_planted__factor_on_one_column__the_lift_that_was_planted_is_covered():
    rows = np.random.default_rng(2).gamma(2.0, 3.0, (400, 2))

    def compare(rng):
        return lift(*(mean(Moments.from_rows(arm), 1) for arm in planted(rng, rows, 1.3, column=1)))

    found = calibrate(compare, replicates=600, seed=3, truth=0.3)

    assert 0.95 in found.coverage_band
    control, treatment = planted(np.random.default_rng(1), rows[:, 0], 2.0)
    assert control.sum() + treatment.sum() / 2 == pytest.approx(rows[:, 0].sum())


def test_resplit__hash_buckets_dealt_at_random__false_positives_at_alpha_and_an_honest_variance():
    rng = np.random.default_rng(4)
    parts = [Moments.from_rows(rng.lognormal(0, 1, rng.poisson(20))) for _ in range(200)]

    found = calibrate(lambda rng: difference(*map(mean, resplit(rng, parts))), replicates=600, seed=5)

    assert 0.05 in found.rejection_band
    assert found.variance_ratio == pytest.approx(1.0, abs=0.2)
    arms = resplit(rng, parts)
    assert sum(arm.n for arm in arms) == sum(part.n for part in parts)


def test_resplit__one_group__refused():
    with pytest.raises(InvalidInput, match="two groups"):
        resplit(np.random.default_rng(1), [Moments.from_rows([1.0, 2.0])])


def test_calibrate__procedure_that_draws_nothing__refused():
    with pytest.raises(InvalidInput, match="same estimate"):
        calibrate(lambda rng: difference(Estimate(0.0, 1.0), Estimate(1.0, 1.0)), replicates=5, seed=1)


def test_z_paths__drift__mean_of_the_last_z():
    paths = z_paths(np.random.default_rng(1), 4000, 10, drift=2.5)

    assert paths[:, -1].mean() == pytest.approx(2.5, abs=0.08)
    assert paths[:, 0].std() == pytest.approx(1.0, abs=0.06)
    assert np.corrcoef(paths[:, 4], paths[:, 9])[0, 1] == pytest.approx(0.5**0.5, abs=0.05)


def test_share_band__contains_the_share():
    band = share_band(50, 1000)

    assert 0.05 in band
    assert band.lower > 0.03
    assert band.upper < 0.08
