"""Where data are missing: days and hours in which an arm got nobody, or its units left no events. Pure.

An arm is silent only where the others say that it should not have been: with so many expected, none came by
chance once in e^20 hours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from analysis import comparing
from analysis.health import Context

EXPECTED_UNITS = 20
"""An arm that should have got so many and got none did not get them by chance (e^-20)."""

EXPECTED_EVENTS = 200
"""Events of one unit come together, so more of them are asked for."""

USUAL_EVENTS = 100
"""An hour without any event is a gap where the hours around it have so many each."""

JUDGED_UNITS = 100
"""Of fewer units it says little that no metric has an event yet."""

STRANGERS_SHARE, ENROLLED = 0.999, 1_000
"""With so many units enrolled, some of the events should be theirs."""

HOUR = timedelta(hours=1)
Hours = Mapping[tuple[datetime, str], int]


@dataclass(frozen=True, slots=True)
class Gaps:
    """`silent_arms`: days on which an arm got nobody although the others did; `silent_hours`: the same by
    hour, for exposures and, on the last day, for events. `empty_hours`: hours of the last day without an
    event in any arm. `absent`: metrics without an event. `one_sided`: metrics with events in some arms and
    none in others; `judged` are those that were asked. `joined_share`: events of the last day that belong to
    an enrolled unit. `has_no_outcome`: no metric has an event, of so many units that some should have one."""

    silent_arms: tuple[tuple[date, str], ...] = ()
    silent_hours: tuple[str, ...] = ()
    empty_hours: tuple[datetime, ...] = ()
    absent: tuple[str, ...] = ()
    one_sided: tuple[str, ...] = ()
    joined_share: float | None = None
    is_unjoined: bool = False
    has_no_outcome: bool = False
    judged: tuple[str, ...] = ()


def find(context: Context) -> Gaps:
    """Every gap in what one look has read."""
    active = {metric: context.active.get(metric, {}) for metric in _judged(context)}
    some = {metric: sum(by_arm.values()) for metric, by_arm in active.items()}
    joined_share, is_unjoined = _joined(context)
    enrolled = sum(context.units(arm.key) for arm in context.plan.arms)
    return Gaps(
        silent_arms=tuple(_silent_arms(context)),
        silent_hours=tuple(_silent_hours(context)),
        empty_hours=tuple(_empty_hours(context)),
        absent=tuple(metric for metric, units in some.items() if not units),
        one_sided=tuple(
            f"{metric} in {arm.key}"
            for metric, by_arm in active.items()
            for arm in context.plan.arms
            if not by_arm.get(arm.key) and some[metric] * arm.share >= EXPECTED_UNITS
        ),
        joined_share=joined_share,
        is_unjoined=is_unjoined,
        has_no_outcome=bool(some) and not any(some.values()) and enrolled >= JUDGED_UNITS,
        judged=tuple(some),
    )


def _judged(context: Context) -> tuple[str, ...]:
    """Metrics that can have values at all: before a window has passed nobody's is over."""
    hours = comparing.hours_until(context.plan, context.cut)
    bindings = context.plan.bindings
    return tuple(each.metric for each in bindings if hours >= (each.definition.window_hours or 0))


def _silent_arms(context: Context) -> Iterator[tuple[date, str]]:
    """Days on which so many units came that every arm should have got some."""
    by_day = context.enrolment.by_day
    for day in sorted({day for day, _ in by_day}):
        everybody = sum(n for (of, _), n in by_day.items() if of == day)
        for arm in context.plan.arms:
            if not by_day.get((day, arm.key)) and everybody * arm.share >= EXPECTED_UNITS:
                yield day, arm.key


def _silent_hours(context: Context) -> Iterator[str]:
    """Exposures are expected by the planned shares, events by the units that an arm has."""
    planned = {arm.key: arm.share for arm in context.plan.arms}
    for hour, arm in _silent(context.arrivals.exposed, planned, EXPECTED_UNITS):
        yield f"no units in {arm} at {_text(hour)}"
    units = {arm: context.units(arm) for arm in planned}
    everybody = sum(units.values())
    if everybody:
        shares = {arm: n / everybody for arm, n in units.items()}
        for hour, arm in _silent(context.arrivals.events, shares, EXPECTED_EVENTS):
            yield f"no events in {arm} at {_text(hour)}"


def _silent(counts: Hours, shares: Mapping[str, float], enough: int) -> Iterator[tuple[datetime, str]]:
    by_hour: dict[datetime, int] = defaultdict(int)
    for (hour, _), n in counts.items():
        by_hour[hour] += n
    for hour, n in sorted(by_hour.items()):
        for arm, share in shares.items():
            # What the others got says what this arm should have got.
            if not counts.get((hour, arm)) and share < 1 and n * share / (1 - share) >= enough:
                yield hour, arm


def _empty_hours(context: Context) -> Iterator[datetime]:
    """Whole hours of the last day without an event: those between others that have many, and those at its end
    where events broke off while there were many. A night comes by and by."""
    found: dict[datetime, int] = defaultdict(int)
    for (hour, _), n in context.arrivals.events.items():
        found[hour] += n
    for hour, n in context.arrivals.strangers.items():
        found[hour] += n
    if not found:
        return
    first, last = min(found), max(found)
    if len(found) > 1 and sum(found.values()) / len(found) >= USUAL_EVENTS:
        yield from (hour for hour in _hours(first, last) if hour not in found)
    if max(found[last], found.get(last - HOUR, 0)) >= USUAL_EVENTS:
        midnight = last.replace(hour=0) + 24 * HOUR
        yield from _hours(last + HOUR, min(midnight, context.cut))


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    """Those that are over by the end."""
    while start + HOUR <= end:
        yield start
        start += HOUR


def _joined(context: Context) -> tuple[float | None, bool]:
    """The share of events whose unit is enrolled, and whether the two seem to have different ids."""
    ours, strangers = (sum(of.values()) for of in (context.arrivals.events, context.arrivals.strangers))
    if not ours + strangers:
        return None, False
    share = ours / (ours + strangers)
    enrolled = sum(context.units(arm.key) for arm in context.plan.arms)
    return share, enrolled >= ENROLLED and strangers >= ENROLLED and share < 1 - STRANGERS_SHARE


def _text(hour: datetime) -> str:
    return f"{hour:%Y-%m-%d %H}:00"
