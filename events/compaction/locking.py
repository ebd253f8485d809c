"""One writer an environment: compaction compares new ids with all earlier ones, so two at once could both let
the same event in; and two merges of one folder would double its rows.
"""

import zlib

from django.db import connection

WRITERS = 0x4845_4557


def lock(environment: str, *, wait: bool) -> bool:
    """Hold the environment until the transaction ends; False when somebody else does and `wait` is not set.

    Raises what PostgreSQL raises outside of a transaction's limits (a statement time-out, say).
    """
    names = [WRITERS, zlib.crc32(environment.encode()) - 2**31]
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", names)
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", names)
        return bool(cursor.fetchone()[0])
