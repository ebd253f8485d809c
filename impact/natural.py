"""From daily series around an event to a slope, or to the reason why there is none. No Django, no files.

With an unaffected slice: a comparison by the rules of `comparing`. When everybody was hit: the step of the
outcome over the step of latency (interrupted time series), grade C whatever its interval.
"""

import math
from collections.abc import Sequence
from datetime import date, timedelta

from analysis.stats.impact.doses import STEP_MS
from analysis.stats.impact.series import interrupted_time_series
from analysis.stats.results import InvalidInput, NotEstimable
from impact.comparing import compare
from impact.grades import Design, Kind
from impact.history import MOVED_MS, Donor, Estimated, NothingToSay, Value, sure


def estimate(
    values: Sequence[Value], *, began_on: date, ended_on: date, donors: Sequence[Donor] = ()
) -> Estimated | NothingToSay:
    """The slope of one event on began_on <= day < ended_on.

    `donors` are slices of their own that were not hit, a value for each of `values`. Days before a gap in the
    history are left out. Which method is used follows from who was not hit, by the rules of `comparing`.
    """
    known = _unbroken(values, ended_on)
    days = [values[at].day for at in known]
    if began_on not in days or days[-1] != ended_on - timedelta(days=1):
        return NothingToSay(_gap_words(values, began_on, ended_on))
    start, end = days.index(began_on), len(days)
    kept = [values[at] for at in known]
    try:
        if not kept[start].has_others:
            return _stepped(kept, start, end)
        return compare(kept, _donors_of(donors, known), start, end)
    except InvalidInput as wrong:
        return NothingToSay(str(wrong))


def _unbroken(values: Sequence[Value], ended_on: date) -> list[int]:
    """Places of the longest run of days without a gap that ends with the event."""
    found: list[int] = []
    for at in reversed(range(len(values))):
        value, later = values[at], values[found[-1]] if found else None
        if value.day >= ended_on:
            continue
        is_next = later is None or (later.day - value.day).days == 1
        is_alike = later is None or later.has_others == value.has_others
        if not (value.has_hit and is_next and is_alike):
            break
        found.append(at)
    return found[::-1]


def _gap_words(values: Sequence[Value], began_on: date, ended_on: date) -> str:
    days = [value.day for value in values]
    if began_on not in days or ended_on - timedelta(days=1) not in days:
        return "the history does not cover the event"
    return "days of the event are missing in the history, or have no value"


def _donors_of(donors: Sequence[Donor], known: Sequence[int]) -> list[Donor]:
    """Those with a value on each day that is looked at."""
    cut = [
        Donor(each.name, [each.outcome[at] for at in known], [each.latency_ms[at] for at in known])
        for each in donors
    ]
    return [each for each in cut if None not in each.outcome and None not in each.latency_ms]


def _stepped(values: Sequence[Value], start: int, end: int) -> Estimated | NothingToSay:
    """Everybody was hit: days after the event are left out, so that the step is that of the event."""
    kept = values[:end]
    outcome = interrupted_time_series([math.log(_positive(v.outcome[0])) for v in kept], at=start)
    latency = interrupted_time_series(sure([v.latency_ms[0] for v in kept]), at=start)
    if isinstance(outcome, NotEstimable) or isinstance(latency, NotEstimable):
        return NothingToSay("everybody was hit, and a step needs at least a week before and after")
    if abs(latency.change) < MOVED_MS:
        return NothingToSay(f"latency moved by {latency.change:.0f} ms only")
    slope = outcome.change / latency.change * STEP_MS
    error = outcome.standard_error / abs(latency.change) * STEP_MS
    details = {
        "has_comparison": False,
        "chosen_because": "interrupted time series: everybody was hit, so there is nothing to compare with",
        "outcome_step": outcome.to_dict(),
        "latency_step": latency.to_dict(),
    }
    return Estimated(slope, error, Design(Kind.NATURAL), outcome.method, details)


def _positive(value: float | None) -> float:
    if value is None or value <= 0:
        raise InvalidInput("outcome", value, "outcomes are compared as logarithms", "Leave such days out.")
    return value
