# A refusal in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""What no library computes, done again by hand: loops over days, every knee, every mix, every split."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats

from analysis.stats.changepoints import change_points
from analysis.stats.impact import DoseArm, dose_response, isotonic_curve, knee
from analysis.stats.impact.curves import Hinge
from analysis.stats.impact.donors import difference_to_donors, strayed_in_space
from analysis.stats.impact.doses import relative_effects
from analysis.stats.impact.series import difference_of_slices, excess, placebo_excesses
from analysis.stats.results import Estimate
from tests.core.stats.impact.lasting import lasting_error

DAYS, START, END = 190, 170, 176


def ladder(rng, doses, change, error=0.4):
    """Arms whose outcome is 100 without delay, each with an error of its own."""
    errors = error * rng.uniform(0.7, 1.4, len(doses))
    return [
        DoseArm(dose, 0.9 * dose, Estimate(rng.normal(100 * (1 + change(0.9 * dose)), error), error**2))
        for dose, error in zip(doses, errors, strict=True)
    ]


def test_slope__weighted_line_through_arm_means__same_to_first_order():
    rng = np.random.default_rng(3)
    arms = ladder(rng, (0, 50, 100, 200, 400), lambda ms: -0.006 * ms / 100, error=0.1)

    found = dose_response(arms)

    delays = sm.add_constant([arm.delivered_ms for arm in arms])
    weights = [1 / arm.outcome.variance for arm in arms]
    line = sm.WLS([arm.outcome.value for arm in arms], delays, weights=weights).fit(cov_type="fixed scale")
    intercept, slope = line.params
    gradient = np.array([-slope / intercept**2, 1 / intercept]) * 100
    error = math.sqrt(gradient @ line.cov_params() @ gradient)
    assert found.standard_error == pytest.approx(error, rel=0.02)
    assert found.per_100_ms == pytest.approx(100 * slope / intercept, abs=0.05 * error)
    assert found.lack_of_fit == pytest.approx((line.resid**2 * weights).sum(), rel=0.02)


def test_curve__best_falling_fit__means_of_all_blocks_by_minimum_and_maximum():
    rng = np.random.default_rng(5)
    arms = ladder(rng, (0, 50, 100, 150, 200, 300, 400), lambda ms: -0.002 * ms / 100)
    values = np.array([arm.outcome.value for arm in arms])
    weights = np.array([1 / arm.outcome.variance for arm in arms])

    found = isotonic_curve(arms, seed=1, draws=10)

    def block(first, last):
        return np.average(values[first : last + 1], weights=weights[first : last + 1])

    fitted = [min(max(block(a, b) for b in range(i, 7)) for a in range(i + 1)) for i in range(7)]
    assert found.changes == pytest.approx(np.array(fitted) / fitted[0] - 1, abs=1e-12)
    assert len(set(fitted)) < 7


def test_knee__every_knee_and_both_slopes_by_a_general_solver__same_place_and_ratio():
    rng = np.random.default_rng(8)
    bent = lambda ms: -0.001 * min(ms, 500) / 100 - 0.012 * max(ms - 500, 0) / 100  # noqa: E731
    arms = ladder(rng, (0, 100, 200, 400, 800, 1200, 2000), bent)
    effects = relative_effects(arms)
    inverse = np.linalg.inv(effects.covariance)

    def misfit(parameters):
        before, behind, at = parameters
        fitted = before * np.minimum(effects.steps, at) + behind * np.maximum(effects.steps - at, 0)
        return (effects.changes - fitted) @ inverse @ (effects.changes - fitted)

    def straight(slope):
        return misfit((slope, slope, 1.0))

    bounds = [(-0.1, 0), (-0.1, 0), (0.9, 18)]
    best = optimize.differential_evolution(misfit, bounds, rng=1, tol=1e-10, maxiter=400)
    line = optimize.minimize_scalar(straight, bounds=(-0.1, 0), method="bounded", options={"xatol": 1e-10})

    found = knee(arms)

    assert isinstance(found, Hinge)
    assert found.knee_ms == pytest.approx(best.x[2] * 100, abs=1710 / 201)
    assert found.likelihood_ratio == pytest.approx(line.fun - best.fun, rel=0.01)
    assert found.before_per_100_ms == pytest.approx(best.x[0], abs=2e-4)
    assert found.behind_per_100_ms == pytest.approx(best.x[1], rel=0.02)
    assert found.knee_interval.lower < 500 < found.knee_interval.upper


def slices(seed, donors=6):
    """Daily outcomes and latencies of an affected slice and others; weekdays, a shared tide, an incident."""
    rng = np.random.default_rng(seed)
    tide = np.cumsum(rng.normal(0, 0.01, DAYS)) + 0.05 * np.sin(np.arange(DAYS) * 2 * np.pi / 7)
    outcome = np.exp(tide * rng.uniform(0.6, 1.4, (donors + 1, 1)) + rng.normal(0, 0.01, (donors + 1, DAYS)))
    latency = 800 + rng.normal(0, 8, (donors + 1, DAYS))
    outcome[0, START:END] *= 0.94
    latency[0, START:END] += 400
    return outcome, latency


def excess_by_loops(gap, start, end):
    """Each day of the window against the mean of the last four of its weekday before the window."""
    gains = []
    for day in range(start, end):
        earlier = [back for back in range(day - 7, -1, -7) if back < start][:4]
        gains.append(gap[day] - sum(gap[back] for back in earlier) / 4)
    return sum(gains) / len(gains)


