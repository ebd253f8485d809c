"""DuckDB in this process, locked down: the engine that needs nothing but the files of the store.

Each partition is an in-memory database of its own, worked on by one thread; partitions are groups of
user-hash buckets, or ranges of hashes in them. File access is limited to the store, extensions are never
loaded, the configuration is locked before the first read. Objects in a bucket are read by pyarrow, which
DuckDB asks for the columns and rows it needs. Only worker processes import this module.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import duckdb
import ibis
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler
from sqlglot.expressions import Literal

from analysis.engines import crossed, dealing, portions, reading, rollups
from analysis.engines.aggregates import Rows
from analysis.engines.contract import EngineFailure, Parts, Readings, StoreFiles
from analysis.engines.jail import limited_address_space
from analysis.engines.portions import Portion
from analysis.engines.refreshing import ReadFiles, Refresh, Statements
from analysis.engines.rollups import Days
from analysis.engines.views import FilesView, OutOfMemory, readable_failures
from analysis.plan import AnalysisPlan, Entry
from analysis.unit_values import EVENTS, EXPOSURES, Table

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

log = logging.getLogger(__name__)

ROLLED_UP = 4
"""Rollups hold few rows of many events, so that a portion of them may be as many times larger."""

FINER, LEAST = 4, 100_000
"""By how much portions shrink where memory is too little, and the rows below which it is not they that
take it."""

T = TypeVar("T")
Settings = dict[str, str | bool | int | float | list[str]]


@ibis.udf.agg.builtin(name="fsum")  # type: ignore[untyped-decorator]
def _compensated_sum(value: float) -> float:  # type: ignore[empty-body]
    """Kahan's summation: the error does not grow with the number of rows, so their order does not matter."""


class View(Protocol):
    """A name under which rows can be read in a partition."""

    def create(self, cursor: duckdb.DuckDBPyConnection) -> None: ...


