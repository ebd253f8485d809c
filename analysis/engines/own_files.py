"""A company's own Parquet files, read by DuckDB where they lie. Only worker processes import this module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import ibis
import pyarrow.parquet as pq
from pyarrow import ArrowException

from analysis.engines import mapped
from analysis.engines.contract import EngineFailure, Parts, Readings, StoreFiles
from analysis.engines.duckdb import DuckDBEngine, View
from analysis.engines.mapped import Dialect
from analysis.plan import AnalysisPlan, Entry
from analysis.sources.definition import SourceDefinition
from analysis.unit_values import Table, Value

PATTERN = re.compile(r"[*?\[\]]")
MAX_PARTITIONS = 16
SHOWN_FILES = 5
TEXTS = (".csv", ".tsv", ".txt", ".json", ".jsonl")
ROWS_PER_PARTITION = 2_000_000
"""Every partition reads the columns of all rows to find its units, so there are few."""


@dataclass(frozen=True, slots=True)
class OwnFilesEngine:
    """The plan over a source of kind parquet; the store's files are not looked at."""

    source: SourceDefinition
    roots: tuple[str, ...]
    rows_per_partition: int = ROWS_PER_PARTITION
    name: str = "duckdb"

    def read(self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float]) -> Readings:
        """See `Engine.read`."""
        folder = folder_of(self.source, self.roots)
        return DuckDBEngine(folder).read_views(plan, self._views(plan), caps)

    def parts(
        self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float], deal: int = 0
    ) -> Parts:
        """See `Dealer.parts`."""
        folder = folder_of(self.source, self.roots)
        return DuckDBEngine(folder).parts_of_views(plan, self._views(plan), caps, deal)

    def crossed(
        self, cells: AnalysisPlan, one: AnalysisPlan, other: AnalysisPlan, files: StoreFiles
    ) -> Readings:
        """See `Crosser.crossed`."""
        mapped.can_cross(self.source)
        folder = folder_of(self.source, self.roots)
        return DuckDBEngine(folder).crossed_in_views(cells, one, other, self._views(cells))

    def _views(self, plan: AnalysisPlan) -> list[list[View]]:
        paths = paths_of(self.source, self.roots)
        rows = sum(_rows(path) for listed in paths.values() for path in listed)
        parts = min(MAX_PARTITIONS, max(1, rows // self.rows_per_partition))
        return [list(_views(self.source, paths, plan, part, parts)) for part in range(parts)]


def paths_of(source: SourceDefinition, roots: tuple[str, ...]) -> dict[str, list[str]]:
    """The files of every table. Raises EngineFailure."""
    folder = folder_of(source, roots)
    return {table.table: files_of(folder, table.table) for table in source.tables}


def folder_of(source: SourceDefinition, roots: tuple[str, ...]) -> Path:
    """The source's folder, if it lies below one that this site allows. Raises EngineFailure."""
    folder = Path(source.folder).resolve()
    if not any(folder.is_relative_to(Path(root).resolve()) for root in roots):
        allowed = ", ".join(roots) or "none; set HEADWAY_SOURCE_ROOTS"
        raise EngineFailure(f"{source.folder} lies below no folder that may be read ({allowed})")
    if not folder.is_dir():
        raise EngineFailure(f"there is no folder {source.folder} here")
    return folder


def files_of(folder: Path, table: str) -> list[str]:
    """The Parquet files of a table: one, or all below a folder. A link out of the folder is not followed."""
    place = (folder / table).resolve()
    found = sorted(place.rglob("*.parquet")) if place.is_dir() else [place] if place.is_file() else []
    inside = [path.resolve() for path in found if path.resolve().is_relative_to(folder)]
    if not inside:
        raise EngineFailure(f"there is no Parquet file at {table} in {folder}{_instead(folder, place)}")
    for path in inside:
        if path.suffix.lower() in TEXTS:
            raise EngineFailure(f"{table} is a text file, whose columns have no types; write it as Parquet")
        if PATTERN.search(str(path)):
            raise EngineFailure(f"{path.name} would be read as a pattern of names; rename it without * ? [ ]")
    return [str(path) for path in inside]


def _instead(folder: Path, place: Path) -> str:
    """What is there, in words."""
    if place.is_dir():
        others = sorted(path.name for path in place.iterdir() if path.is_file())[:SHOWN_FILES]
        return f" (it holds {', '.join(others)})" if others else " (it holds no files)"
    known = (str(path.relative_to(folder)) for path in folder.iterdir())
    return mapped.nearest(str(place.relative_to(folder)), known) if place.is_relative_to(folder) else ""


def columns_of(paths: list[str], name: str) -> Table:
    """The table as its first file describes it."""
    with readable(paths[0]):
        return ibis.table(ibis.Schema.from_pyarrow(pq.read_schema(paths[0])), name=name)


def _rows(path: str) -> int:
    with readable(path):
        return int(pq.read_metadata(path).num_rows)


def _views(
    source: SourceDefinition, paths: Mapping[str, list[str]], plan: AnalysisPlan, part: int, parts: int
) -> Iterator[View]:
    raw, tables = mapped_tables(source, paths, plan, DUCKDB)
    yield from (_Raw(name, paths[table]) for table, name in raw.items())
    for name, rows in tables.items():
        mine = rows.filter(rows.unit % parts == part) if parts > 1 else rows
        yield _Mapped(name, str(ibis.to_sql(mine, dialect="duckdb")))


def mapped_tables(
    source: SourceDefinition, paths: Mapping[str, list[str]], plan: AnalysisPlan, on: Dialect
) -> tuple[dict[str, str], dict[str, Table]]:
    """A name for each table as it is written, and what these become as rows of the store. Raises
    EngineFailure for columns that do not fit."""
    raw = {table: f"own{index}" for index, table in enumerate(sorted(paths))}
    tables = {table: columns_of(paths[table], name) for table, name in raw.items()}
    check(source, tables)
    rows = {
        "exposures": mapped.exposures(source, tables, plan, on),
        "events": mapped.events(source, tables, plan, on),
    }
    return raw, rows


def check(source: SourceDefinition, tables: Mapping[str, Table]) -> None:
    """Raise EngineFailure when a mapped column is missing or of a wrong type."""
    for table in source.tables:
        for role, column, reason in mapped.wrong_columns(table, tables[table.table]):
            raise EngineFailure(f'source "{source.key}", {table.table}: {role} = {column!r}: {reason}')


@dataclass(frozen=True, slots=True)
class _Raw:
    name: str
    paths: list[str]

    def create(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with readable(self.name):
            cursor.read_parquet(self.paths, union_by_name=True).create_view(self.name)


@dataclass(frozen=True, slots=True)
class _Mapped:
    name: str
    statement: str

    def create(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with readable(self.name):
            cursor.sql(self.statement).create_view(self.name)


def _unit(value: Value) -> Value:
    """62 bits of a hash of the text, so that units of any type become whole numbers."""
    return (value.cast("string").hash() & ((1 << 62) - 1)).cast("int64")


def as_map(pairs: Mapping[str, Value]) -> Value:
    """Dims as a map of texts."""
    if not pairs:
        nothing = ibis.literal([], type="array<string>")
        return ibis.map(nothing, nothing)
    return ibis.map(ibis.array([ibis.literal(name) for name in pairs]), ibis.array(list(pairs.values())))


DUCKDB = Dialect(_unit, as_map)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Failures of files in words."""
    try:
        yield
    except (duckdb.Error, ArrowException, OSError) as failure:
        raise EngineFailure(f"{what} could not be read: {failure}") from failure
