"""A table with one row for each unit or many, turned into the files that an engine reads.

Statements are Ibis expressions over the file's own columns; nothing typed on the command line becomes SQL.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import duckdb
import ibis

from analysis.adhoc import reading
from analysis.adhoc.metrics import Wanted, event_of
from analysis.engines.contract import StoreFiles
from analysis.imported import LARGEST
from analysis.unit_values import EVENTS, EXPOSURES
from ledger.refusals import Problem, problem, raise_if_any, refuse
from metrics.definitions import Kind
from metrics.reading import meant

BUCKETS = 8
MOST_ARMS_READ = 100
ROWS = "understood_rows"
UNIT_TYPE, FLAG = "unit", "file"
EXPOSED, DONE = "exposures", "events"
NUMERIC = ("mean", "ratio", "quantile")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold the unit, its arm, and what results are sliced by."""

    unit: str
    arm: str
    slices: tuple[str, ...] = ()

    def confused(self) -> list[Problem]:
        """Columns that were given two parts to play."""
        parts = [("unit", self.unit), ("arm", self.arm), *(("by", name) for name in self.slices)]
        return [
            problem(part, name, "this column has another part already", "Name another column.")
            for place, (part, name) in enumerate(parts)
            if name in [other for _, other in parts[:place]]
        ]


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file: a DuckDB connection in which it is readable, and the table as Ibis sees it."""

    database: duckdb.DuckDBPyConnection
    table: Any
    columns: Columns

    @property
    def whole(self) -> Any:
        """Rows that name a unit and an arm."""
        rows = self.table
        return rows.filter(rows[self.columns.unit].notnull() & rows[self.columns.arm].notnull())

    def relation(self, expression: Any) -> duckdb.DuckDBPyRelation:
        return self.database.sql(str(ibis.to_sql(expression, dialect="duckdb")))

    def count(self, rows: Any) -> int:
        [(n,)] = self.relation(rows.aggregate(n=rows.count())).fetchall()
        return int(n)

    def arms(self) -> list[str]:
        """What stands in the arm's column, sorted; only the first `MOST_ARMS_READ`."""
        named = self.whole.select(arm=self.whole[self.columns.arm].cast("string"))
        found = self.relation(named.distinct().order_by("arm").limit(MOST_ARMS_READ)).fetchall()
        return [str(arm) for (arm,) in found]

    def left_out(self) -> int:
        """Rows without a unit or an arm."""
        return self.count(self.table) - self.count(self.whole)


@contextmanager
def opened(data: object, columns: Columns, wanted: Sequence[Wanted]) -> Iterator[Source]:
    """The file or table, after a look at its columns. Raises Refused, also where it cannot be read on."""
    with (
        _readable(data),
        tempfile.TemporaryDirectory() as scratch,
        duckdb.connect(config={"threads": 2, **reading.LOCKED}) as database,
    ):
        database.execute("SET TimeZone = 'UTC'")
        table, is_text = reading.open_table(database, data)
        database.execute("SET lock_configuration = true")
        raise_if_any(_missing_columns(table, columns, wanted))
        if is_text:
            table, problems = reading.typed(database, table, _numeric(wanted), _truths(wanted))
            raise_if_any(problems)
            table = _once(Source(database, table, columns), _needed(columns, wanted), Path(scratch))
        raise_if_any(_texts(table, wanted))
        yield Source(database, table, columns)


def _once(source: Source, needed: Sequence[str], folder: Path) -> Any:
    """The columns of a text file that are needed, so that it is read and understood once."""
    path = str(folder / "rows.parquet")
    source.relation(source.table.select(*needed)).write_parquet(path)
    source.database.read_parquet(path).create_view(ROWS)
    return ibis.table(source.table.select(*needed).schema(), name=ROWS)


def _needed(columns: Columns, wanted: Sequence[Wanted]) -> list[str]:
    """The columns that the question names, once each."""
    named = [columns.unit, columns.arm, *columns.slices]
    named += [column for each in wanted for column in each.columns]
    named += [before for each in wanted for _, before in each.covariates]
    return list(dict.fromkeys(named))


