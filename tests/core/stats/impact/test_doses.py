"""Dose ladders: slope, fit, curve, knee, instrument and money against oracles and planted truths."""

import math
from itertools import pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats.impact import (
    DoseArm,
    Hinge,
    InstrumentedArm,
    NoKnee,
    dose_response,
    isotonic_curve,
    knee,
    price_of,
    two_stage_least_squares,
)
from analysis.stats.impact.curves import smooth
from analysis.stats.impact.doses import relative_effects
from analysis.stats.impact.instrument import Instrumented, WeakInstrument
from analysis.stats.moments import Moments
from analysis.stats.results import Estimate, InvalidInput, NotEstimable

DOSES = (0, 50, 100, 200, 400)


def ladder(change, *, doses=DOSES, base=0.05, units=1_000_000, seed=None):
    """Arms of a conversion rate; `change(ms)` is the true relative change. Exact means without a seed."""
    rng = None if seed is None else np.random.default_rng(seed)
    arms = []
    for dose in doses:
        share = base * (1 + change(dose))
        error = math.sqrt(share * (1 - share) / units)
        value = share if rng is None else float(rng.normal(share, error))
        arms.append(DoseArm(dose, float(dose), Estimate(value, error**2)))
    return arms


def line(per_100_ms):
    return lambda ms: per_100_ms * ms / 100


def hinge(at, before, behind):
    return lambda ms: (before * min(ms, at) + behind * max(ms - at, 0)) / 100


def test_slope__exact_line__recovered_whatever_the_order_of_the_arms():
    found = dose_response(ladder(line(-0.003))[::-1])

    assert found.per_100_ms == pytest.approx(-0.003, abs=1e-12)
    assert found.lack_of_fit == pytest.approx(0, abs=1e-12)


def test_slope__against_statsmodels_gls__equal():
    arms = ladder(line(-0.01), seed=3)
    effects = relative_effects(arms)

    found, oracle = (
        dose_response(arms),
        sm.GLS(effects.changes, effects.steps, sigma=effects.covariance).fit(),
    )

    scale = math.sqrt(oracle.scale)
    assert found.per_100_ms == pytest.approx(oracle.params[0], rel=1e-9)
    assert found.standard_error == pytest.approx(oracle.bse[0] / scale, rel=1e-9)
    assert found.lack_of_fit == pytest.approx(oracle.scale * 3, rel=1e-9)


def test_slope__delivered_delay_counts_not_the_dose():
    arms = [DoseArm(a.dose_ms, a.delivered_ms * 0.5 + 7, a.outcome) for a in ladder(line(-0.003))]

    assert dose_response(arms).per_100_ms == pytest.approx(-0.006, rel=1e-9)


def test_slope__shared_control_ignored__interval_must_be_too_narrow():
    outside = {"shared": 0, "ignored": 0}
    for seed in range(600):
        effects = relative_effects(ladder(line(-0.003), units=20_000, seed=seed))
        for name, covariance in (
            ("shared", effects.covariance),
            ("ignored", np.diag(np.diag(effects.covariance))),
        ):
            weights = np.linalg.solve(covariance, effects.steps)
            information = weights @ effects.steps
            z = (weights @ effects.changes / information + 0.003) * math.sqrt(information)
            outside[name] += abs(z) > 1.96

    assert 0.03 <= outside["shared"] / 600 <= 0.075
    assert outside["ignored"] / 600 > 0.10


def test_fit__bent_truth__refused_and_line__accepted():
    assert not dose_response(ladder(hinge(200, 0, -0.05))).fits
    assert dose_response(ladder(line(-0.003), seed=1)).fits


@pytest.mark.parametrize("doses", [[], [0], [100, 200], [0, 100, 100]])
def test_ladder__without_control_or_doses__invalid(doses):
    with pytest.raises(InvalidInput):
        dose_response([DoseArm(d, d, Estimate(1.0, 0.1)) for d in doses])


@pytest.mark.parametrize("arm", [Estimate(0.0, 0.1), Estimate(-1.0, 0.1)])
def test_ladder__base_not_positive__not_estimable(arm):
    found = dose_response([DoseArm(0, 0, arm), DoseArm(100, 100, Estimate(1.0, 0.1))])

    assert isinstance(found, NotEstimable)


def test_ladder__nothing_delivered__not_estimable():
    arms = [DoseArm(a.dose_ms, 0.0, a.outcome) for a in ladder(line(-0.003))]

    assert isinstance(dose_response(arms), NotEstimable)


def test_curve__monotone_truth__passes_through_it():
    found = isotonic_curve(ladder(hinge(100, -0.001, -0.01)), seed=1, draws=200)

    assert found.changes == pytest.approx([hinge(100, -0.001, -0.01)(d) for d in DOSES], abs=1e-12)
    assert all(
        low <= value <= high for low, value, high in zip(found.lower, found.changes, found.upper, strict=True)
    )


def test_curve__published_ladder_that_is_not_monotone__pooled_like_the_published_figures():
    arms = [
        DoseArm(d, d, Estimate(1 + r, 1e-6))
        for d, r in ((0, 0), (1000, -0.049), (2000, -0.044), (3000, -0.072))
    ]

    found = isotonic_curve(arms, seed=1, draws=10)

    assert found.changes == pytest.approx((0, -0.0465, -0.0465, -0.072), abs=1e-9)


def test_curve__arm_that_fell_by_chance__band_reaches_to_the_end_of_its_own_interval():
    arms = [DoseArm(d, d, Estimate(1 + r, 1e-6)) for d, r in ((0, 0), (100, 0.001), (200, -0.002))]

    found = isotonic_curve(arms, seed=1, draws=200)

    error = math.sqrt(1e-6 + 0.998**2 * 1e-6)
    assert found.upper[1:] == (0.0, 0.0)
    assert found.lower[2] <= -0.002 - 1.959 * error


