"""Emptying the test database fast, after each test that commits for real.

Django truncates every table and then writes its permissions anew, which costs a third of a second of a
processor a test: most tables are empty, and a truncated one gets new files all the same.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

KEPT = {"django_content_type", "auth_permission"}
"""What migrating writes and no test touches."""


@pytest.fixture(scope="session", autouse=True)
def emptied_fast() -> Iterator[None]:
    """Tests that commit for real end with `empty`, where the database lets us."""
    from django.db import connection
    from django.test import TransactionTestCase

    thorough = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def teardown(case: TransactionTestCase) -> None:
        if _is_superuser(connection):
            empty(connection)
        else:
            thorough(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


def empty(connection: "BaseDatabaseWrapper") -> None:
    """Delete all rows, past triggers and foreign keys, once no other session is in the middle of writing."""
    from django.db import transaction

    tables = sorted(set(connection.introspection.django_table_names(only_existing=True)) - KEPT)
    quoted = [connection.ops.quote_name(table) for table in tables]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(quoted)} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(f"SELECT {', '.join(f'EXISTS (SELECT FROM {each})' for each in quoted)}")
        filled = [each for each, has_rows in zip(quoted, cursor.fetchone(), strict=True) if has_rows]
        cursor.execute("SET LOCAL session_replication_role = replica")
        for each in filled:
            cursor.execute(f"DELETE FROM {each}")


def _is_superuser(connection: "BaseDatabaseWrapper") -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser') = 'on'")
        return bool(cursor.fetchone()[0])
