"""Treatment against control from two estimates: difference, lift, non-inferiority, equivalence.

Only Estimate is known here, not the metric type behind it, so that every procedure serves every metric. Fixed
horizon; `sequential` turns a comparison into an always-valid one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from analysis.stats.exact import few_events_interval, few_events_p_value
from analysis.stats.results import (
    LARGEST,
    Alternative,
    Compared,
    Comparison,
    Estimate,
    Estimated,
    Interval,
    InvalidInput,
    NotEstimable,
    Scale,
    Status,
    Why,
    check_level,
    in_range,
)
from analysis.stats.tails import critical_value, upper_tail

TWO_SIDED, GREATER, LESS = Alternative.TWO_SIDED, Alternative.GREATER, Alternative.LESS

NEAR_ZERO = 5.0
"""A base within this many standard errors of zero gets Fieller's interval."""


@dataclass(frozen=True, slots=True)
class Margin:
    """The largest loss accepted: `value` > 0 in metric units, or a share of the control when `relative`."""

    value: float
    relative: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.value <= LARGEST:
            raise InvalidInput("margin", self.value, "a margin is a positive number", "Give its size.")
        if self.relative and self.value >= 1:
            raise InvalidInput("margin", self.value, "a relative margin is below 1", "Use 0.05 for 5 %.")

    def contrast(self, sign: float) -> tuple[float, float]:
        """(base weight k, null c): the limit is treatment - k control = c; `sign` +1 above, -1 below."""
        return (1 + sign * self.value, 0.0) if self.relative else (1.0, sign * self.value)


def difference(
    control: Estimated,
    treatment: Estimated,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = TWO_SIDED,
    null: float = 0.0,
) -> Compared:
    """Treatment minus control; Student's t with Welch-Satterthwaite degrees of freedom (Welch 1947).

    In the metric's unit, as is `null`. One-sided alternatives get a one-sided bound at level 1 - alpha.
    Proportions with few events get the Newcombe interval and, against zero, Fisher's exact p value. Raises
    InvalidInput for an alpha outside 0..1, ValueError for an unknown alternative.
    """
    return contrast(control, treatment, alpha=alpha, alternative=alternative, null=null)


def contrast(
    control: Estimated,
    treatment: Estimated,
    *,
    base_weight: float = 1.0,
    alpha: float = 0.05,
    alternative: Alternative | str = TWO_SIDED,
    null: float = 0.0,
) -> Compared:
    """treatment - base_weight * control, with variance s1 + base_weight^2 s0; otherwise as `difference`.
    Raises InvalidInput for a level outside 0..1, and for a null or weight that is no number of usual size."""
    side = Alternative(alternative)
    check_level("alpha", alpha)
    if not (abs(null) <= LARGEST and abs(base_weight) <= LARGEST):
        raise InvalidInput("null, base_weight", (null, base_weight), "they must be numbers of usual size")
    if isinstance(control, NotEstimable) or isinstance(treatment, NotEstimable):
        return missing_arm(control, treatment)
    scaled = base_weight * base_weight * control.variance
    variance = treatment.variance + scaled
    if variance == 0:
        return NotEstimable(Why.NO_VARIATION)
    estimate = treatment.value - base_weight * control.value
    if not in_range(estimate, variance):
        return NotEstimable(Why.OUT_OF_RANGE)
    if not min(control.degrees_of_freedom, treatment.degrees_of_freedom) > 0:
        return NotEstimable(Why.TOO_FEW_UNITS)
    error, df = math.sqrt(variance), _welch_df(control, treatment, scaled)
    statistic = (estimate - null) / error
    result = Comparison(
        estimate,
        error,
        df,
        statistic,
        _p_value(statistic, df, side),
        _interval(estimate, critical_value(_tail(alpha, side), df) * error, side),
        null,
        side,
        alpha,
        "welch" if math.isfinite(df) else "normal",
        base_weight=base_weight,
    )
    if control.counts is None and treatment.counts is None:
        return result
    return _with_score_limits(result, control, treatment)