def test_curve__same_seed__same_band():
    arms = ladder(line(-0.01), seed=5)

    assert isotonic_curve(arms, seed=9, draws=50) == isotonic_curve(arms, seed=9, draws=50)


def test_smooth__between_the_points__never_rises():
    found = isotonic_curve(ladder(hinge(100, 0, -0.02)), seed=1, draws=10)

    between = smooth(found, range(0, 401, 10))

    assert all(b <= a + 1e-12 for a, b in pairwise(between))


LONG = (0, 100, 250, 500, 1000, 1500, 2000)


def test_knee__six_fold_and_doses_to_2000_ms__declared_in_most_studies_near_its_place():
    found = [knee(ladder(hinge(500, -0.001, -0.006), doses=LONG, seed=seed)) for seed in range(60)]

    declared = [each for each in found if isinstance(each, Hinge)]
    assert len(declared) / 60 >= 0.7
    assert sum(500 in each.knee_interval for each in declared) / len(declared) >= 0.85
    assert np.mean([each.steepens for each in declared]) > 0.9


def test_knee__straight_truth__declared_in_hardly_any_study():
    found = [knee(ladder(line(-0.003), doses=LONG, seed=seed)) for seed in range(200)]

    assert sum(isinstance(each, Hinge) for each in found) / 200 <= 0.05


def test_knee__none_told__names_the_tested_range():
    found = knee(ladder(line(-0.003)))

    assert isinstance(found, NoKnee)
    assert (found.from_ms, found.to_ms) == (50, 400)


def test_knee__two_doses__cannot_be_told_and_says_why():
    assert knee(ladder(line(-0.003), doses=(0, 100, 200))).likelihood_ratio is None


def delivered(units, *, slope, seed, doses=DOSES, reach=0.7):
    """Units whose latency is confounded with their outcome; the dose reaches `reach` of them."""
    rng = np.random.default_rng(seed)
    rows = []
    for dose in doses:
        wealth = rng.normal(size=units)
        latency = 800 - 60 * wealth + dose * (rng.random(units) < reach) + rng.normal(0, 30, units)
        outcome = 10 + wealth + slope / 100 * latency + rng.normal(0, 1, units)
        rows.append((dose, np.column_stack([outcome, latency])))
    return rows


def arms_of(rows):
    return [InstrumentedArm(dose, Moments.from_rows(values)) for dose, values in rows]


def test_instrument__moments_against_rows__equal_to_the_textbook_sums():
    rows = delivered(500, slope=-0.2, seed=1)
    z = np.concatenate([np.full(len(v), d, float) for d, v in rows])
    y, latency = np.concatenate([v for _, v in rows]).T
    centred = z - z.mean()
    slope = centred @ y / (centred @ latency)
    e = y - y.mean() - slope * (latency - latency.mean())
    error = math.sqrt((centred**2 * e**2).sum()) / abs(centred @ latency)
    first = sm.OLS(latency, sm.add_constant(z)).fit(cov_type="HC0")

    found = two_stage_least_squares(arms_of(rows))

    assert found.per_100_ms == pytest.approx(100 * slope, rel=1e-9)
    assert found.standard_error == pytest.approx(100 * error, rel=1e-9)
    assert found.first_stage_f == pytest.approx(first.tvalues[1] ** 2, rel=1e-9)
    assert found.naive_per_100_ms == pytest.approx(
        100 * sm.OLS(y, sm.add_constant(latency)).fit().params[1], rel=1e-9
    )


def test_instrument__confounded_latency__recovers_what_the_naive_slope_misses():
    found = [two_stage_least_squares(arms_of(delivered(2000, slope=-0.2, seed=s))) for s in range(100)]

    covered = np.mean([-0.2 in each.confidence_interval for each in found])
    assert 0.88 <= covered <= 1
    assert np.mean([each.per_100_ms for each in found]) == pytest.approx(-0.2, abs=0.02)
    assert all(each.naive_per_100_ms < -0.3 for each in found)


def test_instrument__dose_never_arrives__refused_as_weak():
    found = two_stage_least_squares(arms_of(delivered(500, slope=-0.2, seed=2, reach=0.0)))

    assert isinstance(found, WeakInstrument)
    assert found.first_stage_f < 10


@pytest.mark.parametrize("rows", [[(0, [[1.0, 2.0]])], [(0, [[1.0]]), (100, [[1.0]])]])
def test_instrument__one_dose_or_other_columns__invalid(rows):
    with pytest.raises(InvalidInput):
        two_stage_least_squares(arms_of(rows))


@given(st.integers(0, 10_000))
def test_instrument__any_small_data__a_result_never_nan(seed):
    rng = np.random.default_rng(seed)
    rows = [(d, rng.integers(0, 3, size=(int(rng.integers(0, 5)), 2)).astype(float)) for d in (0, 100)]
    arms = [InstrumentedArm(d, Moments.from_rows(v) if len(v) else Moments.empty(2)) for d, v in rows]

    found = two_stage_least_squares(arms)

    if isinstance(found, Instrumented):
        assert math.isfinite(found.standard_error)


def test_price__delta_method__both_uncertainties_add_in_squares():
    found = price_of(Estimate(-0.003, 0.0005**2), Estimate(4e7, (2e6) ** 2))

    assert found.value == pytest.approx(120_000)
    assert found.standard_error == pytest.approx(math.hypot(4e7 * 0.0005, 0.003 * 2e6))


def test_price__negative_revenue__invalid():
    with pytest.raises(InvalidInput):
        price_of(Estimate(-0.003, 1e-8), Estimate(-1, 0))
