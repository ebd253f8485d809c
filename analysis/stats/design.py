"""Before the start: power, sample size, smallest detectable effect, days.

Two-sample t with the variance of one unit known beforehand; CUPED and clustering enter as factors on that
variance. Only planning: nothing here looks at results of the experiment itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from analysis.stats.results import LARGEST, SMALLEST, InvalidInput, NotEstimable, Why, check_level
from analysis.stats.tails import LARGE_DF, critical_value, special, upper_tail

MOST_UNITS = 10**15


@dataclass(frozen=True, slots=True)
class Design:
    """What is fixed before the size is chosen.

    `unit_variance` of one unit's value, in both arms; `treatment_share` of the units of the two arms;
    `variance_ratio` what CUPED leaves of it (`cuped_variance_ratio`); `design_effect` of clustering
    (`clustering_design_effect`); `base_weight` k plans the contrast treatment - k control of a relative
    non-inferiority margin.
    """

    unit_variance: float
    treatment_share: float = 0.5
    alpha: float = 0.05
    sides: int = 2
    variance_ratio: float = 1.0
    design_effect: float = 1.0
    base_weight: float = 1.0

    def __post_init__(self) -> None:
        for name in ("unit_variance", "variance_ratio", "design_effect", "base_weight"):
            value = getattr(self, name)
            if not SMALLEST <= value <= LARGEST:
                raise InvalidInput(name, value, "it must be a positive number")
        for name in ("treatment_share", "alpha"):
            check_level(name, getattr(self, name))
        if self.sides not in (1, 2):
            raise InvalidInput("sides", self.sides, "a test has one side or two", "Use 1 or 2.")

    def standard_error(self, units: float) -> float:
        """Of the difference when `units` in all are in the two arms. Raises InvalidInput without any."""
        if not 0 < units <= LARGEST:
            raise InvalidInput("units", units, "there must be some")
        weights = math.hypot(
            self.treatment_share**-0.5, self.base_weight * (1 - self.treatment_share) ** -0.5
        )
        return weights * math.sqrt(self.unit_variance / units * self.variance_ratio * self.design_effect)


def power(design: Design, effect: float, units: float) -> float:
    """Probability of a significant result when the true difference (or distance from the margin) is `effect`,
    with `units` in both arms together. Noncentral t with units - 2 degrees of freedom (Cohen 1988, chapter
    2); in a one-sided design a positive effect lies in the direction tested. Raises InvalidInput for an
    effect (in the metric's unit) that is no number of usual size."""
    if units <= 2:
        return 0.0
    if not abs(effect) <= LARGEST:
        raise InvalidInput("effect", effect, "it must be a number of usual size")
    shift = effect / max(design.standard_error(units), SMALLEST)
    df = units - 2
    critical = critical_value(design.alpha / design.sides, df)
    reached = _beyond(critical, shift, df)
    return reached if design.sides == 1 else reached + _beyond(critical, -shift, df)


def sample_size(design: Design, effect: float, target: float = 0.8) -> int | NotEstimable:
    """Fewest units, both arms together, with at least the `target` power; `effect` in the metric's unit.
    Raises InvalidInput for a target that is not between alpha and 1."""
    _check_target(design, target)
    if effect == 0:
        return NotEstimable(Why.TARGET_NOT_REACHED)
    high = 4
    while power(design, effect, high) < target:
        high *= 2
        if high > MOST_UNITS:
            return NotEstimable(Why.TARGET_NOT_REACHED)
    low = max(high // 2, 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(design, effect, middle) < target else (low, middle)
    return high


def minimum_detectable_effect(design: Design, units: float, target: float = 0.8) -> float | NotEstimable:
    """Smallest effect, in the metric's unit, found with the `target` power from `units` in both arms
    together. Raises InvalidInput like `sample_size`."""
    _check_target(design, target)
    if units <= 2:
        return NotEstimable(Why.TOO_FEW_UNITS)
    error = design.standard_error(units)
    return error * _rising_root(lambda shift: power(design, shift * error, units) - target)


def duration(
    design: Design, effect: float, cumulative_units_by_day: Sequence[float], target: float = 0.8
) -> int | NotEstimable:
    """First day (1-based) on which the experiment has enough units, from its curve of arrivals.

    The curve counts different units seen until the end of each day in both arms; it flattens as users return,
    which a straight line through the first days would miss. Raises InvalidInput for a curve that falls.
    """
    needed = sample_size(design, effect, target)
    if isinstance(needed, NotEstimable):
        return needed
    pairs = pairwise(cumulative_units_by_day)
    if any(not later >= earlier for earlier, later in pairs):
        curve = list(cumulative_units_by_day)
        raise InvalidInput("cumulative_units_by_day", curve, "a cumulative curve cannot fall")
    days = (day for day, units in enumerate(cumulative_units_by_day, start=1) if units >= needed)
    return next(days, NotEstimable(Why.TARGET_NOT_REACHED))


def cuped_variance_ratio(correlation: float) -> float:
    """1 - rho^2: what CUPED leaves of the variance (Deng et al. 2013, eq. 5). Raises InvalidInput for a
    correlation that is not strictly between -1 and 1."""
    if not -1 < correlation < 1:
        raise InvalidInput("correlation", correlation, "it lies strictly between -1 and 1")
    return 1 - correlation**2


def clustering_design_effect(sessions_per_unit: float, intraclass_correlation: float) -> float:
    """1 + (m - 1) rho: how much larger the variance of a session mean is because users repeat (Kish 1965).
    Raises InvalidInput for fewer sessions than units or a correlation outside 0..1."""
    if not (1 <= sessions_per_unit <= LARGEST and 0 <= intraclass_correlation <= 1):
        given = (sessions_per_unit, intraclass_correlation)
        raise InvalidInput("sessions_per_unit, intraclass_correlation", given, "need 1 or more, and 0 to 1")
    return 1 + (sessions_per_unit - 1) * intraclass_correlation


def proportion_variance(share: float) -> float:
    """Variance of one unit's 0 or 1: p (1 - p). Raises InvalidInput for a share outside 0..1."""
    check_level("share", share)
    return share * (1 - share)


def power_per_guardrail(joint: float, guardrails: int) -> float:
    """Power each guardrail needs so that all pass together with probability `joint` when none is harmed:
    joint^(1 / k) (Schultzberg, Ankargren & Frånberg 2024, arXiv 2402.11609). Raises InvalidInput without a
    guardrail, and for a probability that is not strictly between 0 and 1."""
    if guardrails < 1 or not 0 < joint < 1:
        raise InvalidInput("joint, guardrails", (joint, guardrails), "need 0 < joint < 1 and a guardrail")
    return float(joint ** (1 / guardrails))


def _beyond(critical: float, shift: float, df: float) -> float:
    if df > LARGE_DF:
        return upper_tail(critical - shift)
    found = float(special().nctdtr(df, -shift, -critical))
    # Some 20 standard errors out the series in scipy gives up; nothing is left to tell apart out there.
    return float(shift > critical) if math.isnan(found) else found


def _check_target(design: Design, target: float) -> None:
    if not design.alpha < target < 1:
        raise InvalidInput("target", target, "power lies between alpha and 1", "Use 0.8.")


def _rising_root(function: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    while function(high) < 0:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return high
