"""What the first rows of a mapped table show: what is missing or odd, and a few rows to recognise. Pure.

Units are shortened before anything is kept: a person who knows the table recognises them, nobody else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.sources.definition import EventTable, ExposureTable
from metrics.reading import meant

SAMPLE_ROWS = 1000
SHOWN_ROWS = 5
SHOWN_LEVELS = 12
SHOWN_CHARACTERS = 40
KEPT_OF_UNIT = 3
TYPES = {
    "string": "text",
    "timestamp": "time without zone",
    "uuid": "other, compared as text",
    **dict.fromkeys(
        ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), "whole number"
    ),
    **dict.fromkeys(("float32", "float64", "decimal"), "number"),
}
ODD = ("nan", "inf", "-inf", "infinity", "-infinity")
NEEDED = ("unit", "arm", "time", "event")
Rows = Mapping[str, Sequence[Any]]
Wrong = Sequence[tuple[str, str, str]]


def judged(
    table: ExposureTable | EventTable, types: Mapping[str, str], wrong: Wrong, rows: Rows
) -> dict[str, Any]:
    """One table's part of a test: JSON-ready, in words."""
    count = len(next(iter(rows.values()), ()))
    return {
        "table": table.table,
        "holds": "exposures"
        if isinstance(table, ExposureTable)
        else table.event or "events of several names",
        "columns": [[role, column, _type(types.get(column, ""))] for role, column in table.columns.items()],
        "problems": [
            *_wrong(types, wrong),
            *_empty(count, wrong),
            *_unusable(rows, count),
            *_odd(rows, count),
        ],
        "notes": list(_notes(table, types, rows, count)),
        "rows": count,
        "first": [_first(table, rows, i) for i in range(min(count, SHOWN_ROWS))],
    }


def in_common(known: int, asked: int) -> str:
    """Whether the units of an event table are those of the exposure table."""
    if not known:
        return (
            f"unit: none of the {asked:,} units in these rows stands in the exposure table. If some should, "
            "write units the same way in both."
        )
    return f"unit: {known:,} of the {asked:,} units in these rows stand in the exposure table."


def _wrong(types: Mapping[str, str], wrong: Wrong) -> Iterator[str]:
    for role, column, reason in wrong:
        fix = meant(column, types) if column not in types else ""
        listed = f" It has: {', '.join(list(types)[:30])}." if column not in types else ""
        yield f'{role}, column "{column}": {reason}. {fix}{listed}'.strip()


def _empty(count: int, wrong: Wrong) -> Iterator[str]:
    if not count and not wrong:
        yield "The table has no rows."


def _unusable(rows: Rows, count: int) -> Iterator[str]:
    """Roles that no row fills."""
    for role in NEEDED:
        if count and role in rows and all(value is None for value in rows[role]):
            yield f"{role}: all of the first {count:,} rows are empty, so none can count."


def _odd(rows: Rows, count: int) -> Iterator[str]:
    """Values that every look would be refused for."""
    odd = sum(str(value).lower() in ODD for value in rows.get("value", ()))
    if odd:
        yield (
            f"value: {odd:,} of the first {count:,} rows are infinite or no number (NaN), of which no "
            "statistic can be made; leave the column empty there."
        )


def _notes(
    table: ExposureTable | EventTable, types: Mapping[str, str], rows: Rows, count: int
) -> Iterator[str]:
    for role in NEEDED:
        missing = sum(value is None for value in rows.get(role, ()))
        if 0 < missing < count:
            yield f"{role}: {missing:,} of the first {count:,} rows are empty; they are left out."
    if types.get(table.time) in ("timestamp", "date"):
        yield "time: the column has no time zone, so it is read as UTC."
    if isinstance(table, ExposureTable):
        yield from _levels("arm", "Arms", rows)
        yield from _levels("experiment", "Experiments", rows)
        yield from _unmapped(table, rows)
    else:
        yield from _levels("event", "Events", rows)


def _levels(role: str, word: str, rows: Rows) -> Iterator[str]:
    """The values that stand in a column, most frequent first."""
    found = Counter(value for value in rows.get(role, ()) if value is not None)
    if found:
        listed = ", ".join(f"{_cut(str(v))} ({n:,})" for v, n in found.most_common(SHOWN_LEVELS))
        more = f" and {len(found) - SHOWN_LEVELS} more" if len(found) > SHOWN_LEVELS else ""
        yield f"{word} in these rows: {listed}{more}."


def _unmapped(table: ExposureTable, rows: Rows) -> Iterator[str]:
    known = {written for written, _ in table.arms}
    other = sorted({str(value) for value in rows.get("arm", ()) if value is not None} - known)
    if known and other:
        listed = ", ".join(map(_cut, other[:SHOWN_LEVELS]))
        yield f"These values of the arm are mapped to no variant and stay as they are: {listed}."


def _first(table: ExposureTable | EventTable, rows: Rows, index: int) -> list[str]:
    """One row, in the order of the table's roles; a column that is not there has an empty cell."""
    return [
        _shown(rows[role][index], is_unit=column == table.unit) if role in rows else ""
        for role, column in table.columns.items()
    ]


def _shown(value: Any, *, is_unit: bool) -> str:
    if value is None:
        return "(empty)"
    text = str(value)
    return f"{_cut(text[:KEPT_OF_UNIT])}…" if is_unit and len(text) > KEPT_OF_UNIT else _cut(text)


def _type(name: str) -> str:
    """The engine's type in the words of the handbook."""
    if name.startswith("timestamp("):
        return "time with zone"
    return TYPES.get(name.partition("(")[0], name)


def _cut(text: str) -> str:
    shown = "".join(c if c.isprintable() else "·" for c in text[:SHOWN_CHARACTERS])
    return shown if len(text) <= SHOWN_CHARACTERS else f"{shown}…"