def lift(
    control: Estimated,
    treatment: Estimated,
    *,
    alpha: float = 0.05,
    method: str = "auto",
    multiplier: float | None = None,
) -> Compared:
    """Relative change treatment / control - 1, for display; decisions are made on the absolute scale.

    The p value is therefore that of the absolute difference. `method`: "log" (interval of the log ratio),
    "fieller" (Fieller 1954, JRSS B 16:175), "delta", or "auto": Fieller when the control lies within five
    standard errors of zero (of the multiplier, when that is more) or the signs differ, else log. 0.02 is 2 %.
    Status `unbounded` when g = (multiplier * error of the control / control)^2 >= 1. `multiplier` replaces
    the t quantile, see `AlwaysValid.lift`. Raises InvalidInput for an unknown method and for "log" on a
    treatment that is not positive.
    """
    if isinstance(control, NotEstimable) or isinstance(treatment, NotEstimable):
        return missing_arm(control, treatment)
    absolute = difference(control, treatment, alpha=alpha)
    if isinstance(absolute, NotEstimable):
        return absolute
    if control.value <= 0:
        return NotEstimable(Why.BASE_NOT_POSITIVE, "control")
    error = _delta_error(control, treatment)
    if not in_range(treatment.value / control.value, error * error):
        return NotEstimable(Why.OUT_OF_RANGE)
    critical = multiplier or critical_value(alpha / 2, absolute.degrees_of_freedom)
    chosen = _lift_method(control, treatment, critical) if method == "auto" else method
    if chosen not in LIFT_INTERVALS:
        raise InvalidInput(
            "method", method, "no such lift method", 'Use "auto", "log", "fieller" or "delta".'
        )
    interval = LIFT_INTERVALS[chosen](control, treatment, critical)
    return replace(
        absolute,
        estimate=treatment.value / control.value - 1,
        standard_error=error,
        confidence_interval=interval,
        method=f"lift, {chosen}",
        status=absolute.status if math.isfinite(interval.lower) else Status.UNBOUNDED,
        scale=Scale.RELATIVE,
    )


def noninferiority(
    control: Estimated, treatment: Estimated, *, margin: Margin, better: str, alpha: float = 0.05
) -> Compared:
    """One-sided test that the loss is smaller than the margin; `rejects` means "shown not to be worse by it".

    `better` is "up" or "down". A relative margin is tested through the exact contrast m1 - (1 -+ margin) m0 =
    0 whose variance is v1 / n1 + (1 -+ margin)^2 v0 / n0: the control mean is an estimate too. Serves means,
    ratios and quantiles alike. Raises InvalidInput for an unknown direction.
    """
    sign = {"up": -1.0, "down": 1.0}.get(better)
    if sign is None:
        raise InvalidInput("better", better, "unknown direction", 'Use "up" or "down".')
    if margin.relative and isinstance(control, Estimate) and control.value <= 0:
        return NotEstimable(Why.BASE_NOT_POSITIVE, "control")
    weight, null = margin.contrast(sign)
    side = GREATER if better == "up" else LESS
    result = contrast(control, treatment, base_weight=weight, alpha=alpha, alternative=side, null=null)
    if isinstance(result, NotEstimable):
        return result
    return replace(result, margin=margin.value, method=f"non-inferiority, {result.method}")


def equivalence(control: Estimated, treatment: Estimated, *, margin: Margin, alpha: float = 0.05) -> Compared:
    """Two one-sided tests (Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15:657): the difference
    lies within the margin on both sides.

    The p value is the larger of the two; the interval is the 1 - 2 alpha interval of the difference. Raises
    InvalidInput for an alpha that leaves no such interval.
    """
    if not 0 < alpha < 0.5:
        raise InvalidInput("alpha", alpha, "alpha of two one-sided tests lies below 1 / 2", "Use 0.05.")
    lower = noninferiority(control, treatment, margin=margin, better="up", alpha=alpha)
    upper = noninferiority(control, treatment, margin=margin, better="down", alpha=alpha)
    both = difference(control, treatment, alpha=2 * alpha)
    if isinstance(lower, NotEstimable) or isinstance(upper, NotEstimable) or isinstance(both, NotEstimable):
        return next(found for found in (lower, upper, both) if isinstance(found, NotEstimable))
    harder = max(lower, upper, key=lambda found: found.p_value)
    return replace(
        both,
        p_value=harder.p_value,
        statistic=harder.statistic,
        null=harder.null,
        alpha=alpha,
        margin=margin.value,
        method="equivalence, two one-sided tests",
    )


