"""Which engine reads the store here: DuckDB in the worker, or the Spark cluster that the site names.

Engines are imported when a look needs one; web processes only ask for the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from analysis.engines.contract import EngineFailure

if TYPE_CHECKING:
    from analysis.engines.contract import SourceEngine, StoreEngine
    from analysis.sources.definition import SourceDefinition

DUCKDB, SPARK = "duckdb", "spark"
OFF = "off"
SPARK_MASTERS = ("spark://", "local[", "yarn", "k8s://")


def name() -> str:
    """Part of a look's configuration: other engines may differ in the last digits. Raises EngineFailure."""
    chosen: str = settings.HEADWAY_ENGINE
    if chosen == DUCKDB:
        return DUCKDB
    if chosen.startswith(SPARK_MASTERS):
        return SPARK
    fix = 'use "duckdb" or the address of a Spark master such as spark://host:7077'
    raise EngineFailure(f"HEADWAY_ENGINE = {chosen!r} names no engine: {fix}")


def engine(root: str) -> StoreEngine:
    """The engine for a store below `root` (a folder, or s3://bucket/prefix). Raises EngineFailure."""
    return _spark() if name() == SPARK else _duckdb(root)


def files_engine(source: SourceDefinition, roots: tuple[str, ...]) -> SourceEngine:
    """The engine for a company's own Parquet files below one of the `roots`. Raises EngineFailure."""
    if name() == SPARK:
        with _installed():
            from analysis.engines.spark_files import SparkFilesEngine
        return SparkFilesEngine(source, roots, settings.HEADWAY_ENGINE)
    from analysis.engines.own_files import OwnFilesEngine

    return OwnFilesEngine(source, roots)


def _duckdb(root: str) -> StoreEngine:
    from analysis.engines.duckdb import DuckDBEngine

    if root.startswith("/"):
        return DuckDBEngine(Path(root), rollups=rollups(root))
    from pyarrow import fs

    filesystem, _ = fs.FileSystem.from_uri(root)
    return DuckDBEngine(None, filesystem, rollups=rollups(root))


def rollups(root: str) -> Path | None:
    """The folder of this machine in which looks keep what whole days brought; None where nothing is kept."""
    chosen: str = settings.HEADWAY_ROLLUPS
    if chosen == OFF or not (chosen or root.startswith("/")):
        return None
    return Path(chosen or f"{root}-rollups")


def _spark() -> StoreEngine:
    with _installed():
        from analysis.engines.spark import SparkEngine
    return SparkEngine(settings.HEADWAY_ENGINE)


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ImportError as missing:
        raise EngineFailure(f"Spark is not installed here: {missing}") from missing
