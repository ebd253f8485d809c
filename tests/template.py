"""One migrated database that the others of a run are copied from: to migrate takes ten seconds, to copy one.

It is made while tests are collected, where workers share them; each worker and the platform would migrate a
database of their own otherwise.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg

VARIABLE = "HEADWAY_TESTS_TEMPLATE"
NAME = "headway_template"
ROOT = Path(__file__).resolve().parents[1]
MADE_WITHIN_S = 300.0
FINISHED = "SELECT datistemplate FROM pg_database WHERE datname = %s"
FINISH: LiteralString = "ALTER DATABASE headway_template IS_TEMPLATE true"
GIVE_UP: LiteralString = "DROP DATABASE headway_template WITH (FORCE)"


def begin() -> Callable[[], None]:
    """Start to make it on the servers that the environment names; what is returned ends that."""
    _execute("CREATE DATABASE headway_template")
    os.environ[VARIABLE] = NAME
    making = subprocess.Popen([sys.executable, "-m", "tests.template"], cwd=ROOT)

    def end() -> None:
        making.kill()
        making.wait()

    return end


def name() -> str | None:
    """The database to copy, once it is complete; None where none is made, or making it failed."""
    found, deadline = os.environ.get(VARIABLE), time.monotonic() + MADE_WITHIN_S
    while found and time.monotonic() < deadline:
        is_finished = _is_finished(found)
        if is_finished is not False:
            return found if is_finished else None
        time.sleep(0.1)
    return None


def _is_finished(found: str) -> bool | None:
    """None when it is not there."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        row = server.execute(FINISHED, [found]).fetchone()
    return None if row is None else bool(row[0])


def _execute(statement: LiteralString) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(statement)


def _make() -> None:
    """Migrate, leave, and only then say that it is finished: a database is copied while nobody is in it."""
    import django
    from django.core.management import call_command
    from django.db import connections

    servers, is_migrated = os.environ["DATABASE_URL"], False
    os.environ["DATABASE_URL"] = urlsplit(servers)._replace(path=f"/{NAME}").geturl()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        is_migrated = True
    finally:
        connections.close_all()
        os.environ["DATABASE_URL"] = servers
        _execute(FINISH if is_migrated else GIVE_UP)


if __name__ == "__main__":
    _make()
