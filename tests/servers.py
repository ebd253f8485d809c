"""Pytest plugin: real PostgreSQL and Redis for the whole run, unless DATABASE_URL and REDIS_URL name some.

Loaded by `-p tests.servers`, before anything imports the settings. Under xdist the controlling process
starts the servers and its workers inherit the addresses.
"""

import atexit
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from tests import template

REDIS_DATABASES = 16
"""As many as Redis has unless it is told otherwise."""


def _start() -> None:
    from config.embedded import servers

    folder = Path(tempfile.mkdtemp(prefix="headway-tests-"))
    running = servers.start(folder, throwaway=True)
    atexit.register(running.stop)
    # Without this a terminated run leaves without a word to `atexit`, and its data stays behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    os.environ["DATABASE_URL"] = running.database_url
    os.environ["REDIS_URL"] = running.redis_url
    os.environ.setdefault("HEADWAY_SECRET_KEY", secrets.token_urlsafe(64))
    if _has_workers():
        atexit.register(template.begin())


def _has_workers() -> bool:
    """Whether this process hands the tests out."""
    return any(word.startswith(("-n", "--numprocesses")) for word in sys.argv[1:])


def _of_worker(redis_url: str, worker: str) -> str:
    """The address of the worker's own database: flows flush theirs, and messages name rows by number."""
    number = 1 + int(worker.removeprefix("gw")) % (REDIS_DATABASES - 1)
    return urlsplit(redis_url)._replace(path=f"/{number}").geturl()


# The processes of a run import the same files: where no bytecode is kept, each compiles them anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
if "DATABASE_URL" not in os.environ or "REDIS_URL" not in os.environ:
    _start()
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["REDIS_URL"] = _of_worker(os.environ["REDIS_URL"], os.environ["PYTEST_XDIST_WORKER"])
os.environ.setdefault("HEADWAY_SECRET_KEY", secrets.token_urlsafe(64))
# Databases are one for each xdist worker, and so are the files that their rows name.
if "HEADWAY_EVENT_STORE" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
    _store = tempfile.TemporaryDirectory(prefix="headway-store-")
    os.environ["HEADWAY_EVENT_STORE"] = Path(_store.name).as_uri()