@pytest.mark.parametrize("length", [1, 6, 10])
def test_excess__every_window__by_loops_over_days(length):
    gap = np.random.default_rng(1).normal(size=DAYS)

    assert excess(gap, START, START + length) == pytest.approx(excess_by_loops(gap, START, START + length))
    windows = range(28, START - length + 1)
    expected = [excess_by_loops(gap, at, at + length) for at in windows]
    assert placebo_excesses(gap, START, START + length) == pytest.approx(expected)


def test_slices__slope_error_and_drift__by_loops_and_statsmodels():
    (hit, other, *_), (slow, usual, *_) = slices(2)

    found = difference_of_slices((hit, other), (slow, usual), start=START, end=END)

    gap, delay = np.log(hit) - np.log(other), slow - usual
    change, moved = excess_by_loops(gap, START, END), excess_by_loops(delay, START, END)
    placebos = [excess_by_loops(gap, at, at + END - START) for at in range(28, START - (END - START) + 1)]
    assert found.per_100_ms == pytest.approx(100 * change / moved, rel=1e-9)
    assert found.standard_error == pytest.approx(100 * np.std(placebos, ddof=1) / abs(moved), rel=1e-9)
    beyond = sum(abs(each) >= abs(change) for each in placebos)
    assert found.placebo_p_value == (beyond + 1) / (len(placebos) + 1)
    day = np.arange(START)
    columns = np.column_stack([np.ones(START), day, *(day % 7 == each for each in range(1, 7))]).astype(float)
    settings = {"maxlags": 7, "use_correction": True}
    trend = sm.OLS(gap[:START], columns).fit(cov_type="HAC", cov_kwds=settings, use_t=True)
    error = max(trend.bse[1], lasting_error(columns, gap[:START], 1))
    assert found.trend_p_value == pytest.approx(2 * stats.t.sf(abs(trend.params[1]) / error, 162), rel=1e-6)


def mix(columns, outcome):
    """Weights of at least 0 that add up to 1, by another solver."""
    start = np.full(columns.shape[1], 1 / columns.shape[1])
    return optimize.minimize(
        lambda w: 1e4 * ((outcome - columns @ w) ** 2).sum(),
        start,
        jac=lambda w: -2e4 * columns.T @ (outcome - columns @ w),
        bounds=[(0, 1)] * len(start),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(len(w))},
        options={"ftol": 1e-13, "maxiter": 500},
    ).x


def centred(rows):
    before = rows[..., :START]
    return before - before.mean(axis=-1, keepdims=True)


def strayed(panel, unit):
    """How far one slice is from the mix of the others on the days of the event, in its placebo errors."""
    rest = np.delete(panel, unit, axis=0)
    gap = panel[unit] - mix(centred(rest).T, centred(panel[unit])) @ rest
    length = END - START
    placebos = [excess_by_loops(gap, at, at + length) for at in range(28, START - length + 1)]
    return abs(excess_by_loops(gap, START, END)) / math.sqrt(np.mean(np.square(placebos)))


def test_donors__mix_and_errors__by_another_solver_and_loops():
    outcome, latency = slices(4)
    panel = np.log(outcome)

    found = difference_to_donors((outcome[0], outcome[1:]), (latency[0], latency[1:]), start=START, end=END)

    weights = mix(centred(panel[1:]).T, centred(panel[0]))
    gap = panel[0] - weights @ panel[1:]
    moved = excess_by_loops(latency[0] - weights @ latency[1:], START, END)
    length = END - START
    placebos = [excess_by_loops(gap, at, at + length) for at in range(28, START - length + 1)]
    spread = math.sqrt(np.mean([strayed(panel[1:], unit) ** 2 for unit in range(6)]))
    factor = spread * stats.t.ppf(0.975, 5) / stats.norm.ppf(0.975) if spread > 1 else 1.0
    factor *= math.sqrt(START / (START - (weights > 1e-6).sum()))
    assert found.weights == pytest.approx(weights, abs=2e-3)
    assert found.found.per_100_ms == pytest.approx(100 * excess_by_loops(gap, START, END) / moved, rel=1e-3)
    assert found.found.standard_error == pytest.approx(
        100 * np.std(placebos, ddof=1) / abs(moved) * factor, rel=1e-2
    )
    assert found.in_space == pytest.approx(max(1.0, spread), rel=1e-2)
    assert strayed_in_space(outcome[1:], START, END) == pytest.approx(
        max(1.0, spread * stats.t.ppf(0.975, 5) / stats.norm.ppf(0.975)) if spread > 1 else 1.0, rel=1e-2
    )


def test_change_points__one_step__where_every_split_says_it_is():
    rng = np.random.default_rng(6)
    values = np.exp(np.r_[rng.normal(0, 0.05, 37), rng.normal(0.2, 0.05, 30)])

    found = change_points(values, seed=1)

    ranks = stats.rankdata(values)
    scores = {
        at: abs(stats.ttest_ind(ranks[:at], ranks[at:], equal_var=True).statistic) for at in range(5, 63)
    }
    assert [change.at for change in found] == [max(scores, key=scores.__getitem__)] == [37]
    assert found[0].shift == pytest.approx(np.median(values[37:]) / np.median(values[:37]) - 1)
    assert found[0].p_value == 1 / 200
