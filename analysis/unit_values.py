"""From events to one row per unit: who is enrolled, and what each unit did after its first exposure.

Ibis expressions in the portable subset (join, case, sum, count, min, max); any engine that Ibis compiles for
can run them. Only worker processes import this module. No aggregation over units belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_
from threading import RLock
from typing import Any, TypeAlias

import ibis
import ibis.expr.datatypes as dt

from analysis.engines.contract import NO_LEVEL
from analysis.plan import AnalysisPlan, Column, Stream, Take
from experiments.plan import Trigger
from metrics.definitions import Where

Table: TypeAlias = ibis.Table
Value: TypeAlias = ibis.Value
Total: TypeAlias = Callable[[Any], Any]
"""A sum over rows whose result does not depend on their order (to about the last digit)."""

TIME = dt.Timestamp(timezone="UTC")
DIMS = "map<string, string>"
EXPOSURES = ibis.schema(
    {
        "event_id": "string",
        "ts": TIME,
        "unit": "int64",
        "unit_type": "string",
        "flag": "string",
        "experiment": "string",
        "variant": "string",
        "version": "int32",
        "forced": "boolean",
        "dims": DIMS,
        "received_at": TIME,
    }
)
EVENTS = ibis.schema(
    {
        "event_id": "string",
        "ts": TIME,
        "unit": "int64",
        "unit_type": "string",
        "name": "string",
        "value": "float64",
        "session": "int64",
        "dims": DIMS,
        "received_at": TIME,
    }
)

ONE, ZERO = ibis.literal(1).cast("float64"), ibis.literal(0).cast("float64")
"""Double-precision whichever engine reads them: to Spark and PostgreSQL a bare 1.0 is a decimal."""

HOUR_S = 3600

ONE_AT_A_TIME = RLock()
"""Held by threads that make or compile expressions: Ibis remembers for all of them what it compared."""

CROSSOVER, UNPLANNED, FORCED, EXCLUDED, UNTRIGGERED = -1, -2, -3, -4, -5
"""Codes in the place of an arm's number for units that are left out, and why."""


def exposures() -> Table:
    return ibis.table(EXPOSURES, name="exposures")


def events() -> Table:
    return ibis.table(EVENTS, name="events")


def level_name(dimension: int) -> str:
    """Name of the column that holds a unit's level of `plan.dimensions[dimension]`."""
    return f"level{dimension}"


def level_names(plan: AnalysisPlan) -> list[str]:
    return [level_name(index) for index in range(len(plan.dimensions))]


STAGE = "stage"
"""Name of the column that counts how many of the plan's windows, shortest first, are over for a unit."""


def stage_names(plan: AnalysisPlan) -> list[str]:
    """That column's name, where the plan has windows."""
    return [STAGE] if plan.windows_hours else []


def excluded_names(plan: AnalysisPlan) -> list[str]:
    """Name of the column that is 1 for units the plan keeps out, where there may be any."""
    return ["excluded"] if plan.excluded else []


def column_name(column: int) -> str:
    """Name of the column that holds `plan.columns[column]`."""
    return f"column{column}"


def stream_name(stream: int) -> str:
    """Name of the table that holds `plan.streams[stream]`."""
    return f"stream{stream}"


def column_names(plan: AnalysisPlan) -> list[str]:
    return [column_name(index) for index in range(len(plan.columns))]


def exposed(plan: AnalysisPlan) -> Table:
    """One row per unit seen in the experiment: first natural exposure, the variants it saw, its levels then.

    Forced exposures do not count, neither for the arm nor for the time.
    """
    seen = _seen(plan)
    natural = ~seen.forced
    units = seen.group_by("unit").agg(
        first_at=seen.ts.min(where=natural),
        low=seen.variant.min(where=natural),
        high=seen.variant.max(where=natural),
        **_excluded(plan, seen),
    )
    if not plan.dimensions:
        return units
    joined = units.left_join(_levels(plan, seen, units), "unit")
    return joined.select("unit", "first_at", "low", "high", *excluded_names(plan), *level_names(plan))


def assigned(plan: AnalysisPlan, exposed_units: Table) -> Table:
    """One row per exposed unit: the number of its arm or a code, first exposure, levels, edges, stage. Under
    a trigger it takes the place of the first exposure."""
    units = exposed_units.mutate(arm=_arm(exposed_units, plan))
    if plan.trigger is not None:
        units = _triggered(plan, plan.trigger, units)
    return units.select("unit", "arm", "first_at", *level_names(plan), **_edges(plan, units))


