"""The first rows of a source's tables, for its test. Only worker processes import this module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from psycopg import sql

from analysis.engines import mapped, own_files, postgres
from analysis.engines.contract import EngineFailure
from analysis.sources import sampling
from analysis.sources.definition import EventTable, ExposureTable, SourceDefinition, SourceKind
from analysis.unit_values import Table

WITHIN_S = 30
KNOWN_WITHIN_S = 10
Roles = Mapping[str, str]
KNOWN = """
SELECT count(*) FROM unnest(%s::text[]) AS asked (unit)
WHERE EXISTS (SELECT FROM {} AS rows WHERE rows.{}::text = asked.unit)
"""


class Tables(Protocol):
    """The tables of a source, as far as a test looks at them."""

    def columns(self, table: str) -> Table:
        """Raises EngineFailure where there is no such table."""

    def first_rows(self, table: str, roles: Roles) -> sampling.Rows:
        """Texts of the first rows by role."""

    def known(self, table: str, column: str, units: Sequence[str]) -> int | None:
        """How many of the units stand in the column; None when that takes too long."""


def probe(source: SourceDefinition, *, address: str, roots: tuple[str, ...]) -> list[dict[str, Any]]:
    """What every table of the source shows. Raises EngineFailure when there is no way in at all."""
    if source.kind is SourceKind.PARQUET:
        return _all_of(source, _Files(own_files.folder_of(source, roots)))
    with postgres.session(address, WITHIN_S) as connection:
        return _all_of(source, _Database(connection))


def _all_of(source: SourceDefinition, tables: Tables) -> list[dict[str, Any]]:
    exposures = source.exposures
    found = [_table(exposures, tables, lambda units: None)]
    is_known = partial(_in_common, tables, exposures) if not found[0]["problems"] else lambda units: None
    return [*found, *(_table(table, tables, is_known) for table in source.events)]


def _table(
    table: ExposureTable | EventTable, tables: Tables, in_common: Callable[[Sequence[str]], str | None]
) -> dict[str, Any]:
    try:
        columns = tables.columns(table.table)
    except EngineFailure as failure:
        return {**sampling.judged(table, {}, (), {}), "problems": [f"{failure}."]}
    types = {name: str(kind) for name, kind in columns.schema().items()}
    wrong = mapped.wrong_columns(table, columns)
    roles = {role: name for role, name in table.columns.items() if name in types}
    rows = tables.first_rows(table.table, roles) if roles else {}
    judged = sampling.judged(table, types, wrong, rows)
    note = in_common(sorted({unit for unit in rows.get("unit", ()) if unit is not None}))
    return {**judged, "notes": [*judged["notes"], note]} if note else judged


def _in_common(tables: Tables, exposures: ExposureTable, units: Sequence[str]) -> str | None:
    known = tables.known(exposures.table, exposures.unit, units) if units else None
    return None if known is None else sampling.in_common(known, len(units))


@dataclass(frozen=True, slots=True)
class _Files:
    folder: Path

    def columns(self, table: str) -> Table:
        return own_files.columns_of(own_files.files_of(self.folder, table), "own")

    def first_rows(self, table: str, roles: Roles) -> sampling.Rows:
        """From the first file that has rows."""
        names = list(dict.fromkeys(roles.values()))
        for path in own_files.files_of(self.folder, table):
            with own_files.readable(path), pq.ParquetFile(path) as file:
                for batch in file.iter_batches(sampling.SAMPLE_ROWS, columns=names):
                    return {role: _texts(batch.column(name).to_pylist()) for role, name in roles.items()}
        return {role: [] for role in roles}

    def known(self, table: str, column: str, units: Sequence[str]) -> int | None:
        wanted, found, until = pa.array(units, pa.string()), set[str](), monotonic() + KNOWN_WITHIN_S
        for path in own_files.files_of(self.folder, table):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=[column]):
                    try:
                        texts = batch.column(0).cast(pa.string())
                    except pa.ArrowException:
                        return None
                    found.update(texts.filter(pc.is_in(texts, value_set=wanted)).to_pylist())
                    if monotonic() > until:
                        return None
        return len(found)


def _texts(values: list[Any]) -> list[str | None]:
    return [None if value is None else str(value) for value in values]


@dataclass(frozen=True, slots=True)
class _Database:
    connection: psycopg.Connection[Any]

    def columns(self, table: str) -> Table:
        return postgres.columns_of(self.connection, table)

    def first_rows(self, table: str, roles: Roles) -> sampling.Rows:
        rows = self.columns(table).limit(sampling.SAMPLE_ROWS)
        named = rows.select(**{role: rows[name].cast("string") for role, name in roles.items()})
        return postgres.answered(self.connection, sql.SQL(postgres.compiled(named)))

    def known(self, table: str, column: str, units: Sequence[str]) -> int | None:
        asked = sql.SQL(KNOWN).format(sql.Identifier(*postgres.place_of(table)), sql.Identifier(column))
        try:
            with self.connection.transaction():
                self.connection.execute(f"SET LOCAL statement_timeout = '{KNOWN_WITHIN_S}s'")
                [(found,)] = self.connection.execute(asked, [list(units)]).fetchall()
        except psycopg.errors.QueryCanceled:
            return None
        return int(found)
