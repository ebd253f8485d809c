"""Files of the store under one name in DuckDB, and what goes wrong with them in words. Only worker processes
import this module.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
from sqlglot import exp
from sqlglot.expressions import Literal

from analysis.engines.contract import EngineFailure
from analysis.engines.refreshing import nothing

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


@dataclass(frozen=True, slots=True)
class FilesView:
    """Files under one name; without files, a table of no rows."""

    name: str
    schema: ibis.Schema
    paths: list[str]
    filesystem: FileSystem | None
    hashes: tuple[int, int] | None = None

    def create(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with readable_failures():
            if not self.paths:
                cursor.execute(f"CREATE OR REPLACE TEMPORARY VIEW {self.name} AS {nothing(self.schema)}")
            elif self.filesystem is None:
                statement = self._rows().sql("duckdb")
                cursor.execute(f"CREATE OR REPLACE TEMPORARY VIEW {self.name} AS {statement}")
            else:
                cursor.register(self.name, self._objects(self.filesystem))

    def _rows(self) -> exp.Select:
        listed = exp.Array(expressions=[Literal.string(path) for path in self.paths])
        rows = exp.select("*").from_(exp.func("read_parquet", listed, dialect="duckdb"))
        if self.hashes is None:
            return rows
        first, last = (exp.cast(Literal.string(str(end)), "bigint") for end in self.hashes)
        return rows.where(exp.column("unit").between(first, last))

    def _objects(self, filesystem: FileSystem) -> Any:
        from pyarrow.compute import field
        from pyarrow.dataset import dataset

        keys = [path.partition("://")[2] for path in self.paths]
        found = dataset(keys, schema=self.schema.to_pyarrow(), filesystem=filesystem, format="parquet")
        if self.hashes is None:
            return found
        first, last = self.hashes
        return found.filter((field("unit") >= first) & (field("unit") <= last))


class OutOfMemory(EngineFailure):
    """A statement needs more memory than it was given."""


@contextmanager
def readable_failures() -> Iterator[None]:
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
