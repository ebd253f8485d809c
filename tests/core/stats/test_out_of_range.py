"""Whatever numbers a public function is given, it answers with numbers, a reason, or the name of what is
wrong: never nan, never an error of the machine, never an infinite estimate. Warnings are errors here.

The values are those that break arithmetic: 0, nan, infinities, 1e300, 5e-324, counts of 10^18.
"""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from analysis.stats import (
    adjusted,
    bayes,
    changepoints,
    compare,
    design,
    estimators,
    impact,
    many,
    meta,
    monitor,
    multiplicity,
    quantiles,
    robust,
    sequential,
    simulate,
    spending,
    srm,
)
from analysis.stats.impact import curves, donors, doses, panels, series
from analysis.stats.moments import Moments, merge_all
from analysis.stats.results import Comparison, Counts, Estimate, InvalidInput, NotEstimable, Status, Why
from tests.core.stats.test_degenerate import has_no_nan

FINITE = (0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, 1e-300, -1e-160, 1e-9, 1e9, 1e154, -1e300, 1.7e308, 3.3, 100.0)
ANY = (*FINITE, math.nan, math.inf, -math.inf)
SIZES = (0, 1, 2, 3, 100, 10**6, 10**18)

Calls = Iterator[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]


class Hostile:
    """Draws of what nobody should pass, mixed with what everybody does."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def any(self, usual: float | None = None) -> float:
        return usual if usual is not None and self.rng.random() < 0.5 else self.rng.choice(ANY)

    def finite(self) -> float:
        usual = self.rng.gauss(0, 1) * 10.0 ** self.rng.randint(-12, 12)
        return self.rng.choice((usual, self.rng.choice(FINITE)))

    def size(self) -> int:
        return self.rng.choice(SIZES)

    def pick(self, *values: Any) -> Any:
        return self.rng.choice(values)

    def column(self, n: int) -> list[float]:
        value = self.finite()
        kinds = (
            lambda: value,
            self.finite,
            lambda: abs(self.rng.gauss(9, 1)),
            lambda: self.any(self.finite()),
        )
        kind = self.rng.choice(kinds)
        return [kind() for _ in range(n)]

    def rows(self, width: int) -> Any:
        n = self.pick(0, 1, 2, 3, 8)
        return np.array([self.column(n) for _ in range(width)]).reshape(width, n).T

    def moments(self, width: int) -> Moments:
        try:
            return Moments.from_rows(self.rows(width))
        except InvalidInput:
            return Moments.empty(width)

    def estimate(self) -> Estimate:
        variance = self.pick(0.0, 5e-324, 1e-300, 1.0, 1e300, abs(self.finite()))
        return Estimate(self.finite(), variance, self.pick(1.0, 3.5, 1e12, math.inf), self.size())


def of_moments(draw: Hostile) -> Calls:
    yield Moments.from_rows, (draw.rows(2),), {}
    yield Moments.from_aggregates, (draw.size(), [draw.any()], [draw.any()]), {}
    yield Moments.from_events, (draw.size(), draw.size()), {}
    arms, ratios = [draw.moments(2) for _ in range(2)], [draw.moments(4) for _ in range(2)]
    yield merge_all, (arms,), {}
    for estimator in (estimators.mean, estimators.count, estimators.proportion, estimators.ratio):
        yield estimator, (arms[0],), {}
    yield estimators.capped_mean, (arms[0], draw.any()), {}
    for adjust in (adjusted.cuped, adjusted.lin):
        yield adjust, (arms,), {}
        yield adjust, (ratios, 0, (1, 2, 3)), {}
    for of_ratio in (adjusted.cuped_ratio, adjusted.lin_ratio):
        yield of_ratio, (ratios,), {}
    rows = [draw.rows(3) for _ in range(2)]
    yield adjusted.regression_adjusted, ([adjusted.ArmRows(each[:, 0], each[:, 1:]) for each in rows],), {}
    strata = [{name: draw.moments(1) for name in draw.rng.sample("abc", 2)} for _ in range(2)]
    yield adjusted.post_stratified, (strata,), {}


def of_values(draw: Hostile) -> Calls:
    values = np.array(draw.column(draw.pick(0, 1, 5)))
    yield robust.trimmed_mean, (values, draw.any(0.1)), {}
    yield robust.pooled_cap, ([values, draw.column(3)], draw.any(0.99)), {}
    yield quantiles.quantile_ranks, (draw.size(), draw.any(0.5)), {}
    yield quantiles.quantile_stats, (values, np.arange(values.size) // 2, (0.5, 0.99)), {}
    stat = quantiles.QuantileStat(1000, 0.5, draw.finite(), draw.finite(), draw.finite(), draw.moments(2))
    yield estimators.quantile, (stat,), {}
    yield quantiles.LogHistogram.of, (values,), {}
    yield quantiles.LogHistogram({35_000: 2}, 1).quantile, (draw.any(0.5),), {}
    yield changepoints.change_points, (draw.column(6),), {"seed": 1}
    columns = [np.array(draw.column(4)) for _ in range(2)]
    yield many.Estimates.means, (np.array([0.0, 1.0, 2.0, 1e18]), *columns), {}
    arms = [many.Estimates.of([draw.estimate() for _ in range(3)]) for _ in range(2)]
    yield many.differences, tuple(arms), {"alpha": draw.any(0.05), "null": draw.any(0.0)}


def of_estimates(draw: Hostile) -> Calls:
    arms, alpha = (draw.estimate(), draw.estimate()), draw.any(0.05)
    side = draw.pick("two-sided", "greater", "less")
    yield compare.difference, arms, {"alpha": alpha, "alternative": side, "null": draw.any(0.0)}
    yield compare.contrast, arms, {"alpha": alpha, "base_weight": draw.any(1.05)}
    for method in ("auto", "fieller", "delta", "log"):
        yield compare.lift, arms, {"alpha": alpha, "method": method}
    yield compare.Margin, (draw.any(),), {"relative": draw.pick(True, False)}
    margin = compare.Margin(draw.pick(0.3, 1e-300, 1e140))
    yield compare.noninferiority, arms, {"margin": margin, "better": "up", "alpha": alpha}
    yield compare.equivalence, arms, {"margin": margin, "alpha": alpha}
    yield compare.caution, arms, {}
    yield sequential.clock_unit, arms, {}
    yield sequential.tuned_tau2, (draw.any(), alpha, draw.pick(1, 2)), {}
    yield sequential.AlwaysValid, (draw.any(), alpha), {}
    test = sequential.AlwaysValid(draw.pick(1.0, 1e-250, 1e250), sides=draw.pick(1, 2))
    yield test.multiplier, (draw.any(),), {}
    yield test.log_e_value, (draw.any(), draw.any(), draw.any()), {}
    found = compare.difference(*arms, alternative="two-sided" if test.sides == 2 else "greater")
    yield test.of, (found,), {"unit": draw.any(1.0)}
    yield sequential.AlwaysValid(1.0).lift, arms, {"unit": draw.any(1.0)}
    yield bayes.normal_posterior, (found,), {"prior_sd": draw.any(1.0), "prior_mean": draw.any(0.0)}
    effects = [draw.estimate() for _ in range(draw.pick(0, 1, 2, 4))]
    for pool in (meta.cochran_q, meta.fixed_effect, meta.random_effects):
        yield pool, (effects,), {}
    yield meta.random_effects, (effects,), {"hartung_knapp": True}
    yield impact.price_of, arms, {"alpha": alpha}


def of_counts(draw: Hostile) -> Calls:
    counts, weights = [draw.size() for _ in range(3)], [draw.any(1.0) for _ in range(3)]
    yield srm.chi_square, (counts, weights), {}
    yield srm.e_value, (counts, weights), {"concentration": draw.any(1000.0)}
    yield srm.by_dimension, ({"a": counts, "b": [0, 0, 0]}, weights), {"sequential": draw.pick(True, False)}
    pairs = [Counts(draw.any(1.0), draw.any(100.0)) for _ in range(2)]
    yield pairs[0].wilson, (draw.any(1.96),), {}
    yield bayes.beta_binomial, tuple(pairs), {"prior": (draw.any(1.0), 1.0), "level": draw.any(0.95)}
    yield simulate.share_band, (draw.size(), draw.size()), {}
    sums = [{name: meta.SegmentSums(draw.any(5.0), draw.any(2.0)) for name in "ab"} for _ in range(2)]
    yield meta.mix_rate_decomposition, tuple(sums), {}
    for adjust in (multiplicity.holm, multiplicity.hochberg, multiplicity.benjamini_yekutieli):
        yield adjust, ([draw.any(0.1) for _ in range(3)],), {}
    few = [estimators.proportion(Moments.from_events(e, e + draw.size())) for e in (draw.pick(0, 1, 9), 3)]
    yield compare.difference, tuple(few), {"null": draw.any(0.0)}
    yield compare.lift, tuple(few), {}


def of_plans(draw: Hostile) -> Calls:
    settings = {name: draw.any(0.5) for name in ("treatment_share", "variance_ratio", "design_effect")}
    yield design.Design, (draw.any(1.0),), settings
    plan = design.Design(draw.pick(1e-140, 1.0, 1e140), base_weight=draw.pick(1.0, 1e140, 1e-140))
    yield plan.standard_error, (draw.any(100.0),), {}
    yield design.power, (plan, draw.any(0.1), draw.any(100.0)), {}
    yield design.sample_size, (plan, draw.any(0.1), draw.any(0.8)), {}
    yield design.minimum_detectable_effect, (plan, draw.any(100.0), draw.any(0.8)), {}
    yield design.duration, (plan, draw.any(0.1), [draw.any(9.0) for _ in range(3)]), {}
    yield design.clustering_design_effect, (draw.any(3.0), draw.any(0.1)), {}
    yield design.cuped_variance_ratio, (draw.any(0.5),), {}
    yield design.power_per_guardrail, (draw.any(0.8), draw.pick(0, 3, 10**6)), {}
    shares = sorted(abs(draw.any(0.5)) for _ in range(2))
    yield spending.spent, (draw.any(0.5), draw.any(0.05)), {}
    yield spending.alpha_spending_bounds, (shares, draw.any(0.05)), {"plan_shares": [draw.any(), 1.0]}
    yield spending.bounds_that_spend, (shares, [draw.any(0.01), draw.any(0.02)]), {}
    of_monitor = {name: draw.any(0.1) for name in ("alpha", "always_valid_share", "tuned_share")}
    yield monitor.GuardrailMonitor, (draw.any(1.0),), of_monitor
    looks = [
        monitor.MonitorLook(draw.any(), abs(draw.any()), draw.size(), abs(draw.any(5.0)), True, draw.any(0.5))
        for _ in range(3)
    ]
    yield monitor.GuardrailMonitor(draw.pick(1.0, 1e-100, 1e140)).judge, (looks,), {}
    seen = monitor.SeenLook(draw.any(), draw.any(1.0), draw.any(1.0), 500, draw.any(5.0))
    yield seen.on_clock, ("up",), {}


def of_latency(draw: Hostile) -> Calls:
    ladder = [impact.DoseArm(draw.any(50.0 * i), draw.any(45.0 * i), draw.estimate()) for i in range(3)]
    usual = [impact.DoseArm(50.0 * i, 45.0 * i, draw.estimate()) for i in range(4)]
    for arms in (ladder, usual):
        yield doses.relative_effects, (arms,), {}
        yield impact.dose_response, (arms,), {"alpha": draw.any(0.05)}
    yield impact.isotonic_curve, (usual,), {"seed": 1, "draws": 2}
    if draw.rng.random() < 0.2:
        yield curves.knee, (usual,), {}
    instrumented = [impact.InstrumentedArm(draw.any(50.0 * i), draw.moments(2)) for i in range(3)]
    yield impact.two_stage_least_squares, (instrumented,), {}
    units, periods = draw.pick(1, 3, 5), draw.pick(1, 4)
    panel = [draw.column(periods) for _ in range(units)]
    treated, at = [draw.pick(True, False) for _ in range(units)], draw.pick(0, 1, 2)
    yield panels.difference_in_differences, (panel, treated), {"at": at}
    yield panels.event_study, (panel, treated), {"at": at}
    yield panels.synthetic_control, (draw.column(periods), panel), {"at": at}
    days = [draw.column(20) for _ in range(4)]
    yield series.interrupted_time_series, (days[0],), {"at": draw.pick(-1, 8, 20)}
    yield series.difference_of_slices, ((days[0], days[1]), (days[2], days[3])), {"start": 9, "end": 12}
    yield donors.strayed_in_space, (days, draw.pick(5, 30), 31), {}


def is_sound(found: Any) -> bool:
    """No nan, no infinite estimate, no certainty without an error, ends in order."""
    if isinstance(found, list | tuple):
        return all(is_sound(each) for each in found)
    if isinstance(found, many.Comparisons):
        return all(is_sound(found[row]) for row in range(len(found)))
    if isinstance(found, Estimate):
        known = found.variance > 0 or found.status is Status.NO_VARIATION
        return known and math.isfinite(found.value) and math.isfinite(found.variance)
    if isinstance(found, Comparison):
        interval, sizes = found.confidence_interval, (found.estimate, found.standard_error, found.statistic)
        is_finite = all(map(math.isfinite, sizes)) and found.standard_error > 0
        return (
            is_finite and 0 <= found.p_value <= 1 and interval.lower <= interval.upper and has_no_nan(found)
        )
    if isinstance(found, dict):
        return all(is_sound(each) for each in found.values())
    is_setting = isinstance(found, quantiles.LogHistogram | quantiles.QuantileStat)
    return is_setting or found is None or has_no_nan(found)


GROUPS = (of_moments, of_values, of_estimates, of_counts, of_plans, of_latency)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_public_functions__numbers_that_break_arithmetic__numbers_a_reason_or_a_refusal(group):
    draw = Hostile(seed=20)

    for _ in range(60):
        for function, arguments, named in group(draw):
            try:
                found = function(*arguments, **named)
            except InvalidInput:
                continue
            assert is_sound(found), (function, arguments, named, found)


def test_estimates__values_of_1e200__out_of_range_and_not_without_variation():
    huge, tiny = Estimate(1e200, 1.0), Estimate(1.0, 1e-300)

    assert compare.difference(huge, Estimate(1.0, 1.0)) == NotEstimable(Why.OUT_OF_RANGE)
    assert compare.difference(tiny, tiny) == NotEstimable(Why.OUT_OF_RANGE)
    assert meta.fixed_effect([tiny, huge]) == NotEstimable(Why.OUT_OF_RANGE)
    with pytest.raises(InvalidInput, match="larger unit"):
        Moments.from_rows([1e200, -1e200])


def test_moments__merged_beyond_a_double__estimators_say_so():
    parts = [Moments(1, np.array([size]), np.zeros((1, 1))) for size in (1e160, -1e160, 1.0)]

    for found in (merge_all(parts), parts[0] + parts[1] + parts[2]):
        assert estimators.mean(found) == NotEstimable(Why.OUT_OF_RANGE)
