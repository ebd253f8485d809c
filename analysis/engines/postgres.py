"""A company's own PostgreSQL as event source: the plan runs there, and only small results leave it.

Every statement that reads the company's tables runs in a read-only transaction with a time limit. What has to
be kept between statements goes into temporary tables of the session, which are made empty before; on a
standby, where there are none, it is computed again in each statement. Only worker processes import this
module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

import ibis
import ibis.expr.datatypes as dt
import psycopg
from ibis.backends.sql.compilers.postgres import PostgresCompiler
from psycopg import sql
from sqlglot import exp

from analysis.engines import mapped, reading
from analysis.engines.aggregates import Rows
from analysis.engines.asking_source import AskingSource
from analysis.engines.contract import EngineFailure
from analysis.engines.mapped import Dialect
from analysis.plan import AnalysisPlan
from analysis.sources.definition import SourceDefinition
from analysis.unit_values import Table, Value

T = TypeVar("T")

CONNECT_WITHIN_S = 10
STATEMENT_WITHIN_S = 600
LOCK_WITHIN_S = 5
IS_STANDBY = "SELECT pg_is_in_recovery()"
SETTINGS = {
    "TimeZone": "UTC",
    "search_path": "pg_catalog",
    "client_min_messages": "error",
    "lock_timeout": f"{LOCK_WITHIN_S}s",
    "idle_in_transaction_session_timeout": "60s",
}
TYPES = {
    "smallint": "int16",
    "integer": "int32",
    "bigint": "int64",
    "real": "float32",
    "double precision": "float64",
    "numeric": "decimal",
    "boolean": "boolean",
    "text": "string",
    "character varying": "string",
    "character": "string",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamp('UTC')",
}
MAP = dt.Map(dt.string, dt.string)
OTHER = "uuid"
"""Any other type may name units, arms and dims: as a uuid to Ibis, it is cast to text."""


@dataclass(frozen=True, slots=True)
class PostgresEngine(AskingSource):
    """The plan over a source of kind postgres at `address`; the store's files are not looked at."""

    source: SourceDefinition
    address: str
    statement_within_s: int = STATEMENT_WITHIN_S
    name: str = "postgres"

    @contextmanager
    def _opened(self, plan: AnalysisPlan) -> Iterator[_Backend]:
        with session(self.address, self.statement_within_s) as connection:
            tables = {table.table: columns_of(connection, table.table) for table in self.source.tables}
            check(self.source, tables)
            views = {
                "exposures": mapped.exposures(self.source, tables, plan, POSTGRES),
                "events": mapped.events(self.source, tables, plan, POSTGRES),
            }
            named = {name: compiled(rows) for name, rows in views.items()}
            try:
                yield _Backend(_Session(connection, named))
            except psycopg.errors.NumericValueOutOfRange:
                raise reading.unusable(plan.all_events) from None


@contextmanager
def session(address: str, statement_within_s: int) -> Iterator[psycopg.Connection[Any]]:
    """A connection that can only read. Failures name the database's own words, never the address."""
    try:
        with psycopg.connect(
            address, autocommit=True, connect_timeout=CONNECT_WITHIN_S, application_name="headway"
        ) as connection:
            for name, value in {**SETTINGS, "statement_timeout": f"{statement_within_s}s"}.items():
                connection.execute("SELECT set_config(%s, %s, false)", [name, value])
            connection.execute("SET default_transaction_read_only = on")
            yield connection
    except psycopg.Error as failure:
        raise EngineFailure(f"PostgreSQL could not answer: {_words(failure)}") from None


COLUMNS = """
SELECT a.attname, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, NULL)
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attnum
"""
"""From the catalogue, because the information schema knows no materialised views; domains as what they are
made of."""
TABLES = """
SELECT n.nspname || '.' || c.relname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND has_any_column_privilege(c.oid, 'SELECT')
"""


def columns_of(connection: psycopg.Connection[Any], table: str) -> Table:
    """The table with its columns as Ibis types. Raises EngineFailure when this user sees no such table."""
    schema, name = place_of(table)
    found = connection.execute(COLUMNS, [schema, name]).fetchall()
    if not found:
        known = [place for (place,) in connection.execute(TABLES)]
        near = mapped.nearest(f"{schema}.{name}", known)
        raise EngineFailure(f"there is no table {table} that this database user may read{near}")
    types = {column: TYPES.get(kind, OTHER) for column, kind in found}
    return ibis.table(ibis.schema(types), name=name, database=schema)


def answered(connection: psycopg.Connection[Any], statement: sql.SQL | sql.Composed) -> Rows:
    """The rows of a compiled statement, by column."""
    found = connection.execute(statement)
    names = [column.name for column in found.description or ()]
    listed = found.fetchall()
    return {name: [row[index] for row in listed] for index, name in enumerate(names)}


