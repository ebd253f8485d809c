"""DuckDB in this process, locked down: the engine that needs nothing but the files of the store.

Each partition is an in-memory database of its own, worked on by one thread; partitions are groups of
user-hash buckets. File access is limited to the store, extensions are never loaded, the configuration is
locked before the first read. Objects in a bucket are read by pyarrow, which DuckDB asks for the columns and
rows it needs. Only worker processes import this module.
"""

from __future__ import annotations

import logging
import sys
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

from analysis.engines import crossed, dealing, reading, rollups
from analysis.engines.aggregates import Rows
from analysis.engines.contract import EngineFailure, Parts, Readings, StoreFiles
from analysis.engines.jail import limited_address_space
from analysis.engines.refreshing import ReadFiles, Refresh, Statements, nothing
from analysis.engines.rollups import Days
from analysis.plan import AnalysisPlan, Entry
from analysis.unit_values import EVENTS, EXPOSURES, Table

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

log = logging.getLogger(__name__)

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

    `memory_limits` are tried from the first on until one is enough. With a `filesystem` the files are objects
    in it ("s3://bucket/…") and no folder is opened. With fewer than `rows_per_partition` rows a partition
    costs more in statements than it saves in memory; stores of fewer rows are read whole at each look. Of
    larger ones, what whole days brought is kept in the folder `rollups`, if there is one. Plans with a
    trigger are read whole too.
    """

    folder: Path | None
    filesystem: FileSystem | None = None
    threads: int = 2
    memory_limits: tuple[str, ...] = ("144MB", "576MB", "2GB")
    rows_per_partition: int = 400_000
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
        return self._with_memory(lambda engine: engine._ask_once(plan, files, question))

    def _with_memory(self, ask: Callable[[DuckDBEngine], T]) -> T:
        """With as little memory as will do: what does not fit goes to disk, and what cannot go there makes
        the look begin again with more."""
        try:
            return ask(self)
        except OutOfMemory as failure:
            if len(self.memory_limits) == 1:
                raise
            log.info("a look needs more memory than %s: %s", self.memory_limits[0], failure)
            return replace(self, memory_limits=self.memory_limits[1:])._with_memory(ask)

    def _ask_once(self, plan: AnalysisPlan, files: StoreFiles, question: Callable[..., T]) -> T:
        is_kept = files.days and files.rows >= self.rows_per_partition and plan.trigger is None
        if self.rollups is not None and is_kept:
            found = self._ask_kept(self.rollups, plan, files, question)
            if found is not None:
                return found
        parts = _partitions(files, self.rows_per_partition)
        return self._ask_views(plan, [self._views(files, buckets) for buckets in parts], question)

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
        groups = rollups.groups(files.buckets, files.rows, self.rows_per_partition)
        paths = rollups.paths(folder, len(groups))
        with self._database(folder) as database, ExitStack() as stack:
            partitions = [
                stack.enter_context(_Partition.open(database, index, (), path))
                for index, path in enumerate(paths)
            ]
            database.execute("SET lock_configuration = true")
            pool = stack.enter_context(self._pool(len(partitions)))
            backend = _Backend(partitions, pool)
            statements = Statements(plan, backend.compile, backend.total)
            refreshes = [
                partition.refresh(statements, self._read_files, files, buckets)
                for partition, buckets in zip(partitions, groups, strict=True)
            ]
            list(pool.map(_run, refreshes))
            return question(plan, backend, is_prepared=True)

    def _pool(self, partitions: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(min(self.threads, partitions) or 1, thread_name_prefix="analysis")

    def _read_files(self, cursor: duckdb.DuckDBPyConnection, name: str, paths: Sequence[str]) -> None:
        schema = EXPOSURES if name == "exposures" else EVENTS
        _View(name, schema, list(paths), self.filesystem).create(cursor)

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

    def _views(self, files: StoreFiles, buckets: Sequence[int]) -> list[View]:
        return [
            _View("exposures", EXPOSURES, _of(files.exposures, buckets), self.filesystem),
            _View("events", EVENTS, _of(files.events, buckets), self.filesystem),
        ]

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

    def __init__(self, cursor: duckdb.DuckDBPyConnection, *, is_file: bool = False) -> None:
        self._cursor = cursor
        self._is_file = is_file

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
            with _readable_failures():
                if path is None:
                    cursor.execute(f"ATTACH ':memory:' AS {name} (COMPRESS)")
                else:
                    cursor.execute(f"ATTACH {Literal.string(str(path)).sql('duckdb')} AS {name}")
            cursor.execute(f"USE {name}")
            for view in views:
                view.create(cursor)
            yield cls(cursor, is_file=path is not None)

    def keep(self, name: str, statement: str) -> None:
        """What is in a file of rollups stays there between looks; what one look keeps does not."""
        with _readable_failures():
            if self._is_file:
                self._cursor.execute(f"CREATE TEMPORARY TABLE {name} AS {statement}")
            else:
                self._cursor.execute(f"CREATE TABLE {name} AS {statement}")

    def drop(self, name: str) -> None:
        with _readable_failures():
            self._cursor.execute(f"DROP TABLE {name}")

    def refresh(
        self, statements: Statements, read_files: ReadFiles, files: StoreFiles, buckets: Sequence[int]
    ) -> Refresh:
        """The work that brings this file of rollups up to date."""
        days = [Days.of(files, kind, buckets, statements.plan.until) for kind in rollups.KINDS]
        return Refresh(self._cursor, statements, read_files, *days)

    def rows(self, statement: str) -> Rows:
        with _readable_failures():
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


def _run(refresh: Refresh) -> None:
    with _readable_failures():
        refresh.run()


def _partitions(files: StoreFiles, rows_each: int) -> list[list[int]]:
    """Neighbouring buckets together, as many partitions as the rows are worth; always the same for the same
    files. No buckets, one partition of nothing."""
    count = max(1, min(len(files.buckets), files.rows // rows_each))
    parts: list[list[int]] = [[] for _ in range(count)]
    for position, bucket in enumerate(files.buckets):
        parts[position * count // len(files.buckets)].append(bucket)
    return parts


def _of(by_bucket: Mapping[int, Sequence[str]], buckets: Sequence[int]) -> list[str]:
    return [path for bucket in buckets for path in by_bucket.get(bucket, ())]


@dataclass(frozen=True, slots=True)
class _View:
    """Files under one name; without files, a table of no rows."""

    name: str
    schema: ibis.Schema
    paths: list[str]
    filesystem: FileSystem | None

    def create(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with _readable_failures():
            if not self.paths:
                cursor.execute(f"CREATE OR REPLACE TEMPORARY VIEW {self.name} AS {nothing(self.schema)}")
            elif self.filesystem is None:
                listed = ", ".join(Literal.string(path).sql("duckdb") for path in self.paths)
                cursor.execute(f"CREATE OR REPLACE VIEW {self.name} AS FROM read_parquet([{listed}])")
            else:
                cursor.register(self.name, self._objects(self.filesystem))

    def _objects(self, filesystem: FileSystem) -> Any:
        from pyarrow.dataset import dataset

        keys = [path.partition("://")[2] for path in self.paths]
        return dataset(keys, schema=self.schema.to_pyarrow(), filesystem=filesystem, format="parquet")


class OutOfMemory(EngineFailure):
    """A statement needs more memory than it was given."""


@contextmanager
def _readable_failures() -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as failure:
        raise OutOfMemory(f"DuckDB had too little memory: {failure}") from failure
    except _failures() as failure:
        raise EngineFailure(f"DuckDB could not read the event store: {failure}") from failure


def _failures() -> tuple[type[Exception], ...]:
    """Those of pyarrow only once it is loaded, which only stores of objects need: it takes 80 MB."""
    arrow = sys.modules.get("pyarrow")
    return (duckdb.Error, OSError, *([arrow.ArrowException] if arrow is not None else []))