def caution(control: Estimate, treatment: Estimate) -> float:
    """Factor, at least 1, by which the error under "the arms do not differ" exceeds the one of `difference`.

    With both arms' spreads put together that error is sqrt(u (1 / n0 + 1 / n1)), u the mean variance of one
    unit. In a small arm of skewed values mean and spread go together: an arm that happens to lack its few
    large values looks both low and precise, so that its t falls too far below zero too often (Johnson 1978,
    JASA 73:536; Boos & Hughes-Oliver 2000, The American Statistician 54:121). The spread of the large arm
    does not do that. 1 for arms of one size, and where units are not known.
    """
    n0, n1 = control.units, treatment.units
    own = control.variance + treatment.variance
    if not (n0 and n1 and own > 0):
        return 1.0
    unit_variance = (n0 * n0 * control.variance + n1 * n1 * treatment.variance) / (n0 + n1)
    return max(1.0, math.sqrt(unit_variance * (1 / n0 + 1 / n1) / own))


def missing_arm(control: Estimated, treatment: Estimated) -> NotEstimable:
    """The refusal of a comparison that lacks an arm; names the arm."""
    arms = {"control": control, "treatment": treatment}
    name, missing = next((name, arm) for name, arm in arms.items() if isinstance(arm, NotEstimable))
    return replace(missing, arm=name)


def _welch_df(control: Estimate, treatment: Estimate, scaled: float) -> float:
    """Satterthwaite: (s0 + s1)^2 / (s0^2 / df0 + s1^2 / df1), as shares of the sum so that nothing
    underflows."""
    share = scaled / (treatment.variance + scaled)
    spread = share * share / control.degrees_of_freedom
    spread += (1 - share) * (1 - share) / treatment.degrees_of_freedom
    return 1 / spread if spread > 0 else math.inf


def _tail(alpha: float, side: Alternative) -> float:
    return alpha / 2 if side is TWO_SIDED else alpha


def _p_value(statistic: float, df: float, side: Alternative) -> float:
    if side is TWO_SIDED:
        return min(1.0, 2 * upper_tail(abs(statistic), df))
    return upper_tail(statistic if side is GREATER else -statistic, df)


def _interval(estimate: float, half_width: float, side: Alternative) -> Interval:
    lower = -math.inf if side is LESS else estimate - half_width
    upper = math.inf if side is GREATER else estimate + half_width
    return Interval(lower, upper)


def _with_score_limits(result: Comparison, control: Estimate, treatment: Estimate) -> Comparison:
    z = max(critical_value(_tail(result.alpha, result.alternative)), 0.0)
    both = few_events_interval(control, treatment, z, result.base_weight)
    interval = Interval(
        -math.inf if result.alternative is LESS else both.lower,
        math.inf if result.alternative is GREATER else both.upper,
    )
    p_value = few_events_p_value(control, treatment, result)
    exact = "exact p" if result.null == 0 and result.base_weight == 1 else "score p"
    return replace(
        result,
        confidence_interval=interval,
        p_value=p_value,
        method=f"Newcombe interval, {exact}",
        status=Status.FEW_EVENTS,
    )


def _lift_method(control: Estimate, treatment: Estimate, critical: float) -> str:
    """A wide always-valid multiplier reaches zero from farther away than five standard errors."""
    near_zero = control.value <= max(NEAR_ZERO, critical) * control.standard_error
    return "fieller" if near_zero or treatment.value <= 0 else "log"


def _delta_error(control: Estimate, treatment: Estimate) -> float:
    lifted = treatment.value / control.value
    return math.hypot(treatment.standard_error, lifted * control.standard_error) / control.value


def _log_interval(control: Estimate, treatment: Estimate, critical: float) -> Interval:
    if treatment.value <= 0:
        raise InvalidInput("method", "log", "the treatment value is not positive", 'Use "fieller" or "auto".')
    ratio = treatment.value / control.value
    spread = critical * math.hypot(
        treatment.standard_error / treatment.value, control.standard_error / control.value
    )
    return Interval(ratio * math.exp(-spread) - 1, ratio * math.exp(min(spread, 700.0)) - 1)


def _fieller_interval(control: Estimate, treatment: Estimate, critical: float) -> Interval:
    from_zero = critical * control.standard_error / control.value
    g = from_zero * from_zero
    if g >= 1:
        return Interval(-math.inf, math.inf)
    ratio = treatment.value / control.value
    spread = (critical / control.value) * math.sqrt(
        (1 - g) * treatment.variance + ratio * ratio * control.variance
    )
    return Interval((ratio - spread) / (1 - g) - 1, (ratio + spread) / (1 - g) - 1)


def _delta_interval(control: Estimate, treatment: Estimate, critical: float) -> Interval:
    ratio, spread = treatment.value / control.value, critical * _delta_error(control, treatment)
    return Interval(ratio - spread - 1, ratio + spread - 1)


LIFT_INTERVALS = {"log": _log_interval, "fieller": _fieller_interval, "delta": _delta_interval}
