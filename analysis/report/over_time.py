"""How the effect on one metric settled from look to look, ready to be drawn. Pure.

Shows the range that counted at each look. Early looks, whose range is wide, are cut at the frame: the last
ones decide how tall it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from analysis.report import numbers, units
from analysis.report.axes import reach_of
from analysis.report.numbers import Format, Unit
from metrics.definitions import MetricDefinition

SETTLED_SHARE = 0.5
"""The newest half of the looks sets the frame."""
LEAST_SHARE = 4.0
SHOWN_MARKS = 12
SATURDAY = 5
MOST_WEEKENDS = 16
"""A longer run has too many for the picture."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at the metric. `low` and `high` are None where the range has no end. `is_other_plan`: it was
    under an earlier plan or definition of the metric, so that its numbers are not comparable."""

    look: int
    at: datetime
    estimate: float
    low: float | None
    high: float | None
    is_other_plan: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened meanwhile: a deploy, an incident, a step of the ramp."""

    at: datetime
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Span:
    """The time from the start to the newest look; `readable_from` ends the minimum duration."""

    start: datetime
    end: datetime
    readable_from: datetime

    def share(self, at: datetime) -> float:
        """Where a time lies between 0 and 1."""
        whole = max(self.end - self.start, timedelta(seconds=1))
        return min(1.0, max(0.0, (at - self.start) / whole))


def series(
    moments: Sequence[Moment], marks: Sequence[Mark], definition: MetricDefinition, span: Span
) -> dict[str, Any] | None:
    """What is drawn and listed, oldest look first; None where no look could estimate the metric."""
    if not moments:
        return None
    unit = units.of_difference(definition)
    top, bottom = _frame(moments, unit)
    ticks = units.short(numbers.for_values(unit, [top, bottom], digits=2))
    is_time = units.is_time_to_cut(definition)
    return {
        "title": definition.title,
        "unit_note": "" if units.is_short(unit) else unit.name,
        "top": top,
        "top_text": ticks.text(top),
        "bottom": bottom,
        "bottom_text": ticks.text(bottom),
        "up_word": "slower" if is_time else "higher",
        "down_word": "faster" if is_time else "lower",
        "start_text": _day(span.start),
        "end_text": _day(span.end),
        "readable_share": span.share(span.readable_from),
        "weekends": list(_weekends(span)),
        "points": [_point(moment, unit, span) for moment in moments],
        "marks": [
            {"share": span.share(mark.at), "kind": mark.kind, "title": mark.title, "text": _day(mark.at)}
            for mark in marks[:SHOWN_MARKS]
        ],
    }


def _weekends(span: Span) -> Iterator[dict[str, float]]:
    """Saturdays and Sundays of the run, in UTC."""
    if span.end - span.start > MOST_WEEKENDS * timedelta(days=7):
        return
    day = datetime.combine(span.start.astimezone(UTC).date(), time(), UTC)
    while day < span.end:
        after = day + timedelta(days=1)
        if day.weekday() >= SATURDAY and after > span.start:
            yield {"from": span.share(day), "to": span.share(after)}
        day = after


def _frame(moments: Sequence[Moment], unit: Unit) -> tuple[float, float]:
    settled = moments[int(len(moments) * SETTLED_SHARE) :]
    ends = [
        end for moment in settled for end in (moment.low, moment.high, moment.estimate) if end is not None
    ]
    above, below = max([0.0, *ends]), max([0.0, *(-end for end in ends)])
    least = max(above, below) / LEAST_SHARE
    return reach_of([max(above, least)], unit), reach_of([max(below, least)], unit)


def _point(moment: Moment, unit: Unit, span: Span) -> dict[str, Any]:
    low = -math.inf if moment.low is None else moment.low
    high = math.inf if moment.high is None else moment.high
    written = numbers.for_interval(unit, moment.estimate, low, high)
    return {
        "look": moment.look,
        "share": span.share(moment.at),
        "is_other_plan": moment.is_other_plan,
        "at_text": f"{moment.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "difference": moment.estimate,
        "low": moment.low,
        "high": moment.high,
        "point_text": written.text(moment.estimate, sign=True),
        "range_text": _range(written, low, high),
    }


def _range(written: Format, low: float, high: float) -> str:
    return f"{written.text(low, sign=True)} to {written.text(high, sign=True)}"


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"