@contextmanager
def _readable(data: object) -> Iterator[None]:
    """Rows are read when they are needed, so a broken line shows late."""
    try:
        yield
    except duckdb.Error as error:
        raise refuse(
            "file", str(data), f"it cannot be read: {reading.said(error)}", "Is it whole?"
        ) from error


def write(
    source: Source, wanted: Sequence[Wanted], folder: Path, *, experiment: str, at: datetime
) -> StoreFiles:
    """Exposures and events of the file as Parquet below `folder`, split by unit."""
    parts = [_events(source, each, at) for each in _columns(wanted)]
    parts += [_before(source, each, at) for each in _covariates(wanted)]
    events = reduce(lambda a, b: a.union(b), parts)
    exposures = _exposures(source, experiment, at)
    count = source.count(source.table) * (1 + len(wanted))
    paths = [_written(source, rows, folder / name) for name, rows in ((EXPOSED, exposures), (DONE, events))]
    return StoreFiles(paths[0], paths[1], count)


def _written(source: Source, rows: Any, folder: Path) -> dict[int, tuple[str, ...]]:
    """Paths by bucket."""
    split = rows.mutate(bucket=rows.unit % BUCKETS)
    source.relation(split).write_parquet(str(folder), partition_by=["bucket"], overwrite=True)
    found = {n: tuple(sorted(map(str, (folder / f"bucket={n}").glob("*.parquet")))) for n in range(BUCKETS)}
    return {bucket: paths for bucket, paths in found.items() if paths}


def _missing_columns(table: Any, columns: Columns, wanted: Sequence[Wanted]) -> list[Problem]:
    named = [("unit", columns.unit), ("arm", columns.arm), *(("by", name) for name in columns.slices)]
    named += [("metric", column) for each in wanted for column in each.columns]
    named += [("covariate", before) for each in wanted for _, before in each.covariates]
    return [_missing(table, field, column) for field, column in named if column not in table.columns]


def _texts(table: Any, wanted: Sequence[Wanted]) -> list[Problem]:
    """Columns of texts where numbers are needed."""
    return [
        problem("metric", column, "this column holds no numbers", "Choose a numeric column.")
        for column in _numeric(wanted)
        if not _is_number(table[column])
    ]


def _missing(table: Any, field: str, column: str) -> Problem:
    fix = f"{meant(column, table.columns)}It has: {_listed(table)}."
    return problem(field, column, "the file has no such column", fix)


def _numeric(wanted: Sequence[Wanted]) -> list[str]:
    """Columns whose values are added or ranked, and covariates, once each."""
    listed = [c for each in wanted if each.binding.definition.kind.value in NUMERIC for c in each.columns]
    listed += [before for each in wanted for _, before in each.covariates]
    return list(dict.fromkeys(listed))


def _truths(wanted: Sequence[Wanted]) -> list[str]:
    """Columns of which only the truth counts."""
    return [c for each in wanted if each.binding.definition.kind is Kind.PROPORTION for c in each.columns]


def _is_number(values: Any) -> bool:
    return bool(values.type().is_numeric() or values.type().is_boolean())


def _listed(table: Any) -> str:
    shown = ", ".join(table.columns[:30])
    return shown if len(table.columns) <= 30 else f"{shown}, …"


def _unit(rows: Any, column: str) -> Any:
    """63 bits of a hash, so that units of any type become whole numbers."""
    return (rows[column].cast("string").hash() & ((1 << 62) - 1)).cast("int64")


def _exposures(source: Source, experiment: str, at: datetime) -> Any:
    rows, columns = source.whole, source.columns
    levels = {f"level{i}": rows[name].cast("string").fill_null("") for i, name in enumerate(columns.slices)}
    seen = rows.select(unit=_unit(rows, columns.unit), variant=rows[columns.arm].cast("string"), **levels)
    seen = seen.distinct()
    return _shaped(
        EXPOSURES,
        seen,
        ts=_literal(at),
        unit=seen.unit,
        flag=ibis.literal(FLAG),
        experiment=ibis.literal(experiment),
        variant=seen.variant,
        version=ibis.literal(1).cast("int32"),
        forced=ibis.literal(False),
        dims=_dims({name: seen[f"level{i}"] for i, name in enumerate(columns.slices)}),
    )


