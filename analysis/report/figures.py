"""The numbers of one effect as a reader meets them: on which scale, with how many digits.

Sentence, table row and drawing of an effect all use the same figures. Numbers keep the metric's own sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.report import effects, numbers, units
from analysis.report.numbers import Format, Unit
from analysis.report.states import Judged
from analysis.stats.results import Compared, Comparison, Scale


@dataclass(frozen=True, slots=True)
class Figures:
    """Point, interval, margin and gain on one scale. `margin` and `gain` are sizes above zero or None."""

    scale: Scale
    unit: Unit
    format: Format
    point: float
    low: float
    high: float
    margin: float | None
    gain: float | None

    @property
    def crosses_zero(self) -> bool:
        return self.low <= 0 <= self.high

    @property
    def is_bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    def point_text(self, *, sign: bool = True) -> str:
        return self.format.text(self.point, sign=sign)

    def span(self) -> str:
        """Low to high; signs where they differ or both are below zero."""
        return f"{_first(self.format, self.low)} to {self.format.text(self.high, sign=self.crosses_zero)}"

    def range(self) -> str:
        """The span beside a point that carries the unit."""
        if self.unit.prefix:
            return self.span()
        return f"{self.format.bare(self.low)} to {self.format.bare(self.high, sign=self.crosses_zero)}"

    def sizes(self) -> str:
        """The interval of a change whose direction is said in words: smaller size first, no signs."""
        small, large = sorted((abs(self.low), abs(self.high)))
        return f"{_first(self.format, small)} to {self.format.text(large)}"

    def size(self, value: float) -> str:
        return self.format.text(abs(value))


def figures(judged: Judged) -> Figures | None:
    """None when there is no number."""
    difference = judged.reading.difference
    if not isinstance(difference, Comparison):
        return None
    lift = judged.reading.lift
    if _reads_better_relative(judged) and isinstance(lift, Comparison) and _agree(difference, lift):
        return _relative(judged, lift)
    unit = units.of_difference(judged.binding.definition)
    return _figures(difference, Scale.ABSOLUTE, unit, judged.margin, judged.gain)


def other_scale(judged: Judged, shown: Figures) -> str:
    """The change on the scale that is not the headline's: relative or in the metric's own unit."""
    if shown.scale is Scale.ABSOLUTE:
        return lift_text(judged.reading.lift)
    own = of_difference(judged, judged.reading.difference)
    if own is None or not own.is_bounded:
        return ""
    point = own.point_text() if own.unit.prefix else own.format.bare(own.point, sign=True)
    return f"{point} ({own.span()})"


def lift_text(lift: Compared | None) -> str:
    """The relative change with its interval, or nothing where there is none."""
    if not isinstance(lift, Comparison):
        return ""
    shown = _figures(lift, Scale.RELATIVE, units.PERCENT, None, None)
    interval = lift.confidence_interval
    if effects.is_unbounded(lift):
        return f"{shown.point_text()} ({numbers.UNBOUNDED})"
    return f"{shown.point_text()} ({_first(shown.format, interval.lower)} to {_last(shown)})"


def of_difference(judged: Judged, found: Compared) -> Figures | None:
    """Another comparison of the same metric, as in a slice, in the metric's own unit."""
    if not isinstance(found, Comparison):
        return None
    unit = units.of_difference(judged.binding.definition)
    return _figures(found, Scale.ABSOLUTE, unit, judged.margin, judged.gain)


def slice_text(judged: Judged, found: Compared) -> str:
    """+131 ms (88 to 174 ms)"""
    shown = of_difference(judged, found)
    return "no number" if shown is None else f"{shown.point_text()} ({shown.span()})"


def stated(judged: Judged, shown: Figures | None, *, is_margin: bool) -> str:
    """A margin or gain on the scale that is shown, in few digits of its own; empty when none was stated."""
    if shown is None:
        size = judged.margin if is_margin else judged.gain
        unit = units.of_difference(judged.binding.definition)
    else:
        size, unit = (shown.margin if is_margin else shown.gain), shown.unit
    if size is None:
        amount = judged.binding.margin if is_margin else judged.binding.gain
        return f"{numbers.share(amount.value)} of the control" if amount and amount.relative else ""
    if shown is not None and shown.format.exponent:
        return shown.format.text(size)
    return numbers.for_values(unit, [size], digits=2).text(size)


def _relative(judged: Judged, lift: Comparison) -> Figures:
    binding = judged.binding
    margin = binding.margin.value if binding.margin and binding.margin.relative else None
    gain = binding.gain.value if binding.gain and binding.gain.relative else None
    return _figures(lift, Scale.RELATIVE, units.PERCENT, margin, gain)


def _figures(
    found: Comparison, scale: Scale, unit: Unit, margin: float | None, gain: float | None
) -> Figures:
    low, high = found.confidence_interval.lower, found.confidence_interval.upper
    written = numbers.for_interval(unit, found.estimate, low, high)
    return Figures(scale, unit, written, found.estimate, low, high, margin, gain)


def _reads_better_relative(judged: Judged) -> bool:
    """Limits stay on the scale they were stated on, so that no reader has to convert them."""
    stated = [amount for amount in (judged.binding.margin, judged.binding.gain) if amount is not None]
    return not units.is_natural(judged.binding.definition) and all(amount.relative for amount in stated)


def _agree(difference: Comparison, lift: Comparison) -> bool:
    """Do both intervals lie on the same side of zero? The decision is made on the absolute one."""
    sides = [
        (found.confidence_interval.lower > 0, found.confidence_interval.upper < 0)
        for found in (difference, lift)
    ]
    return sides[0] == sides[1] and not effects.is_unbounded(lift)


def _first(written: Format, value: float) -> str:
    """The first of two numbers: without its unit unless the unit stands before the number."""
    return written.text(value) if written.unit.prefix else written.bare(value)


def _last(shown: Figures) -> str:
    return shown.format.text(shown.high, sign=shown.crosses_zero)
