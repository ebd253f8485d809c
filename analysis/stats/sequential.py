"""Looking more than once: always-valid intervals, alpha spending, and the guardrail monitor made of both.

The clock of everything here is information, 1 / se^2, never the number of users: a boundary on users is wrong
as soon as their variance changes. Of a total that goes on growing for units already counted, the information
on its own scale may even fall; there the clock counts in units of the metric's level, see `clock_unit`.
Inputs are estimates with errors; where they come from does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from analysis.stats import compare
from analysis.stats.results import (
    LARGEST,
    SMALLEST,
    Alternative,
    Compared,
    Estimated,
    Inference,
    Interval,
    InvalidInput,
    NotEstimable,
    Why,
    check_level,
    in_range,
)
from analysis.stats.tails import special

MAX_LOG = 700.0


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """Mixture sequential test: intervals and p values that hold at all looks together.

    `tau2` is the variance of the effects one expects, in squared units of the clock (`tuned_tau2` finds the
    one that makes the interval narrowest at a chosen time). `sides` 2: normal mixture (Robbins 1970; eq. 9 of
    Waudby-Smith et al., arXiv 2103.06476v7, with V / (V + tau2) = 1 / (n rho^2 + 1)). `sides` 1: half-normal
    mixture, a little tighter than the closed form of their eq. 134, which bounds it. Raises InvalidInput for
    impossible settings.
    """

    tau2: float
    alpha: float = 0.05
    sides: int = 2

    def __post_init__(self) -> None:
        if not SMALLEST**2 <= self.tau2 <= LARGEST**2:
            raise InvalidInput("tau2", self.tau2, "tau2 is a positive variance", "See tuned_tau2.")
        check_level("alpha", self.alpha)
        if self.sides not in (1, 2):
            raise InvalidInput("sides", self.sides, "a test has one side or two", "Use 1 or 2.")

    def multiplier(self, standard_error: float) -> float:
        """The interval is estimate +- multiplier * standard error (one side of it when `sides` is 1)."""
        log_growth, shrink = self._mixing(standard_error)
        if self.sides == 2:
            return math.sqrt(log_growth - 2 * math.log(self.alpha)) / shrink
        return _half_normal_root(0.5 * log_growth - math.log(2 * self.alpha)) / shrink

    def log_e_value(self, estimate: float, standard_error: float, null: float = 0.0) -> float:
        """Log evidence against `null`; with one side, against effects at or below it."""
        log_growth, shrink = self._mixing(standard_error)
        if not (abs(estimate) <= LARGEST and abs(null) <= LARGEST):
            raise InvalidInput("estimate, null", (estimate, null), "they must be numbers of usual size")
        a = (estimate - null) / standard_error * shrink
        log_e = 0.5 * (a * a - log_growth)
        if self.sides == 1:
            log_e += math.log(2) + float(special().log_ndtr(a))
        return log_e

    def e_value(self, estimate: float, standard_error: float, null: float = 0.0) -> float:
        """Exceeds 1 / alpha at any look with probability at most alpha under the null; capped at e^700."""
        return math.exp(min(self.log_e_value(estimate, standard_error, null), MAX_LOG))

    def p_value(self, estimate: float, standard_error: float, null: float = 0.0) -> float:
        """min(1, 1 / e). The smallest of all looks so far is valid too, see `running_minimum`."""
        return math.exp(min(0.0, -self.log_e_value(estimate, standard_error, null)))

    def _mixing(self, standard_error: float) -> tuple[float, float]:
        """log((V + tau2) / V) and the root of tau2 / (V + tau2), from tau / error, whose square may leave the
        range of a double."""
        if not SMALLEST <= standard_error <= LARGEST:
            raise InvalidInput("standard_error", standard_error, "it must be positive and of usual size")
        spread = math.sqrt(self.tau2) / standard_error
        growth = math.log1p(spread * spread) if spread < LARGEST else 2 * math.log(spread)
        return growth, spread / math.hypot(1.0, spread)

    def of(self, fixed: Compared, *, unit: float = 1.0) -> Compared:
        """The always-valid version of a fixed-horizon comparison on the same scale.

        `alternative` of the comparison picks the side; it must agree with `sides`, else InvalidInput. `unit`
        is what counts as 1 on the clock and in `tau2`: 1 for values that are final when they enter, the
        level of the metric (`clock_unit`) where they may still grow. For lifts use `lift`.
        """
        if isinstance(fixed, NotEstimable):
            return fixed
        if not (math.isfinite(unit) and unit > 0):
            raise InvalidInput("unit", unit, "the clock counts in a positive unit", "See clock_unit.")
        two_sided = fixed.alternative is Alternative.TWO_SIDED
        if two_sided != (self.sides == 2):
            raise InvalidInput("sides", self.sides, f"the comparison is {fixed.alternative}", "Match them.")
        error = fixed.standard_error / unit
        if not (in_range(fixed.estimate / unit, error * error) and abs(fixed.null / unit) <= LARGEST):
            return NotEstimable(Why.OUT_OF_RANGE)
        half = self.multiplier(error) * fixed.standard_error
        sign = -1.0 if fixed.alternative is Alternative.LESS else 1.0
        lower = -math.inf if fixed.alternative is Alternative.LESS else fixed.estimate - half
        upper = math.inf if fixed.alternative is Alternative.GREATER else fixed.estimate + half
        return replace(
            fixed,
            p_value=self.p_value(sign * fixed.estimate / unit, error, sign * fixed.null / unit),
            confidence_interval=Interval(lower, upper),
            alpha=self.alpha,
            method=f"{fixed.method}, always valid",
            inference=Inference.ALWAYS_VALID,
        )

    def lift(
        self, control: Estimated, treatment: Estimated, *, method: str = "auto", unit: float = 1.0
    ) -> Compared:
        """Lift with an always-valid interval: the multiplier of the absolute difference replaces the t
        quantile. `unit` as in `of`."""
        absolute = self.of(compare.difference(control, treatment, alpha=self.alpha), unit=unit)
        if isinstance(absolute, NotEstimable):
            return absolute
        multiplier = self.multiplier(absolute.standard_error / unit)
        found = compare.lift(control, treatment, alpha=self.alpha, method=method, multiplier=multiplier)
        if isinstance(found, NotEstimable):
            return found
        return replace(
            found,
            p_value=absolute.p_value,
            method=f"{found.method}, always valid",
            inference=Inference.ALWAYS_VALID,
        )


def clock_unit(control: Estimated, treatment: Estimated) -> float | None:
    """The level of the metric, mean of the two arms' values: what the clock counts in while totals grow.

    Sums and counts to date grow with every hour after a unit's exposure, and so does their spread: 1 / se^2
    may stand still or fall while evidence comes in, and scales set early are wrong by orders of magnitude.
    Relative to the level, information rises as it should; a constant factor changes nothing. Both arms count,
    because the control alone would tie the clock to the estimate. None without a positive level: then 1.
    """
    if isinstance(control, NotEstimable) or isinstance(treatment, NotEstimable):
        return None
    level = (control.value + treatment.value) / 2
    return level if level > 0 else None


def tuned_tau2(variance: float, alpha: float = 0.05, sides: int = 2) -> float:
    """The tau2 whose interval is narrowest when the squared standard error is `variance`.

    variance * (-2 log alpha + log(1 - 2 log alpha)): Waudby-Smith et al., eq. 161, with n rho^2 = tau2 /
    variance; one-sided with 2 alpha in place of alpha. Raises InvalidInput unless the variance is positive
    and the level below 1.
    """
    level = alpha if sides == 2 else 2 * alpha
    if not (0 < variance <= LARGEST**2 and 0 < level < 1):
        raise InvalidInput("variance, alpha", (variance, alpha), "they must be positive, alpha below 1 / 2")
    logs = -2 * math.log(level)
    return variance * (logs + math.log(1 + logs))


def running_minimum(p_values: Iterable[float]) -> list[float]:
    """Always-valid p values after each look: the smallest so far."""
    smallest, found = 1.0, []
    for p_value in p_values:
        smallest = min(smallest, p_value)
        found.append(smallest)
    return found


def _half_normal_root(target: float) -> float:
    """a with a^2 / 2 + log ndtr(a) = target. The left side rises and its slope lies within [a, a + 0.8] for a
    > 0, so Newton from the right end converges from above."""
    log_ndtr = special().log_ndtr
    a = math.sqrt(2 * max(target + math.log(2), 0.0) + 1e-12)
    for _ in range(60):
        log_cdf = float(log_ndtr(a))
        slope = a + math.exp(-0.5 * a * a - log_cdf) / math.sqrt(2 * math.pi)
        step = (0.5 * a * a + log_cdf - target) / slope
        a -= step
        if abs(step) <= 1e-13 * max(1.0, abs(a)):
            break
    return a
