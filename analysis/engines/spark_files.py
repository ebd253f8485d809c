"""A company's own Parquet files, read by the Spark cluster of this site. Only worker processes import this.

Files and columns are looked at by the worker, as for DuckDB: the same folders are allowed, the same things
are said of what is missing. The rows are read by the cluster, whose workers need the folder at the same
place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import ibis

from analysis.engines import crossed, dealing, mapped, own_files, reading, spark
from analysis.engines.contract import Parts, Readings, StoreFiles
from analysis.engines.mapped import Dialect
from analysis.engines.spark import Backend
from analysis.plan import AnalysisPlan, Entry
from analysis.sources.definition import SourceDefinition
from analysis.unit_values import Value


@dataclass(frozen=True, slots=True)
class SparkFilesEngine:
    """The plan over a source of kind parquet; the store's files are not looked at. `master` and `options` as
    those of `SparkEngine`."""

    source: SourceDefinition
    roots: tuple[str, ...]
    master: str = spark.LOCAL
    options: Mapping[str, str] = field(default_factory=dict)
    name: str = "spark"

    def read(self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float]) -> Readings:
        """See `Engine.read`."""
        with self._opened(plan) as backend:
            return reading.read(plan, backend, caps)

    def parts(
        self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float], deal: int = 0
    ) -> Parts:
        """See `Dealer.parts`."""
        with self._opened(plan) as backend:
            return dealing.parts(plan, backend, caps, deal)

    def crossed(
        self, cells: AnalysisPlan, one: AnalysisPlan, other: AnalysisPlan, files: StoreFiles
    ) -> Readings:
        """See `Crosser.crossed`."""
        mapped.can_cross(self.source)
        with self._opened(cells) as backend:
            return crossed.read(cells, backend, {}, one=one, other=other)

    @contextmanager
    def _opened(self, plan: AnalysisPlan) -> Iterator[Backend]:
        paths = own_files.paths_of(self.source, self.roots)
        raw, rows = own_files.mapped_tables(self.source, paths, plan, SPARK)
        with spark.opened(self.master, self.options) as cluster:
            for table, name in raw.items():
                cluster.view_as_written(name, paths[table])
            backend = Backend(cluster)
            for name, expression in rows.items():
                cluster.define(name, backend.compile(expression))
            yield backend


@ibis.udf.scalar.builtin(name="xxhash64")  # type: ignore[untyped-decorator]
def _hash(text: str) -> int:  # type: ignore[empty-body]
    """64 bits; the function that Ibis calls has 32, too few for millions of units."""


def _unit(value: Value) -> Value:
    return _hash(value.cast("string"))


SPARK = Dialect(_unit, own_files.as_map)
