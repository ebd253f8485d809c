"""How many units and days a plan needs, metric by metric. Pure arithmetic over `analysis.stats.design`.

Always-valid intervals are wider than fixed ones: at the planned size they are as wide as fixed intervals at a
smaller level, and that level is what the size is computed with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.planning.traffic import Forecast
from analysis.stats import design
from analysis.stats.design import Design
from analysis.stats.results import NotEstimable
from analysis.stats.sequential import AlwaysValid, tuned_tau2
from analysis.stats.tails import upper_tail

TARGET = 0.8
MOST_DAYS = 365


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of a metric: the control's value and the variance of one unit, adjusted as it will be.

    `reads` says from which look it is, for people. `window_hours`: a unit counts only so long after it came,
    and not at all when the experiment stops before.
    """

    value: float
    unit_variance: float
    reads: str = ""
    window_hours: int = 0

    @property
    def window_days(self) -> int:
        """Days until a unit counts, begun ones in full."""
        return math.ceil(self.window_hours / 24)


@dataclass(frozen=True, slots=True)
class Shape:
    """How the experiment is laid out. `control_share` and `treatment_share` are of all its units.

    `comparisons` is the number of decisions the level is divided by: success metrics times treatments.
    """

    control_share: float = 0.5
    treatment_share: float = 0.5
    alpha: float = 0.05
    comparisons: int = 1
    is_sequential: bool = True

    @property
    def both(self) -> float:
        return self.control_share + self.treatment_share


@dataclass(frozen=True, slots=True)
class Size:
    """Units in the whole experiment; days None when the traffic does not bring them within a year. The days
    that the last of them waits for its value, `window_days`, are among the days."""

    effect: float
    target: float
    units: int | None
    first_day: int | None
    last_day: int | None
    window_days: int = 0


@dataclass(frozen=True, slots=True)
class Reach:
    """What a day reaches: the smallest effect found with the target power, in the metric's unit."""

    day: int
    units: float
    effect: float | None


def level(shape: Shape) -> float:
    """The level of a fixed test whose interval is as wide as the one that will be read at the planned end."""
    alpha = shape.alpha / max(1, shape.comparisons)
    if not shape.is_sequential:
        return alpha
    # Only the ratio of tau2 to the variance counts, so the variance of the planned end can be called 1.
    test = AlwaysValid(tuned_tau2(1.0, alpha), alpha)
    return 2 * upper_tail(test.multiplier(1.0))


def success_design(baseline: Baseline, shape: Shape) -> Design:
    """Of a two-sided comparison with the control."""
    return Design(
        unit_variance=baseline.unit_variance,
        treatment_share=shape.treatment_share / shape.both,
        alpha=level(shape),
    )


def guardrail_design(baseline: Baseline, shape: Shape, *, margin: float, falls: bool) -> Design:
    """Of a one-sided test of non-inferiority; guardrails are not corrected for their number.

    `margin` is a share of the control's value when the contrast weighs it, else 0: see `analysis.comparing`.
    """
    alone = Shape(shape.control_share, shape.treatment_share, shape.alpha, 1, shape.is_sequential)
    return Design(
        unit_variance=baseline.unit_variance,
        treatment_share=shape.treatment_share / shape.both,
        alpha=level(alone) / 2,
        sides=1,
        base_weight=1 - margin if falls else 1 + margin,
    )


def size(
    planned: Design,
    shape: Shape,
    effect: float,
    traffic: Forecast | None,
    target: float,
    *,
    window_days: int = 0,
) -> Size:
    """Units and days for one metric, whose units count `window_days` after they came."""
    needed = design.sample_size(planned, abs(effect), target)
    if isinstance(needed, NotEstimable):
        return Size(effect, target, None, None, None, window_days)
    units = round(needed / shape.both)
    first = _day(traffic.high, units, window_days) if traffic else None
    last = _day(traffic.low, units, window_days) if traffic else None
    return Size(effect, target, units, first, last, window_days)


def reach(
    planned: Design,
    shape: Shape,
    traffic: Forecast,
    days: tuple[int, ...],
    target: float,
    *,
    window_days: int = 0,
) -> list[Reach]:
    """The smallest detectable effect by day, on the less favourable curve, from the units that count then."""
    found = []
    for day in days:
        came = min(day - window_days, len(traffic.low))
        units = traffic.low[came - 1] if came > 0 else 0.0
        effect = design.minimum_detectable_effect(planned, units * shape.both, target)
        found.append(Reach(day, units, None if isinstance(effect, NotEstimable) else effect))
    return found


def span(first: int | None, last: int | None) -> str:
    """13 to 16 days; what is not reached within a year is said."""
    if first is None:
        return "more than a year"
    if last is None:
        return f"{first} days or much longer"
    return f"{first} day{'s' if first != 1 else ''}" if first == last else f"{first} to {last} days"


def _day(curve: tuple[float, ...], units: float, window_days: int) -> int | None:
    """The day by whose end so many units count; None beyond the curve."""
    came = next((day for day, so_far in enumerate(curve, start=1) if so_far >= units), None)
    return None if came is None or came + window_days > len(curve) else came + window_days