def unit_rows(plan: AnalysisPlan, assigned: Table, total: Total) -> Table:
    """One row per enrolled unit: arm, levels and every column of the plan (NULL: no matching event)."""
    enrolled = assigned.filter(assigned.arm >= 0)
    kept = ("unit", "arm", *stage_names(plan), *level_names(plan))
    if not plan.columns:
        return enrolled.select(*kept)
    joined = enrolled.left_join(unit_sums(plan, enrolled, total), "unit")
    return joined.select(*kept, *column_names(plan))


def with_edges(plan: AnalysisPlan, pairs: Table) -> Table:
    """Units with their first exposure, and the ends of windows and starts of pre-periods beside it."""
    return pairs.mutate(**_edges(plan, pairs))


def unit_sums(plan: AnalysisPlan, units: Table, total: Total, keys: Sequence[str] = ("unit",)) -> Table:
    """One row per unit with an event (or other `keys` of `units`, which has edges): every column."""
    matched = _attributed(plan, units, {column.event for column in plan.columns})
    columns = zip(column_names(plan), plan.columns, strict=True)
    sums = {name: _taken(plan, matched, of, total) for name, of in columns}
    return matched.group_by(list(keys)).agg(**sums)


def stream_rows(plan: AnalysisPlan, stream: Stream, assigned: Table) -> Table:
    """One row per event of a stream: unit, arm, levels, value. Events without a value are left out, and those
    of units whose window is not over."""
    enrolled = mature(plan, stream, assigned)
    return stream_values(plan, stream, enrolled).select("unit", "arm", *level_names(plan), "value")


def mature(plan: AnalysisPlan, stream: Stream, assigned: Table) -> Table:
    """Enrolled units whose events of this stream are all in."""
    enrolled, stage = assigned.filter(assigned.arm >= 0), plan.stage(stream.span.window_hours)
    return enrolled.filter(enrolled[STAGE] >= stage) if stage else enrolled


def stream_values(plan: AnalysisPlan, stream: Stream, units: Table) -> Table:
    """The events of a stream beside the columns of their unit in `units`, which has edges."""
    matched = _attributed(plan, units, {stream.event})
    return matched.filter(_matches(plan, matched, stream) & matched.value.notnull())


def units_by_hour(assigned: Table) -> Table:
    """Units by arm or code and the hour of their first exposure (none where there is no such instant)."""
    hours = assigned.select("arm", hour=_hour(assigned.first_at))
    return hours.group_by(["arm", "hour"]).agg(n=hours.count())


def events_by_hour(plan: AnalysisPlan, assigned: Table, stranger: int) -> Table:
    """Events of the plan's names on its last day by hour and their unit's arm; `stranger` for other units."""
    rows = events()
    rows = rows.filter(
        rows.name.isin(list(plan.events)) & (rows.ts >= _time(plan.last_day)) & (rows.ts < _time(plan.until))
    ).select("unit", hour=_hour(rows.ts))
    joined = rows.left_join(assigned.select("unit", "arm"), "unit")
    arms = joined.select("hour", arm=joined.arm.fill_null(stranger))
    return arms.group_by(["arm", "hour"]).agg(n=arms.count())


def _seen(plan: AnalysisPlan) -> Table:
    """Exposures of the experiment within its time, of its unit type, that pass its filters."""
    rows = exposures()
    conditions = [
        rows.experiment == plan.experiment,
        rows.unit_type == plan.unit_type,
        rows.ts >= _time(plan.since),
        rows.ts < _time(plan.until),
        *_dims_equal(rows, plan.filters),
    ]
    return rows.filter(reduce(and_, conditions))


def _arm(units: Table, plan: AnalysisPlan) -> Value:
    planned = [(units.low == variant, number) for number, variant in enumerate(plan.variants)]
    kept_out = [(units.excluded == 1, EXCLUDED)] if plan.excluded else []
    return ibis.cases(
        (units.first_at.isnull(), FORCED),
        *kept_out,
        (units.low != units.high, CROSSOVER),
        *planned,
        else_=UNPLANNED,
    ).cast("int8")


def _excluded(plan: AnalysisPlan, seen: Table) -> dict[str, Value]:
    """1 for units with an exposure, whenever, that has one of the excluded dims."""
    if not plan.excluded:
        return {}
    is_kept_out = reduce(or_, _dims_equal(seen, plan.excluded))
    return {"excluded": ibis.cases((is_kept_out, 1), else_=0).max().cast("int8")}


