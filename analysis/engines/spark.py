"""Apache Spark: the engine for stores that have outgrown one machine.

The same plan over the same files, or over a company's own tables. The whole cluster is one partition: Spark
splits the rows itself, and its sums may differ in the last digits from run to run. Needs the requirements of
`requirements/spark.txt` and Java 17; only worker processes import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

import ibis
from ibis.backends.pyspark.datatypes import PySparkSchema
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.storagelevel import StorageLevel

from analysis.engines import crossed, dealing, reading
from analysis.engines.aggregates import Rows
from analysis.engines.contract import EngineFailure, Parts, Readings, StoreFiles
from analysis.plan import AnalysisPlan, Entry
from analysis.unit_values import EVENTS, EXPOSURES, Table

T = TypeVar("T")

LOCAL = "local[2]"
SHUFFLE_PARTITIONS = 8
"""For a look on one machine; a cluster's own setting goes into `options`."""


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """Reads the files with the cluster at `master` ("spark://host:7077", "local[2]").

    `options` are Spark's own settings, for example {"spark.executor.memory": "4g"}.
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
    def _opened(self, files: StoreFiles) -> Iterator[_Backend]:
        with _readable_failures(), _Cluster.open(self._session()) as cluster:
            cluster.view("exposures", EXPOSURES, files.exposures)
            cluster.view("events", EVENTS, files.events)
            yield _Backend(cluster)

    def _session(self) -> SparkSession:
        """A session of its own, so that two looks at once never see each other's views."""
        builder = SparkSession.builder.master(self.master).appName("headway")
        for name, value in {**_DEFAULTS, **self.options}.items():
            builder = builder.config(name, value)
        return builder.getOrCreate().newSession()


_DEFAULTS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS),
    "spark.sql.ansi.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}


class _Cluster:
    """The one partition: tables are temporary views, kept ones stay in the executors' memory or on disk."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._kept: list[DataFrame] = []

    @classmethod
    @contextmanager
    def open(cls, session: SparkSession) -> Iterator[_Cluster]:
        for name in ("spark.sql.session.timeZone", "spark.sql.shuffle.partitions", "spark.sql.ansi.enabled"):
            session.conf.set(name, _DEFAULTS[name])
        cluster = cls(session)
        try:
            yield cluster
        finally:
            cluster.forget()

    def view(self, name: str, schema: ibis.Schema, by_bucket: Mapping[int, Sequence[str]]) -> None:
        """A view over the files; without files, a table of no rows."""
        paths = list(chain.from_iterable(by_bucket.values()))
        fields = PySparkSchema.from_ibis(schema)
        frame = self._session.read.schema(fields).parquet(*paths) if paths else None
        (self._session.createDataFrame([], fields) if frame is None else frame).createOrReplaceTempView(name)

    def keep(self, name: str, statement: str) -> None:
        frame = self._session.sql(statement).persist(StorageLevel.MEMORY_AND_DISK)
        frame.createOrReplaceTempView(name)
        self._kept.append(frame)

    def rows(self, statement: str) -> Rows:
        rows: dict[str, list[Any]] = self._session.sql(statement).toArrow().to_pydict()
        return rows

    def forget(self) -> None:
        for frame in reversed(self._kept):
            frame.unpersist()


@dataclass(frozen=True, slots=True)
class _Backend:
    cluster: _Cluster

    @property
    def partitions(self) -> Sequence[_Cluster]:
        return (self.cluster,)

    def total(self, value: Any) -> Any:
        return value.sum()

    def compile(self, expression: Table) -> str:
        return str(ibis.pyspark.compile(expression))

    def each(self, work: Callable[[_Cluster], T]) -> list[T]:
        return [work(self.cluster)]


@contextmanager
def _readable_failures() -> Iterator[None]:
    try:
        yield
    except PySparkException as failure:
        raise EngineFailure(f"Spark could not read the event store: {failure}") from failure
