"""Shared axes: one for every unit type, so that two intervals on a page can be compared by eye.

Values on an axis are oriented: right is better. An interval that would squeeze all others is cut at the edge
and carries its number there. No drawing here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low

from analysis.report.figures import Figures
from analysis.report.numbers import AS_GOOD_AS_ZERO, Format, Unit, for_values
from analysis.stats.results import Scale

LARGEST_TO_TYPICAL = 3.0
"""An axis reaches at most so many times the typical row's extent."""

STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """`reach`: the axis runs from -reach to +reach, in raw numbers. `format` writes its two ends."""

    key: str
    unit: Unit
    reach: float
    format: Format

    @property
    def text(self) -> str:
        return self.format.text(self.reach)


def key_of(shown: Figures) -> str:
    """Same scale, same unit: same axis."""
    return f"{'relative' if shown.scale is Scale.RELATIVE else 'absolute'} {shown.unit.name}"


def axes_of(rows: Iterable[Figures]) -> dict[str, Axis]:
    """The axis of every unit type among the rows."""
    by_key: dict[str, list[Figures]] = {}
    for shown in rows:
        by_key.setdefault(key_of(shown), []).append(shown)
    return {key: _axis(key, group) for key, group in by_key.items()}


def reach_of(extents: Sequence[float], unit: Unit) -> float:
    """A round number that holds all extents, or as much of them as keeps the typical one visible."""
    known = [extent for extent in extents if math.isfinite(extent) and extent * unit.factor > AS_GOOD_AS_ZERO]
    if not known:
        return 1.0 / unit.factor
    wanted = min(max(known), LARGEST_TO_TYPICAL * median_low(known))
    return _round_up(wanted * unit.factor) / unit.factor


def _axis(key: str, rows: Sequence[Figures]) -> Axis:
    unit = rows[0].unit
    reach = reach_of([_extent(shown) for shown in rows], unit)
    return Axis(key, unit, reach, for_values(unit, [reach], digits=2))


def _extent(shown: Figures) -> float:
    ends = [abs(end) for end in (shown.low, shown.high, shown.point, shown.margin or 0.0)]
    return max((end for end in ends if math.isfinite(end)), default=0.0)


def _round_up(value: float) -> float:
    """The next round number, leaving a little room."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in STEPS if step * power >= value * 1.05), 15.0 * power)
