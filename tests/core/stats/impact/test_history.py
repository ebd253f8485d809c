"""Natural experiments against statsmodels, planted truths and placebo truths."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from analysis.stats.impact.panels import (
    PoorFit,
    difference_in_differences,
    event_study,
    synthetic_control,
)
from analysis.stats.impact.regression import clustered, newey_west
from analysis.stats.impact.series import difference_of_slices, interrupted_time_series
from analysis.stats.results import InvalidInput, NotEstimable, Why
from tests.core.stats.impact.lasting import lasting_error

WEEKLY = np.array([0.0, 0.02, 0.03, 0.01, 0.05, -0.06, -0.08])


def autocorrelated(rng, n, spread, phi=0.5):
    noise = np.zeros(n)
    for i in range(1, n):
        noise[i] = phi * noise[i - 1] + rng.normal(0, spread)
    return noise


def history(seed, *, slope=-0.004, delay=400.0, days=150, start=130, length=5, drift=0.0):
    """Daily (affected, unaffected) conversion and latency; an incident of `delay` ms on the first slice."""
    rng = np.random.default_rng(seed)
    shared = autocorrelated(rng, days, 0.02) + WEEKLY[np.arange(days) % 7]
    hit = (np.arange(days) >= start) & (np.arange(days) < start + length)
    latency = (800 + rng.normal(0, 10, days) + delay * hit, 780 + rng.normal(0, 10, days))
    own = rng.normal(0, 0.012, days) + slope * delay / 100 * hit + drift * np.arange(days)
    outcome = (0.05 * np.exp(shared + own), 0.06 * np.exp(shared + rng.normal(0, 0.012, days)))
    return {"outcome": outcome, "latency_ms": latency, "start": start, "end": start + length}


def test_slices__planted_incident__covered_by_the_placebo_interval():
    found = [difference_of_slices(**history(seed)) for seed in range(300)]

    covered = np.mean([-0.004 in each.confidence_interval for each in found])
    assert covered >= 0.90
    assert np.mean([each.per_100_ms for each in found]) == pytest.approx(-0.004, abs=0.0004)


def test_slices__nothing_happened__interval_holds_zero():
    found = [difference_of_slices(**history(seed, slope=0.0)) for seed in range(200)]

    assert np.mean([0.0 in each.confidence_interval for each in found]) >= 0.90
    assert np.mean([each.placebo_p_value < 0.05 for each in found]) <= 0.10


def test_slices__drift_before__told_by_the_trend_test():
    drifting = [difference_of_slices(**history(seed, drift=0.003)).was_parallel for seed in range(50)]
    parallel = [difference_of_slices(**history(seed)).was_parallel for seed in range(200)]

    assert np.mean(drifting) < 0.1
    assert np.mean(parallel) >= 0.85


def test_slices__history_too_short_for_placebos__not_estimable():
    found = difference_of_slices(**history(1, days=80, start=60))

    assert isinstance(found, NotEstimable)


def test_slices__latency_did_not_move__not_estimable():
    data = history(1, delay=0.0)
    data["latency_ms"] = (np.full(150, 800.0), np.full(150, 780.0))

    assert isinstance(difference_of_slices(**data), NotEstimable)


@pytest.mark.parametrize("change", [{"start": 10}, {"end": 151}, {"start": 135}])
def test_slices__window_outside__invalid(change):
    with pytest.raises(InvalidInput):
        difference_of_slices(**{**history(1), **change})


def test_slices__day_without_traffic__invalid_and_says_what_to_do():
    data = history(1)
    data["outcome"][0][3] = 0.0

    with pytest.raises(InvalidInput) as wrong:
        difference_of_slices(**data)

    assert "without traffic" in wrong.value.fix


def test_newey_west__against_statsmodels__equal():
    rng = np.random.default_rng(2)
    columns = np.column_stack([np.ones(90), np.arange(90.0), rng.normal(size=90)])
    outcome = columns @ [1, 0.1, 2] + autocorrelated(rng, 90, 1.0)
    oracle = sm.OLS(outcome, columns).fit(cov_type="HAC", cov_kwds={"maxlags": 7, "use_correction": False})

    found = newey_west(columns, outcome, lag=7)

    assert found.coefficients == pytest.approx(oracle.params, rel=1e-9)
    assert [found.error(i) for i in range(3)] == pytest.approx(oracle.bse, rel=1e-9)


def test_clustered__against_statsmodels__equal():
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(12), 10)
    columns = np.column_stack([np.ones(120), rng.normal(size=120)])
    outcome = columns @ [1, 2] + rng.normal(size=12)[clusters] + rng.normal(size=120)
    oracle = sm.OLS(outcome, columns).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)

    found = clustered(columns, outcome, clusters.tolist())

    assert [found.error(i) for i in range(2)] == pytest.approx(oracle.bse, rel=1e-9)
    assert found.degrees_of_freedom == 11


def test_series__planted_step__recovered_with_weekdays_and_trend():
    rng = np.random.default_rng(4)
    day = np.arange(120)
    values = 5 + 0.01 * day + WEEKLY[day % 7] * 5 - 0.4 * (day >= 80) + rng.normal(0, 0.05, 120)

    found = interrupted_time_series(values, at=80)

    assert found.change == pytest.approx(-0.4, abs=0.06)
    assert found.p_value < 1e-6


def stepped(phi, day=np.arange(100), at=61):
    """A series with a step, and the columns that describe it: trends, step, weekdays from a Thursday on."""
    noise = autocorrelated(np.random.default_rng(14), len(day), 0.05, phi)
    values = 5 + 0.01 * day + WEEKLY[(day + 3) % 7] + noise - 0.3 * (day >= at)
    weekdays = [((day + 3) % 7 == each).astype(float) for each in range(1, 7)]
    return values, np.column_stack([np.ones(100), day, day >= at, np.maximum(day - at, 0), *weekdays])


def test_series__noise_of_single_days__newey_west_of_statsmodels_for_few_days():
    values, columns = stepped(phi=-0.3)
    settings = {"maxlags": 7, "use_correction": True}
    oracle = sm.OLS(values, columns).fit(cov_type="HAC", cov_kwds=settings, use_t=True)

    found = interrupted_time_series(values, at=61, first_weekday=3)

    assert found.change == pytest.approx(oracle.params[2], rel=1e-8)
    assert found.trend_change_per_day == pytest.approx(oracle.params[3], rel=1e-8)
    assert found.standard_error == pytest.approx(
        max(oracle.bse[2], lasting_error(columns, values, 2)), rel=1e-8
    )
    half = found.confidence_interval.half_width / found.standard_error
    assert half == pytest.approx(stats.t.ppf(0.975, 90), rel=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.change) / found.standard_error, 90))
    assert (found.days_before, found.days_after) == (61, 39)


def test_series__noise_that_lasts__error_of_generalised_least_squares_at_its_persistence():
    values, columns = stepped(phi=0.8)
    narrow = sm.OLS(values, columns).fit(cov_type="HAC", cov_kwds={"maxlags": 7})

    found = interrupted_time_series(values, at=61, first_weekday=3)

    assert found.standard_error == pytest.approx(lasting_error(columns, values, 2), rel=1e-6)
    assert found.standard_error > 1.2 * narrow.bse[2]


@pytest.mark.parametrize("at", [3, 117])
def test_series__less_than_a_week_on_one_side__not_estimable(at):
    assert isinstance(interrupted_time_series(np.arange(120.0), at=at), NotEstimable)


@pytest.mark.parametrize(("values", "at"), [([1.0, math.nan], 1), ([], 0), ([1.0] * 30, 30)])
def test_series__bad_input__invalid(values, at):
    with pytest.raises(InvalidInput):
        interrupted_time_series(values, at=at)


def panel(seed, effect, units=30, periods=12, at=7):
    rng = np.random.default_rng(seed)
    treated = np.arange(units) < units // 3
    own, common = rng.normal(0, 3, units), rng.normal(0, 1, periods)
    values = own[:, None] + common[None, :] + rng.normal(0, 1, (units, periods))
    values += effect * np.outer(treated, np.arange(periods) >= at)
    return values.tolist(), treated.tolist(), at


def test_panel__planted_effect__covered_at_the_nominal_rate():
    found = [difference_in_differences(*panel(seed, 0.5)[:2], at=7) for seed in range(300)]

    assert 0.91 <= np.mean([0.5 in each.confidence_interval for each in found]) <= 0.985


def test_panel__against_statsmodels__equal():
    values, treated, at = panel(1, 0.5)
    table = np.array(values)
    post = np.tile((np.arange(12) >= at).astype(float), 30)
    group = np.repeat(np.array(treated, float), 12)
    columns = np.column_stack([np.ones(360), group, post, group * post])
    oracle = sm.OLS(table.ravel(), columns).fit(
        cov_type="cluster", cov_kwds={"groups": np.repeat(np.arange(30), 12)}, use_t=True
    )

    found = difference_in_differences(values, treated, at=at)

    assert found.change == pytest.approx(oracle.params[3], rel=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalues[3], rel=1e-6)


def test_event_study__effect_begins_at_the_event__earlier_periods_are_flat():
    values, treated, at = panel(2, 2.0, units=90)

    found = event_study(values, treated, at=at)

    assert found.periods == (-7, -6, -5, -4, -3, -2, 0, 1, 2, 3, 4)
    assert np.mean(found.effects[6:]) == pytest.approx(2.0, abs=0.5)
    assert found.trend_p_value > 0.01


def test_event_study__against_dummies__equal():
    values, treated, at = panel(5, 1.0, units=12, periods=6, at=3)
    table, hit = np.array(values), np.array(treated, float)
    unit, period = np.repeat(np.arange(12), 6), np.tile(np.arange(6), 12)
    dummies = [(unit == u).astype(float) for u in range(12)] + [
        (period == p).astype(float) for p in range(1, 6)
    ]
    effects = [np.repeat(hit, 6) * (period == p) for p in (0, 1, 3, 4, 5)]
    oracle = sm.OLS(table.ravel(), np.column_stack([*effects, *dummies])).fit()

    assert event_study(values, treated, at=at).effects == pytest.approx(oracle.params[:5], rel=1e-8)


def test_event_study__errors__those_of_statsmodels_with_unit_means_taken_out():
    values, treated, at = panel(5, 1.0, units=12, periods=6, at=3)
    unit, period = np.repeat(np.arange(12), 6), np.tile(np.arange(6), 12)
    hit = np.repeat(np.array(treated, float), 6)
    effects = [hit * (period == p) for p in (0, 1, 3, 4, 5)]
    periods = [(period == p).astype(float) for p in range(1, 6)]

    def within(column):
        table = np.asarray(column, float).reshape(12, 6)
        return (table - table.mean(axis=1, keepdims=True)).ravel()

    columns = np.column_stack([*map(within, [*effects, *periods]), np.ones(72)])
    oracle = sm.OLS(within(values), columns).fit(cov_type="cluster", cov_kwds={"groups": unit}, use_t=True)

    assert event_study(values, treated, at=at).standard_errors == pytest.approx(oracle.bse[:5], rel=1e-8)


def gaps_before(seed, *, units, at):
    """An event study, and of both groups the gaps [unit, earlier period] to the period before the event."""
    values, treated, _ = panel(seed, 1.0, units=units, periods=at + 2, at=at)
    gaps = np.array(values)[:, : at - 1] - np.array(values)[:, [at - 1]]
    return event_study(values, treated, at=at), gaps[np.array(treated)], gaps[~np.array(treated)]


def test_event_study__one_earlier_period__trend_test_of_welch():
    found, treated, others = gaps_before(5, units=18, at=2)

    welch = stats.ttest_ind(treated[:, 0], others[:, 0], equal_var=False)
    assert found.trend_p_value == pytest.approx(welch.pvalue, rel=1e-9)


def test_event_study__two_earlier_periods__welch_in_the_direction_that_differs_most():
    found, treated, others = gaps_before(6, units=18, at=3)

    angles = np.linspace(0, np.pi, 20_001)
    turned = np.array([np.cos(angles), np.sin(angles)])
    most = (stats.ttest_ind(treated @ turned, others @ turned, equal_var=False).statistic ** 2).max()
    # The spread is known with the degrees of freedom of the smaller group at least, of both together at most.
    p_value = {df: stats.f.sf(most * (df - 1) / (df * 2), 2, df - 1) for df in (5, 16)}
    assert p_value[16] < found.trend_p_value < p_value[5]


def test_event_study__more_earlier_periods_than_units_allow__smallest_p_value_times_their_number():
    found, treated, others = gaps_before(7, units=18, at=8)

    p_values = stats.ttest_ind(treated, others, equal_var=False).pvalue
    assert found.trend_p_value == pytest.approx(min(1.0, 7 * p_values.min()), rel=1e-9)


def test_event_study__four_units_treated__trend_untold():
    found, _, _ = gaps_before(8, units=12, at=3)

    assert found.trend_p_value is None
    assert len(found.effects) == 4


def test_event_study__drift_of_the_treated__told_before_the_event():
    values, treated, at = panel(3, 0.0, units=90)
    drifting = np.array(values) + np.outer(treated, np.arange(12)) * 0.4

    assert event_study(drifting.tolist(), treated, at=at).trend_p_value < 0.01


@pytest.mark.parametrize("estimator", [difference_in_differences, event_study])
@pytest.mark.parametrize("treated", [[True, False, False, False], [False, True, True, True]])
def test_panel__one_unit_alone_in_a_group__not_estimable(estimator, treated):
    values = [[1.0, 2.0], [1.0, 3.0], [2.0, 2.5], [4.0, 4.1]]

    assert estimator(values, treated, at=1) == NotEstimable(Why.TOO_FEW_UNITS)


@pytest.mark.parametrize("values", [[[1, 2], [1]], [[1, math.inf], [1, 2]], []])
def test_panel__ragged_or_unfinished__invalid(values):
    with pytest.raises(InvalidInput):
        difference_in_differences(values, [True, False][: len(values)], at=1)


def donors(seed, effect, at=30, periods=40):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(3, periods)).cumsum(axis=1)
    loads = rng.dirichlet(np.ones(3), size=15)
    series = loads @ factors + 10 + rng.normal(0, 0.05, (15, periods))
    treated = np.array([0.5, 0.3, 0.2]) @ factors + 10 + rng.normal(0, 0.05, periods)
    treated[at:] += effect
    return treated, series


def test_synthetic__planted_effect__recovered_and_ranked_first():
    found = synthetic_control(*donors(1, -1.0), at=30)

    assert found.change == pytest.approx(-1.0, abs=0.2)
    assert sum(found.weights) == pytest.approx(1)
    assert min(found.weights) >= 0
    assert found.p_value == pytest.approx(1 / 16)


def test_synthetic__weights__as_good_as_those_of_another_solver():
    from scipy.optimize import minimize

    treated, series = donors(2, 0.5)
    target, columns = treated[:30], series[:, :30]
    oracle = minimize(
        lambda w: ((target - w @ columns) ** 2).sum(),
        np.full(15, 1 / 15),
        bounds=[(0, 1)] * 15,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 2000},
    )

    found = synthetic_control(treated, series, at=30)

    assert found.error_before**2 * 30 <= oracle.fun * 1.002 + 1e-9


def test_synthetic__no_donor_runs_like_it__refused():
    treated, series = donors(3, 0.1)

    assert isinstance(synthetic_control(treated + 50, series, at=30), PoorFit)
