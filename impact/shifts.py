"""Days on which latency changed and nobody wrote down why: candidates for natural experiments. Pure rules.

A change of some levels of a dimension (one country, phones) has the other levels to compare with; one of
everybody has nothing. Where several dimensions tell a change apart, the one that does it best is taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from statistics import median

from analysis.stats.changepoints import Change, change_points
from impact.history import MOVED_MS

SEED = 20_090_623
NEAR = 2
"""Days between two changes that may be the same one."""
FAR, LEAST_RUN = 6, 2
"""Robust standard deviations from the four weeks before, and days in a row: hardly ever by chance."""
BACK = 28
"""A change that undoes the one before within so many days is its end, not another event."""

Series = Mapping[date, float]
"""Latency by day, in ms."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A day on which the level of latency changed, in ms; `until` is the day on which it went back."""

    day: date
    before: float
    after: float
    until: date | None = None
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def moved(self) -> float:
        return abs(self.after - self.before)


def unexplained(
    whole: Series, levels: Mapping[str, Mapping[str, Series]], starts: Iterable[date]
) -> list[Shift]:
    """Changes by day, oldest first, without those near the start of a known event.

    `levels` are the series of each level, by dimension.
    """
    parted = [shift for name, each in levels.items() for shift in _of_dimension(name, each)]
    found = _best_of_each_day(parted)
    taken = [shift.day for shift in found]
    found += [shift for shift in _shifts(whole) if not _is_near(shift.day, taken)]
    known = list(starts)
    return sorted((each for each in found if not _is_near(each.day, known)), key=lambda each: each.day)


def _of_dimension(name: str, levels: Mapping[str, Series]) -> list[Shift]:
    """Changes of some of the levels but not of all: what the rest can be compared with."""
    shifts = sorted(
        ((level, shift) for level, series in levels.items() for shift in _shifts(series)),
        key=lambda each: each[1].day,
    )
    groups: list[list[tuple[str, Shift]]] = []
    for level, shift in shifts:
        if groups and (shift.day - groups[-1][0][1].day).days <= NEAR:
            groups[-1].append((level, shift))
        else:
            groups.append([(level, shift)])
    found = []
    for group in groups:
        hit = tuple(sorted({level for level, _ in group}))
        largest = max((shift for _, shift in group), key=lambda shift: shift.moved)
        if len(hit) < len(levels):
            found.append(replace(largest, slices={name: hit}))
    return found


def _best_of_each_day(shifts: Iterable[Shift]) -> list[Shift]:
    """The largest of those near each other: the dimension that tells the change apart best."""
    found: list[Shift] = []
    for shift in sorted(shifts, key=lambda each: -each.moved):
        if not _is_near(shift.day, [each.day for each in found]):
            found.append(shift)
    return found


def _shifts(series: Series) -> list[Shift]:
    """Changes of level, and runs of a few days that are too short to be one."""
    days = [day for day in sorted(series) if series[day] > 0]
    values = [series[day] for day in days]
    runs = _runs(days, values)
    edges = [edge for run in runs for edge in (run.day, run.until) if edge is not None]
    changes = _ended([Shift(days[each.at], each.before, each.after) for each in _changes(values)])
    found = [*runs, *(shift for shift in changes if not _is_near(shift.day, edges))]
    return [shift for shift in found if shift.moved >= MOVED_MS]


def _changes(values: Sequence[float]) -> list[Change]:
    return change_points(values, seed=SEED)


def _runs(days: Sequence[date], values: Sequence[float]) -> list[Shift]:
    """Two days or more far away from the median of the four weeks before them, which then went back."""
    found: list[Shift] = []
    at = BACK
    while at < len(days):
        before = values[at - BACK : at]
        usual = median(before)
        spread = 1.4826 * median(abs(value - usual) for value in before)
        end = at
        while end < len(days) and abs(values[end] - usual) > max(FAR * spread, MOVED_MS):
            end += 1
        if LEAST_RUN <= end - at <= BACK and end < len(days):
            found.append(Shift(days[at], usual, median(values[at:end]), days[end]))
        at = max(end, at + 1)
    return found


def _ended(shifts: Sequence[Shift]) -> list[Shift]:
    """Each change with the day on which the next one undid it; the undoing is no change of its own."""
    found = list(shifts[:1])
    for earlier, later in pairwise(shifts):
        last = found[-1]
        is_next = last.day == earlier.day and (later.day - last.day).days <= BACK
        if is_next and abs(later.after - last.before) < last.moved / 2:
            found[-1] = replace(last, until=later.day)
        else:
            found.append(later)
    return found


def _is_near(day: date, others: Iterable[date]) -> bool:
    return any(abs((day - other).days) <= NEAR for other in others)
