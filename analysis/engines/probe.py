"""The first rows of a source's tables, for its test. Only worker processes import this module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow.parquet as pq
from psycopg import sql

from analysis.engines import mapped, own_files, postgres
from analysis.engines.contract import EngineFailure
from analysis.sources import sampling
from analysis.sources.definition import EventTable, ExposureTable, SourceDefinition, SourceKind
from analysis.unit_values import Table

WITHIN_S = 30
Roles = Mapping[str, str]
Look = Callable[[str], tuple[Table, Callable[[Roles], sampling.Rows]]]
"""From a table's name to its columns, and to what reads its first rows by role."""


def probe(source: SourceDefinition, *, address: str, roots: tuple[str, ...]) -> list[dict[str, Any]]:
    """What every table of the source shows. Raises EngineFailure when there is no way in at all."""
    opening = _files(source, roots) if source.kind is SourceKind.PARQUET else _database(address)
    with opening as look:
        return [_table(table, look) for table in source.tables]


def _table(table: ExposureTable | EventTable, look: Look) -> dict[str, Any]:
    try:
        columns, first_rows = look(table.table)
    except EngineFailure as failure:
        return {**sampling.judged(table, {}, (), {}), "problems": [f"{failure}."]}
    types = {name: str(kind) for name, kind in columns.schema().items()}
    wrong = mapped.wrong_columns(table, columns)
    roles = {role: name for role, name in table.columns.items() if name in types}
    return sampling.judged(table, types, wrong, first_rows(roles) if roles else {})


@contextmanager
def _files(source: SourceDefinition, roots: tuple[str, ...]) -> Iterator[Look]:
    folder = own_files.folder_of(source, roots)

    def look(table: str) -> tuple[Table, Callable[[Roles], sampling.Rows]]:
        paths = own_files.files_of(folder, table)
        return own_files.columns_of(paths, "own"), lambda roles: _first_of(paths, roles)

    yield look


def _first_of(paths: list[str], roles: Roles) -> sampling.Rows:
    """From the first file that has rows."""
    names = list(dict.fromkeys(roles.values()))
    for path in paths:
        with own_files.readable(path), pq.ParquetFile(path) as file:
            for batch in file.iter_batches(sampling.SAMPLE_ROWS, columns=names):
                return {role: _texts(batch.column(name).to_pylist()) for role, name in roles.items()}
    return {role: [] for role in roles}


def _texts(values: list[Any]) -> list[str | None]:
    return [None if value is None else str(value) for value in values]


@contextmanager
def _database(address: str) -> Iterator[Look]:
    with postgres.session(address, WITHIN_S) as connection:

        def look(table: str) -> tuple[Table, Callable[[Roles], sampling.Rows]]:
            columns = postgres.columns_of(connection, table)

            def first_rows(roles: Roles) -> sampling.Rows:
                rows = columns.limit(sampling.SAMPLE_ROWS)
                named = rows.select(**{role: rows[name].cast("string") for role, name in roles.items()})
                return postgres.answered(connection, sql.SQL(postgres.compiled(named)))

            return columns, first_rows

        yield look
