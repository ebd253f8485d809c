"""What a person should know of a table beside the report: what is missing in it. Never a refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from analysis.adhoc.metrics import Wanted
from analysis.adhoc.table import Source
from metrics.definitions import Kind

OF_THEIR_OWN = (Kind.COUNT, Kind.QUANTILE)
"""Kinds that do not add up a unit's values."""


def of(source: Source, wanted: Sequence[Wanted], left_out: int) -> Iterator[str]:
    """One sentence each. Values count as missing where the cell is empty or null."""
    if left_out:
        yield f"{left_out:,} rows name no unit or no arm and were left out"
    rows, *facts = _facts(source, wanted)
    for (each, column), missing in zip(_pairs(wanted), facts, strict=True):
        if each.binding.definition.kind is Kind.COUNT:
            yield from _counted(source, column, rows - missing)
        elif missing:
            yield _missing(each, column, missing, rows)


def _facts(source: Source, wanted: Sequence[Wanted]) -> list[int]:
    """Rows that name a unit and an arm, and how many of them have no value, column by column."""
    rows: Any = source.whole
    empty = {f"empty{n}": rows[column].isnull().sum() for n, (_, column) in enumerate(_pairs(wanted))}
    [found] = source.relation(rows.aggregate(rows=rows.count(), **empty)).fetchall()
    return [int(number or 0) for number in found]


def _pairs(wanted: Sequence[Wanted]) -> list[tuple[Wanted, str]]:
    """A metric and its column; where several say the same of a column, the first of them."""
    said: dict[tuple[str, Kind | None], Wanted] = {}
    for each in wanted:
        kind = each.binding.definition.kind
        for column in each.columns:
            said.setdefault((column, kind if kind in OF_THEIR_OWN else None), each)
    return [(each, column) for (column, _), each in said.items()]


def _missing(each: Wanted, column: str, missing: int, rows: int) -> str:
    what = f'{missing:,} of {rows:,} rows have no value in "{column}"'
    if each.binding.definition.kind is Kind.QUANTILE:
        return f"{what}; the quantile is one of the others"
    return f"{what}; a unit without any counts as 0, as a unit without events does"


def _counted(source: Source, column: str, counted: int) -> Iterator[str]:
    """A count of rows tells nothing where every unit has one."""
    units: Any = source.whole[source.columns.unit]
    [(distinct,)] = source.relation(source.whole.aggregate(units=units.nunique())).fetchall()
    if counted and counted == distinct:
        yield (
            f'"{column}:count" counts rows, and every unit has one; '
            f'for the numbers in the column write "{column}:mean"'
        )
