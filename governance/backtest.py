"""A guardrail replayed on the daily values of a metric: on which days would it have tripped?

The usual value of a day is the median of the same weekday in the four weeks before the window that is judged,
or, with too few of them, the median of all days of those four weeks: medians, so that one bad day neither
trips the days after it nor hides the next one. No Django, no I/O.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

WEEK = timedelta(days=7)
BASE_DAYS = 28
LEAST_WEEKDAYS = 3
LEAST_DAYS = 7
MAD_TO_SIGMA = 1.4826
LEAST_SCALE = 0.003
"""Days of a large site lie so close to each other that no change would be small; below this share of the
usual value, times MOVED_Z about 1 %, nothing counts as a move."""
MOVED_Z = 3.5
"""Robust z beyond which a day counts as moved (Iglewicz and Hoaglin 1993)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One day: the value of its window, the usual value, and the loss (positive is worse)."""

    day: date
    value: float
    usual: float
    loss: float


@dataclass(frozen=True, slots=True)
class Known:
    """A labelled incident on first <= day <= last."""

    title: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Replay:
    """What the guardrail would have done: days it would have tripped, true ones, incidents it would have
    missed. `judged` days had a usual value to compare with, out of `days`."""

    days: int
    judged: int
    tripped: tuple[date, ...]
    true: tuple[date, ...]
    caught: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`would have tripped on 2 of the last 90 days, 1 true`."""
        if not self.judged:
            return f"cannot say: none of the last {self.days} days has enough history before it"
        words = f"would have tripped on {len(self.tripped)} of the last {self.days} days"
        words += f", {len(self.true)} true" if self.tripped else ""
        if self.judged < self.days:
            words += f"; {self.days - self.judged} days could not be judged"
        if self.missed:
            words += f"; would have missed: {', '.join(self.missed)}"
        return words

    def to_dict(self) -> dict[str, object]:
        return {
            "days": self.days,
            "judged": self.judged,
            "tripped": [day.isoformat() for day in self.tripped],
            "true": [day.isoformat() for day in self.true],
            "caught": list(self.caught),
            "missed": list(self.missed),
            "sentence": self.sentence,
        }


def replay(
    values: Mapping[date, float],
    *,
    last: date,
    days: int,
    window: int,
    margin: float,
    is_relative: bool,
    worse: int,
    incidents: Iterable[Known],
) -> Replay:
    """Judge each of the `days` days up to `last`. `worse` is 1 when higher is worse, -1 when lower is."""
    found = judged_days(values, last=last, days=days, window=window, worse=worse)
    tripped = [
        each.day for each in found if each.loss > (margin * abs(each.usual) if is_relative else margin)
    ]
    first = last - timedelta(days=days - 1)
    known = [each for each in incidents if each.last >= first and each.first <= last]
    caught = [each.title for each in known if is_caught(each, tripped, window=window)]
    return Replay(
        days=days,
        judged=len(found),
        tripped=tuple(tripped),
        true=tuple(day for day in tripped if any(_covers(each, day, window) for each in known)),
        caught=tuple(caught),
        missed=tuple(each.title for each in known if each.title not in caught),
    )


def is_caught(incident: Known, tripped: Iterable[date], *, window: int) -> bool:
    """Whether one of the days that would have tripped did so because of the incident."""
    return any(_covers(incident, day, window) for day in tripped)


def judged_days(
    values: Mapping[date, float], *, last: date, days: int, window: int, worse: int
) -> list[Judged]:
    """The days that have a value and a usual value, oldest first."""
    every = (last - timedelta(days=back) for back in range(days - 1, -1, -1))
    found = (_judge(values, day, window, worse) for day in every)
    return [each for each in found if each is not None]


@dataclass(frozen=True, slots=True)
class Move:
    """The first day since `since` on which a metric left its usual range, and how far it went."""

    day: date | None
    usual: float | None
    value: float | None
    z: float | None


def first_move(values: Mapping[date, float], *, since: date, until: date) -> Move:
    """When a metric first left its usual range, in either direction; a day of None when it never did.

    Usual are the medians by weekday of the four weeks before `since`, and how far days lie from them. A
    `usual` of None: too little history. Of a metric that never moved, the day that lay furthest off is told.
    """
    before = {day: values[day] for day in _days_before(since) if day in values}
    if len(before) < LEAST_DAYS:
        return Move(None, None, None, None)
    usual = _by_weekday(before)
    spread = median(abs(value - usual[day.weekday()]) for day, value in before.items())
    scale = max(MAD_TO_SIGMA * spread, LEAST_SCALE * abs(median(before.values())), 1e-12)
    z = {day: (values[day] - usual[day.weekday()]) / scale for day in sorted(values) if since <= day <= until}
    moved = next((day for day, score in z.items() if abs(score) > MOVED_Z), None)
    shown = moved or max(z, key=lambda day: abs(z[day]), default=None)
    if shown is None:
        return Move(None, median(before.values()), None, None)
    return Move(moved, usual[shown.weekday()], values[shown], z[shown])


def _by_weekday(before: Mapping[date, float]) -> dict[int, float]:
    """The usual value of each weekday; of one with few values, that of all days."""
    overall = median(before.values())
    found = {}
    for weekday in range(7):
        same = [value for day, value in before.items() if day.weekday() == weekday]
        found[weekday] = median(same) if len(same) >= LEAST_WEEKDAYS else overall
    return found


def _judge(values: Mapping[date, float], day: date, window: int, worse: int) -> Judged | None:
    inside = [values[each] for each in (day - timedelta(days=n) for n in range(window)) if each in values]
    usual = _usual(values, day, window)
    if day not in values or usual is None:
        return None
    value = median(inside)
    return Judged(day, value, usual, worse * (value - usual))


def _usual(values: Mapping[date, float], day: date, window: int) -> float | None:
    start = day - timedelta(days=window - 1)
    before: Sequence[date] = [each for each in _days_before(start) if each in values]
    same = [values[each] for each in before if each.weekday() == day.weekday()]
    if window == 1 and len(same) >= LEAST_WEEKDAYS:
        return median(same)
    return median(values[each] for each in before) if len(before) >= LEAST_DAYS else None


def _days_before(day: date) -> list[date]:
    return [day - timedelta(days=n) for n in range(1, BASE_DAYS + 1)]


def _covers(incident: Known, day: date, window: int) -> bool:
    """A window that reaches into the incident trips because of it."""
    return incident.first <= day <= incident.last + timedelta(days=window - 1)
