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

from analysis.engines import own_files, spark
from analysis.engines.asking_source import AskingSource
from analysis.engines.mapped import Dialect
from analysis.engines.spark import Backend
from analysis.plan import AnalysisPlan
from analysis.sources.definition import SourceDefinition
from analysis.unit_values import Value


@dataclass(frozen=True, slots=True)
class SparkFilesEngine(AskingSource):
    """The plan over a source of kind parquet; the store's files are not looked at. `master` and `options` as
    those of `SparkEngine`."""

    source: SourceDefinition
    roots: tuple[str, ...]
    master: str = spark.LOCAL
    options: Mapping[str, str] = field(default_factory=dict)
    name: str = "spark"

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