def place_of(table: str) -> tuple[str, str]:
    """Schema and name of a table."""
    schema, dot, name = table.partition(".")
    return (schema, name) if dot else ("public", schema)


def check(source: SourceDefinition, tables: Mapping[str, Table]) -> None:
    """Raise EngineFailure when a mapped column is missing or of a wrong type."""
    for table in source.tables:
        for role, column, reason in mapped.wrong_columns(table, tables[table.table]):
            raise EngineFailure(f'source "{source.key}", {table.table}: {role} = {column!r}: {reason}')


def compiled(expression: Table) -> str:
    """The expression in PostgreSQL's words.

    Ibis writes maps as JSON: it turns a map that is only handed on into text, and asks whether a key is there
    by a function that compares documents.
    """
    tree: Any = PostgresCompiler().to_sqlglot(expression)
    return str(tree.transform(_meant).sql(dialect="postgres"))


def _meant(node: Any) -> Any:
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Column) and node.this.name == "dims":
        return node.this
    if isinstance(node, exp.JSONBContains):
        return exp.Anonymous(this="jsonb_exists", expressions=[node.this, node.expression])
    return node


class _Session:
    """The one partition. `views` are the mapped tables, put before each statement that names them."""

    def __init__(self, connection: psycopg.Connection[Any], views: Mapping[str, str]) -> None:
        self._connection = connection
        self._views = dict(views)
        self._kept: dict[str, str] = {}
        [(self._is_standby,)] = connection.execute(IS_STANDBY).fetchall()

    def keep(self, name: str, statement: str) -> None:
        whole = self._with_views(statement)
        if self._is_standby:
            self._kept[name] = statement
            return
        kept = sql.Identifier("pg_temp", name)
        with self._connection.transaction():
            self._connection.execute("SET TRANSACTION READ WRITE")
            # Without data: the rows are read below, where nothing can be written but this table.
            make = sql.SQL("CREATE TEMPORARY TABLE {} AS {} WITH NO DATA")
            self._connection.execute(make.format(sql.Identifier(name), whole))
        self._connection.execute(sql.SQL("INSERT INTO {} {}").format(kept, whole))
        with self._connection.transaction():
            self._connection.execute("SET TRANSACTION READ WRITE")
            self._connection.execute(sql.SQL("ANALYZE {}").format(kept))

    def drop(self, name: str) -> None:
        """The session's tables go with it: there is one partition, whose tables are asked together."""

    def rows(self, statement: str) -> Rows:
        return answered(self._connection, self._with_views(statement))

    def _with_views(self, statement: str) -> sql.Composed:
        """The statement with the mapped tables, and on a standby the kept ones, as its common tables."""
        tables = {**self._views, **self._kept}.items()
        named = [sql.SQL("{} AS ({})").format(sql.Identifier(name), sql.SQL(body)) for name, body in tables]
        whole = sql.SQL("WITH {} SELECT * FROM ({}) AS answer")
        return whole.format(sql.SQL(", ").join(named), sql.SQL(statement))


@dataclass(frozen=True, slots=True)
class _Backend:
    session: _Session

    @property
    def partitions(self) -> Sequence[_Session]:
        return (self.session,)

    def total(self, value: Any) -> Any:
        return value.sum()

    def compile(self, expression: Table) -> str:
        return compiled(expression)

    def each(self, work: Callable[[_Session], T]) -> list[T]:
        return [work(self.session)]


def _unit(value: Value) -> Value:
    """64 bits of a hash of the text, quicker to join than text."""
    return value.cast("string").hash()


def _dims(pairs: Mapping[str, Value]) -> Value:
    objects = [_json_object(ibis.literal(name), column) for name, column in pairs.items()]
    return reduce(_json_both, objects) if objects else _json_nothing()


@ibis.udf.scalar.builtin(name="jsonb_build_object", signature=((dt.string, dt.string), MAP))  # type: ignore[untyped-decorator]
def _json_object(name: str, value: str) -> Any:
    """One name and its text."""


@ibis.udf.scalar.builtin(name="jsonb_build_object", signature=((), MAP))  # type: ignore[untyped-decorator]
def _json_nothing() -> Any:
    """No names."""


@ibis.udf.scalar.builtin(name="jsonb_concat", signature=((MAP, MAP), MAP))  # type: ignore[untyped-decorator]
def _json_both(first: Any, second: Any) -> Any:
    """The names of both."""


POSTGRES = Dialect(_unit, _dims)


def _words(failure: psycopg.Error) -> str:
    """What the server said. An address that cannot be read is not repeated: it may hold a password."""
    if failure.diag.message_primary:
        return failure.diag.message_primary
    if not isinstance(failure, psycopg.OperationalError):
        return "its address is none; write postgresql://user:password@host:5432/database"
    return str(failure).partition("\n")[0]
