"""What is kept of a unit between looks: its exposures and its sums by day, and how they add up again.

Exposures of a day do not depend on other days. Sums do: an event counts after (or before) the first exposure.
So a sum is kept for a *pair*, a unit with the instant of its first exposure; when an earlier exposure turns
up the unit gets another pair, and what was kept for the old one is no longer asked for. Ibis expressions over
tables by these names; which days are read again is decided by `analysis.engines.rollups`.
"""

from __future__ import annotations

from typing import Any

import ibis

from analysis import unit_values
from analysis.plan import AnalysisPlan, Column, Take
from analysis.unit_values import (
    TIME,
    Table,
    Total,
    column_name,
    column_names,
    excluded_names,
    level_names,
    stage_names,
)

PAIR = ("unit", "first_at")
KNOWN, NEW, CURRENT, ASSIGNED = "known_pairs", "new_pairs", "current_units", "assigned"
LISTED, TOTAL_SUMS, OPEN_SUMS, UNITS = "listed", "total_sums", "open_sums", "units"


def exposed_table(plan: AnalysisPlan, name: str) -> Table:
    """Rows of `unit_values.exposed`, of one day or of several."""
    texts = ("low", "high", *level_names(plan))
    schema = {"unit": "int64", "first_at": TIME} | dict.fromkeys(texts, "string")
    return ibis.table(ibis.schema(schema | dict.fromkeys(excluded_names(plan), "int8")), name=name)


def sums_table(plan: AnalysisPlan, name: str) -> Table:
    """Rows per pair, of one day or of several."""
    return ibis.table(_pairs() | dict.fromkeys(column_names(plan), "float64"), name=name)


def pairs_table(name: str) -> Table:
    return ibis.table(_pairs(), name=name)


def _pairs() -> dict[str, Any]:
    return {"unit": "int64", "first_at": TIME}


def merged_exposed(plan: AnalysisPlan) -> Table:
    """One row per unit of the listed days together; levels are those of the earliest day."""
    rows = exposed_table(plan, LISTED)
    levels = {name: rows[name].argmin(rows.first_at) for name in level_names(plan)}
    excluded = {name: rows[name].max() for name in excluded_names(plan)}
    return rows.group_by("unit").agg(
        first_at=rows.first_at.min(), low=rows.low.min(), high=rows.high.max(), **excluded, **levels
    )


def assigned(plan: AnalysisPlan) -> Table:
    return unit_values.assigned(plan, exposed_table(plan, CURRENT))


def new_pairs(plan: AnalysisPlan) -> Table:
    """Enrolled units whose first exposure is not known, or was another instant."""
    rows = assigned(plan)
    enrolled = ibis.table(rows.schema(), name=ASSIGNED)
    enrolled = enrolled.filter(enrolled.arm >= 0).select(*PAIR)
    return enrolled.anti_join(pairs_table(KNOWN), PAIR)


def pair_sums(plan: AnalysisPlan, pairs: Table, total: Total) -> Table:
    """What the events at hand add to these pairs."""
    return unit_values.unit_sums(plan, unit_values.with_edges(plan, pairs), total, PAIR)


def merged_sums(plan: AnalysisPlan, total: Total) -> Table:
    """One row per pair of the listed days together."""
    rows = sums_table(plan, LISTED)
    sums = {name: _merged(rows[name], of, total) for name, of in _columns(plan)}
    return rows.group_by(list(PAIR)).agg(**sums)


def unit_rows(plan: AnalysisPlan) -> Table:
    """What `unit_values.unit_rows` gives, from the sums of all whole days and those of the open one."""
    rows = assigned(plan)
    enrolled = ibis.table(rows.schema(), name=ASSIGNED)
    kept = ("arm", *stage_names(plan), *level_names(plan))
    enrolled = enrolled.filter(enrolled.arm >= 0).select(*PAIR, *kept)
    if not plan.columns:
        return enrolled.select("unit", *kept)
    past, today = _renamed(plan, TOTAL_SUMS, "past"), _renamed(plan, OPEN_SUMS, "today")
    joined = enrolled.left_join(past, [enrolled.unit == past.past_unit, enrolled.first_at == past.past_at])
    joined = joined.left_join(today, [joined.unit == today.today_unit, joined.first_at == today.today_at])
    sums = {name: _both(joined[f"past_{name}"], joined[f"today_{name}"], of) for name, of in _columns(plan)}
    return joined.select("unit", *kept, **sums)


def stream_values(plan: AnalysisPlan, stream: int, pairs: Table) -> Table:
    """The events at hand that belong to a stream, by pair."""
    units = unit_values.with_edges(plan, pairs)
    return unit_values.stream_values(plan, plan.streams[stream], units).select(*PAIR, "value")


def stream_rows(plan: AnalysisPlan, stream: int) -> Table:
    """What `unit_values.stream_rows` gives, from the listed days."""
    rows = assigned(plan)
    enrolled = unit_values.mature(plan, plan.streams[stream], ibis.table(rows.schema(), name=ASSIGNED))
    values = ibis.table(_pairs() | {"value": "float64"}, name=LISTED)
    return enrolled.join(values, PAIR).select("unit", "arm", *level_names(plan), "value")


def _columns(plan: AnalysisPlan) -> list[tuple[str, Column]]:
    return [(column_name(index), column) for index, column in enumerate(plan.columns)]


def _renamed(plan: AnalysisPlan, table: str, by: str) -> Table:
    rows = sums_table(plan, table)
    names = {f"{by}_unit": rows.unit, f"{by}_at": rows.first_at}
    return rows.select(**names, **{f"{by}_{name}": rows[name] for name in column_names(plan)})


def _merged(value: Any, column: Column, total: Total) -> Any:
    return value.max() if column.take is Take.ANY else total(value)


def _both(past: Any, today: Any, column: Column) -> Any:
    """NULL only where neither has an event."""
    both = ibis.greatest(past, today) if column.take is Take.ANY else past + today
    return ibis.coalesce(ibis.ifelse(past.notnull() & today.notnull(), both, None), past, today)
