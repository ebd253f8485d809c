"""A company's own tables under the names and columns of the store, as Ibis expressions over their columns.

Nothing is copied: an engine puts these in place of `exposures` and `events`. Rows without a unit, an arm or a
time can belong to nobody and are left out (the test of a source counts them). Only worker processes import
this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from operator import and_
from typing import Any

import ibis

from analysis.engines.contract import EngineFailure
from analysis.plan import AnalysisPlan
from analysis.sources.definition import EventTable, ExposureTable, Pairs, SourceDefinition
from analysis.unit_values import EVENTS, EXPOSURES, TIME, Table, Value

STAMP = "timestamp('UTC')"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What engines do differently: how a unit of any type becomes one that is quick to join, and how dims
    become something whose `.get(name)` can be read."""

    unit: Callable[[Value], Value]
    dims: Callable[[Mapping[str, Value]], Value]


def exposures(
    source: SourceDefinition, tables: Mapping[str, Table], plan: AnalysisPlan, on: Dialect
) -> Table:
    """The exposure table as rows of the store; all of them are of the plan's unit type."""
    of = source.exposures
    rows = _whole(tables[of.table], (of.unit, of.arm, of.time))
    named = rows[of.experiment].cast("string") if of.experiment else ibis.literal(plan.experiment)
    return _shaped(
        EXPOSURES,
        rows,
        ts=_time(rows[of.time]),
        unit=on.unit(rows[of.unit]),
        unit_type=ibis.literal(plan.unit_type),
        flag=ibis.literal(""),
        experiment=named,
        variant=_variant(rows[of.arm].cast("string"), of.arms),
        version=ibis.literal(1).cast("int32"),
        forced=ibis.literal(False),
        dims=_dims(rows, of.dims, on),
    )


def events(source: SourceDefinition, tables: Mapping[str, Table], plan: AnalysisPlan, on: Dialect) -> Table:
    """All event tables together as rows of the store, but only those that hold an event of the plan."""
    wanted = [table for table in source.events if table.event_column or table.event in plan.all_events]
    if not wanted:
        raise EngineFailure(f'source "{source.key}" holds none of the events {", ".join(plan.all_events)}')
    parts = [_events(table, tables[table.table], plan, on) for table in wanted]
    return reduce(lambda first, other: first.union(other), parts)


def nearest(name: str, known: Iterable[str]) -> str:
    """Words that name the table that may have been meant, if one is close."""
    close = get_close_matches(name, list(known), n=1)
    return f" (the nearest name is {close[0]})" if close else ""


def can_cross(source: SourceDefinition) -> None:
    """Raise EngineFailure when the rows of two experiments cannot be told from each other."""
    if not source.exposures.experiment:
        table = f'the exposure table of source "{source.key}"'
        raise EngineFailure(f"{table} has no column for the experiment, so it holds one experiment only")


def wrong_columns(table: ExposureTable | EventTable, columns: Table) -> list[tuple[str, str, str]]:
    """(role, column, reason) for every mapped column that is missing or cannot be what it is meant to be."""
    found = []
    for role, column in table.columns.items():
        if column not in columns.columns:
            found.append((role, column, "the table has no such column"))
        elif role == "time" and not _is_time(columns[column]):
            found.append((role, column, f"it holds {_words(columns[column])}, not times"))
        elif role == "value" and not columns[column].type().is_numeric():
            found.append((role, column, f"it holds {_words(columns[column])}, not numbers"))
    return found


def _events(table: EventTable, raw: Table, plan: AnalysisPlan, on: Dialect) -> Table:
    rows = _whole(raw, (table.unit, table.time))
    name = rows[table.event_column].cast("string") if table.event_column else ibis.literal(table.event)
    value = rows[table.value].cast("float64") if table.value else ibis.null().cast("float64")
    return _shaped(
        EVENTS,
        rows,
        ts=_time(rows[table.time]),
        unit=on.unit(rows[table.unit]),
        unit_type=ibis.literal(plan.unit_type),
        name=name,
        value=value,
        session=ibis.null().cast("int64"),
        dims=_dims(rows, table.dims, on),
    )


def _whole(rows: Table, columns: Iterable[str]) -> Table:
    return rows.filter(reduce(and_, [rows[column].notnull() for column in columns]))


def _time(value: Value) -> Value:
    """A time without a zone is read as UTC."""
    return value if value.type() == TIME else value.cast(STAMP)


def _is_time(value: Value) -> bool:
    return bool(value.type().is_timestamp() or value.type().is_date())


def _variant(value: Value, arms: Pairs) -> Value:
    if not arms:
        return value
    return ibis.cases(*((value == written, variant) for written, variant in arms), else_=value)


def _dims(rows: Table, dims: Pairs, on: Dialect) -> Value:
    return on.dims({name: rows[column].cast("string") for name, column in dims})


def _shaped(schema: ibis.Schema, rows: Table, **values: Any) -> Table:
    shared = {"event_id": ibis.literal(""), "received_at": values["ts"]}
    found = {**shared, **values}
    return rows.select(**{name: found[name] for name in schema})


def _words(value: Value) -> str:
    kind = value.type()
    if kind.is_string():
        return "text"
    if kind.is_numeric():
        return "numbers"
    return "values of another type"
