"""A schema with a company's tables in the tests' PostgreSQL, seen through a connection of its own."""

from contextlib import contextmanager

import psycopg
from django.db import connection
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.core.analysis import own_tables

TABLES = {
    "assignments": {
        "customer": "text",
        "test_name": "varchar(60)",
        "test group": "text",
        "assigned_at": "timestamp",
        "platform": "text",
    },
    "orders": {"buyer": "text", "amount": "double precision", "paid_at": "timestamptz"},
    "requests": {
        "customer": "text",
        "what": "text",
        "ms": "double precision",
        "at": "timestamptz",
        "state": "text",
    },
}


def address(**changes):
    """Of the tests' database, as a person would write it."""
    parts = connection.get_connection_params()
    named = {name: parts[name] for name in ("dbname", "user", "password", "host", "port") if name in parts}
    return make_conninfo(**{**named, **changes})


@contextmanager
def built(tables, *, schema="shop"):
    """The tables, committed; gone afterwards."""
    with psycopg.connect(address(), autocommit=True) as owner:
        name = sql.Identifier(schema)
        owner.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
        owner.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        for table, columns in TABLES.items():
            _make(owner, sql.Identifier(schema, table), columns, tables[table])
        try:
            yield own_tables.source("postgres", prefix=f"{schema}.", connection="HEADWAY_SOURCE_SHOP")
        finally:
            owner.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(name))


def _make(owner, place, columns, rows):
    listed = [sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in columns.items()]
    owner.execute(sql.SQL("CREATE TABLE {} ({})").format(place, sql.SQL(", ").join(listed)))
    with owner.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(place)) as copy:
        for row in rows:
            copy.write_row([row[name] for name in columns])