def _columns(wanted: Sequence[Wanted]) -> list[tuple[str, bool]]:
    """Every column once, and whether only its true values are events."""
    found: dict[str, bool] = {}
    for each in wanted:
        is_proportion = each.binding.definition.kind is Kind.PROPORTION
        for column in each.columns:
            found[column] = found.get(column, True) and is_proportion
    return list(found.items())


def _events(source: Source, column: tuple[str, bool], at: datetime) -> Any:
    name, only_true = column
    rows = source.whole
    rows = rows.filter(rows[name].notnull())
    value = (rows[name] if _is_number(rows[name]) else ibis.literal(1)).cast("float64")
    rows = rows.select(unit=_unit(rows, source.columns.unit), value=value)
    rows = rows.filter(rows.value != 0) if only_true else rows
    return _shaped(
        EVENTS,
        rows,
        ts=_literal(at + timedelta(hours=1)),
        unit=rows.unit,
        name=ibis.literal(event_of(name)),
        value=rows.value,
        session=ibis.null().cast("int64"),
        dims=_dims({}),
    )


def _covariates(wanted: Sequence[Wanted]) -> list[tuple[str, str]]:
    """Pairs of a metric's column and the column with its values before, once each."""
    return list(dict.fromkeys(pair for each in wanted for pair in each.covariates))


def _before(source: Source, covariate: tuple[str, str], at: datetime) -> Any:
    """A unit's value before its exposure, as one event in the hour before. All rows of a unit repeat it; the
    largest is taken where they do not agree. A unit without one gets the mean of all others, so that it adds
    nothing and stays in."""
    column, before = covariate
    rows = source.whole
    rows = rows.select(unit=_unit(rows, source.columns.unit), value=rows[before].cast("float64"))
    units = rows.group_by("unit").agg(value=rows.value.max())
    units = units.mutate(value=units.value.fill_null(units.value.mean()))
    units = units.filter(units.value.notnull())
    return _shaped(
        EVENTS,
        units,
        ts=_literal(at - timedelta(hours=1)),
        unit=units.unit,
        name=ibis.literal(event_of(column)),
        value=units.value,
        session=ibis.null().cast("int64"),
        dims=_dims({}),
    )


def _shaped(schema: ibis.Schema, rows: Any, **values: Any) -> Any:
    """The columns of the store, in its order."""
    shared = {
        "event_id": ibis.literal("-"),
        "unit_type": ibis.literal(UNIT_TYPE),
        "received_at": values["ts"],
    }
    found = {**shared, **values}
    return rows.select(**{name: found[name] for name in schema})


def _dims(pairs: dict[str, Any]) -> Any:
    if not pairs:
        return ibis.map(ibis.literal([], type="array<string>"), ibis.literal([], type="array<string>"))
    return ibis.map(ibis.array([ibis.literal(name) for name in pairs]), ibis.array(list(pairs.values())))


def _literal(at: datetime) -> Any:
    return ibis.literal(at, type="timestamp('UTC')")


def too_large(source: Source, wanted: Sequence[Wanted]) -> list[Problem]:
    """Columns that hold nan, infinite values or values that cannot be squared, of which no mean can be made.

    The sum of sizes tells: filters on nan trust the statistics of a file, in which nan does not occur.
    """
    columns = _numeric(wanted)
    if not columns:
        return []
    sizes = {f"size{n}": source.table[name].cast("float64").abs().sum() for n, name in enumerate(columns)}
    [sums] = source.relation(source.table.aggregate(**sizes)).fetchall()
    return [
        problem("metric", name, _why(size), "Remove or replace these rows.")
        for name, size in zip(columns, sums, strict=True)
        if size is not None and not size < LARGEST
    ]


def _why(size: float) -> str:
    if math.isfinite(size):
        return "the column holds values that are too large to square"
    return "the column holds nan or infinity"
