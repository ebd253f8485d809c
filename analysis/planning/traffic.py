"""How many different units will have come by which day, judged by how they came before. Pure.

Units return, so the curve of new ones flattens; a straight line through the first days promises too much. Two
curves bound what is likely: one goes on as the last week did, the other goes on falling as it fell.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WEEK = 7
Z80 = 1.2816
"""80 % of a normal distribution lie within this many standard deviations."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Cumulative units by day under the least and the most favourable of the two curves."""

    low: tuple[float, ...]
    high: tuple[float, ...]


def forecast(new_by_day: Sequence[float], *, days: int, coverage_share: float = 1.0) -> Forecast | None:
    """Units until the end of each of the next `days` days, from new units of each day of an earlier run.

    `coverage_share` is the part of the traffic that will take part. The band adds the 80 % range of a week's
    mean to what is known. None without a single unit.
    """
    seen = [max(0.0, n) for n in new_by_day]
    if not any(seen):
        return None
    spread = _spread(seen)
    steady, falling = _daily(seen, days, 1.0), _daily(seen, days, _daily_ratio(seen))
    return Forecast(
        low=_cumulated(falling, coverage_share * max(0.0, 1 - spread)),
        high=_cumulated(steady, coverage_share * (1 + spread)),
    )


def flat(units_per_day: float, *, days: int) -> Forecast:
    """So many new units every day, when somebody typed the number."""
    curve = tuple(units_per_day * day for day in range(1, days + 1))
    return Forecast(curve, curve)


def _daily(seen: Sequence[float], days: int, ratio: float) -> list[float]:
    """As it was, then the last week's mean times `ratio` a day."""
    mean = statistics.fmean(seen[-WEEK:])
    later = (mean * ratio**step for step in range(1, max(0, days - len(seen)) + 1))
    return [*seen[:days], *later]


def _daily_ratio(seen: Sequence[float]) -> float:
    """By what the number of new units fell each day: last week against the one before, never above 1."""
    window = min(WEEK, len(seen) // 2)
    if window < 2:
        return 1.0
    last, before = sum(seen[-window:]), sum(seen[-2 * window : -window])
    return min(1.0, (last / before) ** (1 / window)) if before > 0 and last > 0 else 1.0


def _spread(seen: Sequence[float]) -> float:
    """80 % range of a week's mean, as a share of it."""
    week = seen[-WEEK:]
    mean = statistics.fmean(week)
    if len(week) < 2 or mean == 0:
        return 0.0
    return Z80 * statistics.stdev(week) / mean / math.sqrt(len(week))


def _cumulated(daily: Sequence[float], factor: float) -> tuple[float, ...]:
    total, curve = 0.0, []
    for n in daily:
        total += n * factor
        curve.append(total)
    return tuple(curve)
