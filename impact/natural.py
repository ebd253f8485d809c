"""From daily series around an event to a slope, or to the reason why there is none. No Django, no files.

With an unaffected slice: the difference of slices against the same weekdays, placebo dates for the error.
When everybody was hit: the step of the outcome over the step of latency, grade C whatever its interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from analysis.stats.changepoints import change_points
from analysis.stats.impact.doses import STEP_MS
from analysis.stats.impact.series import (
    BASE_WEEKS,
    LEAST_PLACEBOS,
    WEEK,
    NaturalExperiment,
    difference_of_slices,
    interrupted_time_series,
)
from analysis.stats.results import InvalidInput, NotEstimable
from impact.grades import Design, Kind

DAYS_BEFORE = BASE_WEEKS * WEEK
CHANGE_SEED, NEAR = 20_090_623, 2
MOVED_MS = 20.0
"""Latency has to move by more than this: a slope over less is noise divided by little."""


@dataclass(frozen=True, slots=True)
class Value:
    """Outcome and latency of one day, among the hit and among the others (None when there are none)."""

    day: date
    outcome: tuple[float | None, float | None]
    latency_ms: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Estimated:
    """A slope with what its grade follows from; `details` is stored with the finding."""

    per_100_ms: float
    standard_error: float
    design: Design
    method: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NothingToSay:
    """Why the event gives no slope, in words for people."""

    reason: str


def estimate(values: Sequence[Value], *, began_on: date, ended_on: date) -> Estimated | NothingToSay:
    """The slope of one event on began_on <= day < ended_on."""
    if any(None in (*value.outcome[:1], *value.latency_ms[:1]) for value in values):
        return NothingToSay("some days of the history have no value")
    days = [value.day for value in values]
    if began_on not in days or ended_on - timedelta(days=1) not in days:
        return NothingToSay("the history does not cover the event")
    start, end = days.index(began_on), days.index(ended_on - timedelta(days=1)) + 1
    if end - start != (ended_on - began_on).days or not _is_daily(days):
        return NothingToSay("days are missing in the history")
    has_comparison = all(None not in (*value.outcome, *value.latency_ms) for value in values)
    try:
        return _compared(values, start, end) if has_comparison else _stepped(values, start, end)
    except InvalidInput as wrong:
        return NothingToSay(str(wrong))


@dataclass(frozen=True, slots=True)
class Shift:
    """A day on which the level of latency changed, in ms."""

    day: date
    before: float
    after: float


def unexplained(values: Sequence[Value], starts: Sequence[date]) -> list[Shift]:
    """Days on which latency changed and no known event began within two days."""
    known = [(value.day, value.latency_ms[0]) for value in values if value.latency_ms[0]]
    found = change_points([latency or 0.0 for _, latency in known], seed=CHANGE_SEED)
    shifts = [Shift(known[change.at][0], change.before, change.after) for change in found]
    return [shift for shift in shifts if all(abs((shift.day - start).days) > NEAR for start in starts)]


def _compared(values: Sequence[Value], start: int, end: int) -> Estimated | NothingToSay:
    needed = DAYS_BEFORE + LEAST_PLACEBOS + (end - start) - 1
    if start < needed:
        return NothingToSay(
            f"the event comes on day {start + 1} of the history; four weeks before it and {LEAST_PLACEBOS} "
            f"placebo dates need {needed} days before"
        )
    found = difference_of_slices(
        ([_sure(v.outcome[0]) for v in values], [_sure(v.outcome[1]) for v in values]),
        ([_sure(v.latency_ms[0]) for v in values], [_sure(v.latency_ms[1]) for v in values]),
        start=start,
        end=end,
    )
    if isinstance(found, NotEstimable):
        return NothingToSay(f"no slope can be estimated ({found.why.value.replace('_', ' ')})")
    if abs(found.latency_change_ms) < MOVED_MS:
        return NothingToSay(f"latency moved by {found.latency_change_ms:.0f} ms only")
    design = Design(Kind.NATURAL, True, found.placebos, found.was_parallel)
    return Estimated(found.per_100_ms, found.standard_error, design, found.method, _details(found, design))


def _stepped(values: Sequence[Value], start: int, end: int) -> Estimated | NothingToSay:
    """Everybody was hit: days after the event are left out, so that the step is that of the event."""
    kept = values[:end]
    outcome = interrupted_time_series([math.log(_positive(v.outcome[0])) for v in kept], at=start)
    latency = interrupted_time_series([_sure(v.latency_ms[0]) for v in kept], at=start)
    if isinstance(outcome, NotEstimable) or isinstance(latency, NotEstimable):
        return NothingToSay("everybody was hit, and a step needs at least a week before and after")
    if abs(latency.change) < MOVED_MS:
        return NothingToSay(f"latency moved by {latency.change:.0f} ms only")
    slope = outcome.change / latency.change * STEP_MS
    error = outcome.standard_error / abs(latency.change) * STEP_MS
    details = {
        "has_comparison": False,
        "outcome_step": outcome.to_dict(),
        "latency_step": latency.to_dict(),
    }
    return Estimated(slope, error, Design(Kind.NATURAL), outcome.method, details)


def _details(found: NaturalExperiment, design: Design) -> dict[str, Any]:
    return {**found.to_dict(), "has_comparison": design.has_comparison}


def _is_daily(days: Sequence[date]) -> bool:
    return all((later - earlier).days == 1 for earlier, later in pairwise(days))


def _sure(value: float | None) -> float:
    return math.nan if value is None else value


def _positive(value: float | None) -> float:
    if value is None or value <= 0:
        raise InvalidInput("outcome", value, "outcomes are compared as logarithms", "Leave such days out.")
    return value