def _triggered(plan: AnalysisPlan, trigger: Trigger, units: Table) -> Table:
    """The units with their first trigger, at or after the first exposure, as the time from which on they take
    part; those without one are left out."""
    rows = events()
    conditions = [
        rows.name == trigger.event,
        rows.ts >= _time(plan.since),
        rows.ts < _time(plan.until),
        *_dims_equal(rows, trigger.where),
    ]
    fired = rows.filter(reduce(and_, conditions)).select(fired_by="unit", fired_at="ts")
    met = units.join(fired, [units.unit == fired.fired_by, fired.fired_at >= units.first_at])
    first = met.group_by("unit").agg(fired_at=met.fired_at.min())
    joined = units.left_join(first, "unit")
    is_missing = (joined.arm >= 0) & joined.fired_at.isnull()
    arm = ibis.cases((is_missing, UNTRIGGERED), else_=joined.arm).cast("int8")
    return joined.select("unit", *level_names(plan), arm=arm, first_at=joined.fired_at)


def _levels(plan: AnalysisPlan, seen: Table, units: Table) -> Table:
    """Levels at the first exposure. Of several rows at the same instant the smallest level counts, so that
    the order of the rows does not matter."""
    first = seen.join(units.select("unit", "first_at"), "unit")
    first = first.filter((first.ts == first.first_at) & ~first.forced)
    levels = {
        level_name(index): first.dims.get(dimension, NO_LEVEL).fill_null(NO_LEVEL).min()
        for index, dimension in enumerate(plan.dimensions)
    }
    return first.group_by("unit").agg(**levels)


def _edges(plan: AnalysisPlan, units: Table) -> dict[str, Value]:
    """Ends of windows and starts of pre-periods, once per unit instead of once per event. In hours, because
    a day is not always 24 hours to an engine that minds time zones."""
    ends = {_end(hours): units.first_at + ibis.interval(hours=hours) for hours in plan.windows_hours}
    starts = {_start(days): _before_starts(plan, units, days) for days in plan.before_days}
    return {**ends, **starts, **_stage(plan, units)}


def _before_starts(plan: AnalysisPlan, units: Table, days: int) -> Value:
    if plan.began_at is not None:
        return _time(plan.began_at - timedelta(days=days))
    return units.first_at - ibis.interval(hours=24 * days)


def _before_ends(plan: AnalysisPlan, units: Table) -> Value:
    """Where pre-periods end: before anything that the change can have moved."""
    return units.first_at if plan.began_at is None else _time(plan.began_at)


def _stage(plan: AnalysisPlan, units: Table) -> dict[str, Value]:
    """How many windows are over at the data cut: a value is final then, and not before."""
    latest = [plan.until - timedelta(hours=hours) for hours in plan.windows_hours]
    over = [(units.first_at <= _time(at), number) for number, at in enumerate(latest, start=1)]
    return {STAGE: ibis.cases(*reversed(over), else_=0).cast("int8")} if over else {}


def _end(hours: int) -> str:
    return f"until_{hours}_hours"


def _start(days: int) -> str:
    return f"from_{days}_days"


def _attributed(plan: AnalysisPlan, enrolled: Table, names: set[str]) -> Table:
    """Events of these names with the unit they belong to, from its longest pre-period to the data cut."""
    rows = events()
    rows = rows.filter(
        rows.name.isin(sorted(names)) & (rows.ts >= _time(plan.events_since)) & (rows.ts < _time(plan.until))
    ).select("unit", "ts", "name", "value", "dims")
    earliest = _start(max(plan.before_days)) if plan.before_days else "first_at"
    return enrolled.join(rows, [enrolled.unit == rows.unit, rows.ts >= enrolled[earliest]])


def _taken(plan: AnalysisPlan, matched: Table, column: Column, total: Total) -> Value:
    counted = _matches(plan, matched, column)
    if column.take is Take.ANY:
        return ibis.cases((counted, ONE)).max()
    taken = matched.value if column.take is Take.SUM else ONE
    return total(ibis.cases((counted, taken)))


def _matches(plan: AnalysisPlan, matched: Table, source: Column | Stream) -> Value:
    conditions = [
        matched.name == source.event,
        *_dims_equal(matched, source.where),
        *_within(plan, matched, source),
    ]
    return reduce(and_, conditions)


def _within(plan: AnalysisPlan, matched: Table, source: Column | Stream) -> list[Value]:
    """The first instant of the exposure belongs to the time after it."""
    if source.span.before_days is not None:
        start = matched[_start(source.span.before_days)]
        return [matched.ts >= start, matched.ts < _before_ends(plan, matched)]
    after = [matched.ts >= matched.first_at]
    hours = source.span.window_hours
    return after if hours is None else [*after, matched.ts < matched[_end(hours)]]


def _dims_equal(rows: Table, where: Where) -> list[Value]:
    return [rows.dims.get(name, "") == value for name, value in where]


def _hour(at: Value) -> Value:
    """Whole hours since 1970: calendar functions that mind time zones cost ten times as much."""
    return (at.epoch_seconds() // HOUR_S).cast("int32")


def _time(at: datetime) -> Value:
    return ibis.literal(at, type=TIME)