@dataclass(frozen=True, slots=True)
class DuckDBEngine:
    """Reads the Parquet files below `folder`, with so many threads and so much memory in all.

    Partitions with more than `values_at_most` (rows by columns of the plan) are read in ranges of hashes, in
    smaller ones where memory is too little, and only then with the next of the `memory_limits`. With a
    `filesystem` the files are objects in it ("s3://bucket/…") and no folder is opened. With fewer than
    `rows_per_partition` rows a partition costs more in statements than it saves in memory; stores of fewer
    rows are read whole at each look. Of larger ones, what whole days brought is kept in the folder `rollups`,
    if there is one. Plans with a trigger are read whole too.
    """

    folder: Path | None
    filesystem: FileSystem | None = None
    threads: int = 2
    memory_limits: tuple[str, ...] = ("144MB", "576MB", "2GB")
    rows_per_partition: int = 400_000
    values_at_most: int = 16_000_000
    rollups: Path | None = None
    name: str = "duckdb"

    def read(self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float]) -> Readings:
        """See `Engine.read`."""
        return self._ask(plan, files, partial(reading.read, frozen=caps))

    def parts(
        self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float], deal: int = 0
    ) -> Parts:
        """See `Dealer.parts`."""
        return self._ask(plan, files, partial(dealing.parts, frozen=caps, deal=deal))

    def crossed(
        self, cells: AnalysisPlan, one: AnalysisPlan, other: AnalysisPlan, files: StoreFiles
    ) -> Readings:
        """See `Crosser.crossed`. Rollups are of one experiment and do not help."""
        question = partial(crossed.read, frozen={}, one=one, other=other)
        return replace(self, rollups=None)._ask(cells, files, question)

    def _ask(self, plan: AnalysisPlan, files: StoreFiles, question: Callable[..., T]) -> T:
        return self._with_memory(lambda engine: engine._ask_once(plan, files, question), plan, files)

    def _with_memory(
        self,
        ask: Callable[[DuckDBEngine], T],
        plan: AnalysisPlan | None = None,
        files: StoreFiles | None = None,
    ) -> T:
        """With as little memory as will do: what does not fit goes to disk, and what cannot go there makes
        the look begin again."""
        try:
            return ask(self)
        except OutOfMemory as failure:
            finer = self._finer(plan, files) if plan is not None and files is not None else None
            other = finer or self._with_more()
            if other is None:
                raise
            log.info("a look needs more memory than %s: %s", self.memory_limits[0], failure)
            return other._with_memory(ask, plan, files)

    def _finer(self, plan: AnalysisPlan, files: StoreFiles) -> DuckDBEngine | None:
        """With smaller portions of the files' units, where that can help."""
        ranges = self._ranges(plan, files)
        each = files.rows // (self._groups(files) * ranges)
        if ranges == portions.MAX_RANGES or each < LEAST:
            return None
        return replace(self, values_at_most=max(1, _values(plan, each) // FINER))

    def _with_more(self) -> DuckDBEngine | None:
        limits = self.memory_limits[1:]
        return replace(self, memory_limits=limits) if limits else None

    def _ranges(self, plan: AnalysisPlan, files: StoreFiles) -> int:
        return portions.ranges(_values(plan, files.rows), self._groups(files), self.values_at_most)

    def _groups(self, files: StoreFiles) -> int:
        return portions.groups(files.buckets, files.rows, self.rows_per_partition)

    def _ask_once(self, plan: AnalysisPlan, files: StoreFiles, question: Callable[..., T]) -> T:
        is_kept = files.days and files.rows >= self.rows_per_partition and plan.trigger is None
        if self.rollups is not None and is_kept:
            found = self._ask_kept(self.rollups, plan, files, question)
            if found is not None:
                return found
        listed = portions.of(files.buckets, self._groups(files), self._ranges(plan, files))
        return self._ask_views(plan, [self._views(files, portion) for portion in listed], question)

    def _ask_kept(
        self, root: Path, plan: AnalysisPlan, files: StoreFiles, question: Callable[..., T]
    ) -> T | None:
        """The answer from rollups; None where they cannot be used now."""
        with rollups.held(root, plan, files.erasures) as folder:
            if folder is None:
                return None
            try:
                return self._ask_rollups(folder, plan, files, question)
            except OutOfMemory:
                raise
            except EngineFailure as failure:
                log.warning("rollups are made anew: %s", failure)
                rollups.forget(folder)
                return None

    def _ask_rollups(
        self, folder: Path, plan: AnalysisPlan, files: StoreFiles, question: Callable[..., T]
    ) -> T:
        groups = portions.power_of_two(self._groups(files))
        wanted = portions.ranges(_values(plan, files.rows), groups, self.values_at_most * ROLLED_UP)
        ranges = portions.power_of_two(wanted)
        listed = portions.of(files.buckets, groups, rollups.ranges(folder, ranges))
        paths = rollups.paths(folder, listed)
        statements = Statements(plan, compiled, _compensated_sum)
        with self._database(folder) as database, ExitStack() as stack:
            partitions = [
                stack.enter_context(_Partition.open(database, index, (), path))
                for index, path in enumerate(paths)
            ]
            for partition, portion in zip(partitions, listed, strict=True):
                partition.refresh(statements, partial(self._read_files, portion), files, portion)
            database.execute("SET lock_configuration = true")
            pool = stack.enter_context(self._pool(len(partitions)))
            return question(plan, _Backend(partitions, pool))

    def _pool(self, partitions: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(min(self.threads, partitions) or 1, thread_name_prefix="analysis")

    def _read_files(
        self, portion: Portion, cursor: duckdb.DuckDBPyConnection, name: str, paths: Sequence[str]
    ) -> None:
        self._view(portion, name, list(paths)).create(cursor)

    def read_views(
        self, plan: AnalysisPlan, views: Sequence[Sequence[View]], caps: Mapping[Entry, float]
    ) -> Readings:
        """The same of any views named `exposures` and `events`, listed for each partition of the units."""
        question = partial(reading.read, frozen=caps)
        return self._with_memory(lambda engine: engine._ask_views(plan, views, question))

    def parts_of_views(
        self, plan: AnalysisPlan, views: Sequence[Sequence[View]], caps: Mapping[Entry, float], deal: int = 0
    ) -> Parts:
        """The same units in groups at random: see `Dealer.parts`."""
        question = partial(dealing.parts, frozen=caps, deal=deal)
        return self._with_memory(lambda engine: engine._ask_views(plan, views, question))

    def crossed_in_views(
        self, cells: AnalysisPlan, one: AnalysisPlan, other: AnalysisPlan, views: Sequence[Sequence[View]]
    ) -> Readings:
        """The units of two experiments: see `Crosser.crossed`."""
        question = partial(crossed.read, frozen={}, one=one, other=other)
        return self._with_memory(lambda engine: engine._ask_views(cells, views, question))

    def _ask_views(
        self, plan: AnalysisPlan, views: Sequence[Sequence[View]], question: Callable[..., T]
    ) -> T:
        with self._database() as database, ExitStack() as stack:
            partitions = [
                stack.enter_context(_Partition.open(database, index, of)) for index, of in enumerate(views)
            ]
            database.execute("SET lock_configuration = true")
            pool = stack.enter_context(self._pool(len(partitions)))
            return question(plan, _Backend(partitions, pool))

    def _views(self, files: StoreFiles, portion: Portion) -> list[View]:
        both = {"exposures": files.exposures, "events": files.events}
        return [self._view(portion, name, _of(paths, portion.buckets)) for name, paths in both.items()]

    def _view(self, portion: Portion, name: str, paths: list[str]) -> FilesView:
        schema = EXPOSURES if name == "exposures" else EVENTS
        return FilesView(name, schema, paths, self.filesystem, portion.hashes)

    @contextmanager
    def _database(self, *more: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        with limited_address_space(), tempfile.TemporaryDirectory(prefix="headway-analysis-") as scratch:
            settings: Settings = {
                "memory_limit": self.memory_limits[0],
                "temp_directory": scratch,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            }
            with opened(settings) as database:
                allowed = [str(folder) for folder in (self.folder, scratch, *more) if folder is not None]
                folders = ", ".join(Literal.string(path).sql("duckdb") for path in allowed)
                database.execute(f"SET allowed_directories = [{folders}]")
                database.execute("SET enable_external_access = false")
                yield database


class _Partition:
    """A database in memory, or in a file of rollups, with views on its share of the files."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._refresh: Refresh | None = None

    @classmethod
    @contextmanager
    def open(
        cls,
        database: duckdb.DuckDBPyConnection,
        index: int,
        views: Sequence[View],
        path: Path | None = None,
    ) -> Iterator[_Partition]:
        with database.cursor() as cursor:
            name = f"partition_{index}"
            with readable_failures():
                if path is None:
                    cursor.execute(f"ATTACH ':memory:' AS {name} (COMPRESS)")
                else:
                    cursor.execute(f"ATTACH {Literal.string(str(path)).sql('duckdb')} AS {name}")
            cursor.execute(f"USE {name}")
            for view in views:
                view.create(cursor)
            yield cls(cursor)

    def keep(self, name: str, statement: str) -> None:
        """A file of rollups makes the tables of a look in its own way."""
        with readable_failures():
            if self._refresh is not None:
                self._refresh.make(name)
            else:
                self._cursor.execute(f"CREATE TABLE {name} AS {statement}")

    def drop(self, name: str) -> None:
        with readable_failures():
            self._cursor.execute(f"DROP TABLE {name}")

    def refresh(
        self, statements: Statements, read_files: ReadFiles, files: StoreFiles, portion: Portion
    ) -> None:
        """Bring this file of rollups up to date before the first table of a look is kept."""
        days = [Days.of(files, kind, portion.buckets, statements.plan.until) for kind in rollups.KINDS]
        self._refresh = Refresh(self._cursor, statements, read_files, *days)

    def rows(self, statement: str) -> Rows:
        with readable_failures():
            # As a relation it would be planned twice: once for its columns and once to run.
            found = self._cursor.execute(statement)
            names = [column[0] for column in found.description or ()]
            rows = found.fetchall()
            return {name: [row[index] for row in rows] for index, name in enumerate(names)}


@dataclass(frozen=True, slots=True)
class _Backend:
    partitions: Sequence[_Partition]
    pool: ThreadPoolExecutor

    def total(self, value: Any) -> Any:
        return _compensated_sum(value)

    def compile(self, expression: Table) -> str:
        return compiled(expression)

    def each(self, work: Callable[[_Partition], T]) -> list[T]:
        return list(self.pool.map(work, self.partitions))


def opened(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A database in memory for partitions to be attached to."""
    # One thread per partition: DuckDB's own would split a partition's rows at random.
    database = duckdb.connect(":memory:", config={"threads": 1, **settings})
    database.execute("SET GLOBAL TimeZone = 'UTC'")
    # The operating system reads local files ahead; doing that here as well is a twentieth of a look's work.
    database.execute("SET GLOBAL disable_parquet_prefetching = true")
    # Statements that follow each other read the same files; what stands in their footers is read once.
    database.execute("SET GLOBAL parquet_metadata_cache = true")
    return database


def compiled(expression: Table) -> str:
    """The expression in DuckDB's words; the worker keeps them for the next look of the same plan."""
    return _compiled(expression.op())


@lru_cache(maxsize=512)
def _compiled(operation: Any) -> str:
    """Not by `ibis.to_sql`, which loads a whole backend, pandas and all: 60 MB."""
    return str(DuckDBCompiler().to_sqlglot(operation.to_expr()).sql(dialect="duckdb"))


def _values(plan: AnalysisPlan, rows: int) -> int:
    return rows * max(1, len(plan.columns))


def _of(by_bucket: Mapping[int, Sequence[str]], buckets: Sequence[int]) -> list[str]:
    return [path for bucket in buckets for path in by_bucket.get(bucket, ())]
