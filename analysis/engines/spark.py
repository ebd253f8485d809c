"""Apache Spark: the engine for stores that have outgrown one machine.

The same plan over the same files; `spark_files` beside it reads a company's own. The whole cluster is one
partition: Spark splits the rows itself, and its sums may differ in the last digits from run to run. Needs the
requirements of `requirements/spark.txt` and Java 17; only worker processes import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

import ibis
from ibis.backends.pyspark import Backend as IbisSpark
from ibis.backends.pyspark.datatypes import PySparkSchema
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.storagelevel import StorageLevel
from sqlglot import exp

from analysis.engines import crossed, dealing, reading
from analysis.engines.aggregates import Rows
from analysis.engines.contract import EngineFailure, Parts, Readings, StoreFiles
from analysis.plan import AnalysisPlan, Entry
from analysis.unit_values import EVENTS, EXPOSURES, Table

T = TypeVar("T")

IBIS = IbisSpark()
IBIS.register_options()

LOCAL = "local[2]"
SHUFFLE_PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """Reads the files with the cluster at `master` ("spark://host:7077", "local[2]").

    `options` are Spark's own settings, for example {"spark.executor.memory": "4g"}; the rest comes from the
    site's spark-defaults.conf.
    """

    master: str = LOCAL
    options: Mapping[str, str] = field(default_factory=dict)
    name: str = "spark"

    def read(self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float]) -> Readings:
        """See `Engine.read`."""
        with self._opened(files) as backend:
            return reading.read(plan, backend, caps)

    def parts(
        self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float], deal: int = 0
    ) -> Parts:
        """See `Dealer.parts`."""
        with self._opened(files) as backend:
            return dealing.parts(plan, backend, caps, deal)

    def crossed(
        self, cells: AnalysisPlan, one: AnalysisPlan, other: AnalysisPlan, files: StoreFiles
    ) -> Readings:
        """See `Crosser.crossed`."""
        with self._opened(files) as backend:
            return crossed.read(cells, backend, {}, one=one, other=other)

    @contextmanager
    def _opened(self, files: StoreFiles) -> Iterator[Backend]:
        with opened(self.master, self.options) as cluster:
            cluster.view("exposures", EXPOSURES, files.exposures)
            cluster.view("events", EVENTS, files.events)
            yield Backend(cluster)


DEFAULTS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
}
ONE_MACHINE = {
    "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS),
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
"""What a cluster of several machines takes from its own spark-defaults.conf."""
ON_ONE_MACHINE = ("local", "spark://127.0.0.1:", "spark://localhost:")


class Cluster:
    """The one partition: tables are temporary views, kept ones stay in the executors' memory or on disk."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._kept: list[DataFrame] = []

    def view(self, name: str, schema: ibis.Schema, by_bucket: Mapping[int, Sequence[str]]) -> None:
        """A view over the store's files; without files, a table of no rows."""
        paths = list(chain.from_iterable(by_bucket.values()))
        fields = PySparkSchema.from_ibis(schema)
        frame = self._session.read.schema(fields).parquet(*paths) if paths else None
        (self._session.createDataFrame([], fields) if frame is None else frame).createOrReplaceTempView(name)

    def view_as_written(self, name: str, paths: Sequence[str]) -> None:
        """A view over files with all columns that any of them has."""
        frame = self._session.read.option("mergeSchema", "true").parquet(*paths)
        frame.createOrReplaceTempView(name)

    def define(self, name: str, statement: str) -> None:
        """A view of a statement, which runs whenever it is read."""
        self._session.sql(statement).createOrReplaceTempView(name)

    def keep(self, name: str, statement: str) -> None:
        frame = self._session.sql(statement).persist(StorageLevel.MEMORY_AND_DISK)
        frame.createOrReplaceTempView(name)
        self._kept.append(frame)

    def drop(self, name: str) -> None:
        """Kept tables go with the cluster: there is one partition, whose tables are asked together."""

    def rows(self, statement: str) -> Rows:
        rows: dict[str, list[Any]] = self._session.sql(statement).toArrow().to_pydict()
        return rows

    def forget(self) -> None:
        for frame in reversed(self._kept):
            frame.unpersist()


@dataclass(frozen=True, slots=True)
class Backend:
    cluster: Cluster

    @property
    def partitions(self) -> Sequence[Cluster]:
        return (self.cluster,)

    def total(self, value: Any) -> Any:
        return value.sum()

    def compile(self, expression: Table) -> str:
        return compiled(expression)

    def each(self, work: Callable[[Cluster], T]) -> list[T]:
        return [work(self.cluster)]


def compiled(expression: Table) -> str:
    """The expression in Spark's words.

    Ibis takes what is no number (NaN) for missing, in Spark alone; here as everywhere it is a value.
    """
    tree: Any = IBIS.compiler.to_sqlglot(expression)
    return str(tree.transform(_meant).sql(dialect=IBIS.dialect))


def _meant(node: Any) -> Any:
    both = isinstance(node, exp.And) and isinstance(node.expression, exp.Not)
    if both and isinstance(node.expression.this, exp.IsNan):
        return node.this
    return node.this if isinstance(node, exp.Or) and isinstance(node.expression, exp.IsNan) else node


@contextmanager
def opened(master: str, options: Mapping[str, str]) -> Iterator[Cluster]:
    """The cluster with a session of its own, so that two looks at once never see each other's views."""
    with _readable_failures():
        cluster = Cluster(_session(master, options))
        try:
            yield cluster
        finally:
            cluster.forget()


def _session(master: str, options: Mapping[str, str]) -> SparkSession:
    """What belongs to a session is set anew: the builder of a running Spark does not hand it on."""
    settings = settings_for(master, options)
    builder = SparkSession.builder.master(master).appName("headway")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate().newSession()
    for name, value in settings.items():
        if name.startswith("spark.sql."):
            session.conf.set(name, value)
    return session


def settings_for(master: str, options: Mapping[str, str]) -> dict[str, str]:
    """Everything that this program tells Spark."""
    return {**DEFAULTS, **(ONE_MACHINE if master.startswith(ON_ONE_MACHINE) else {}), **options}


@contextmanager
def _readable_failures() -> Iterator[None]:
    try:
        yield
    except PySparkException as failure:
        raise EngineFailure(f"Spark could not read the tables: {failure}") from failure
