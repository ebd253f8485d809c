"""PostgreSQL and Valkey together: what tests and the process manager start.

with servers.start(Path(".headway")) as running:
    running.database_url, running.redis_url
"""

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from config.embedded import CannotStart, binaries, postgres, processes, secrets_file, valkey
from config.embedded.daemon import Daemon
from config.embedded.home import Home, locked, open_home
from config.embedded.ports import Ports
from config.embedded.secrets_file import Secrets

LOCK = "servers.lock"
SWEEP_PATIENCE_S = 30
REVIVE_PAUSE_S = 2


class Servers:
    """Two running servers. `stop` leaves no process behind and may be called twice."""

    def __init__(
        self, home: Home, secrets: Secrets, daemons: tuple[Daemon, Daemon], cleanup: ExitStack
    ) -> None:
        self.home = home
        self.secrets = secrets
        self._postgres, self._valkey = daemons
        self._cleanup = cleanup
        self._next_revival = 0.0

    @property
    def database_url(self) -> str:
        return postgres.url(self._postgres.port, self.secrets.postgres)

    @property
    def redis_url(self) -> str:
        return valkey.url(self._valkey.port, self.secrets.valkey)

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by server name."""
        daemons = (self._postgres, self._valkey)
        return {daemon.recipe.name: daemon.pid for daemon in daemons if daemon.pid is not None}

    def revive(self) -> list[str]:
        """Start again what died, on the same port, at most every two seconds; returns the names."""
        if time.monotonic() < self._next_revival:
            return []
        self._next_revival = time.monotonic() + REVIVE_PAUSE_S
        return [daemon.recipe.name for daemon in (self._postgres, self._valkey) if daemon.revive()]

    def stop(self) -> None:
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(path: Path, *, throwaway: bool = False, say: Callable[[str], None] = lambda line: None) -> Servers:
    """Start both servers with their data below `path`, resuming what is there.

    `throwaway` trades durability for speed and deletes the data on stop; `path` must then be new or empty.
    Call from the main thread: the servers end with the thread that started them. Raises CannotStart when
    another process runs the same folder or a server does not start.
    """
    path = path.resolve()
    if throwaway and path.exists() and any(path.iterdir()):
        raise CannotStart(
            f"{path} holds files, and throwaway data is deleted in the end. Name a new or empty folder."
        )
    with ExitStack() as cleanup:
        home = open_home(path, throwaway=throwaway)
        cleanup.enter_context(locked(home.run / LOCK, what="Headway"))
        if throwaway:
            cleanup.callback(home.erase)
        _sweep(home, say)
        secrets = secrets_file.load(home.data)
        daemons = _start_both(home, secrets, cleanup, throwaway=throwaway, say=say)
        return Servers(home, secrets, daemons, cleanup.pop_all())


def _sweep(home: Home, say: Callable[[str], None]) -> None:
    for name in processes.sweep(home.run / "servers", patience_s=SWEEP_PATIENCE_S):
        say(f"stopped the {name} that an earlier start had left running")


def _start_both(
    home: Home, secrets: Secrets, cleanup: ExitStack, *, throwaway: bool, say: Callable[[str], None]
) -> tuple[Daemon, Daemon]:
    if home.is_outside:
        say(
            f"PostgreSQL runs as {home.account and home.account.name}, who cannot enter {home.root}: "
            f"its data is in {home.data}"
        )
    programs = binaries.reachable(binaries.find(), home.account, home.data)
    ports = Ports(home.run / "ports.json")
    database = Daemon(postgres.recipe(home, programs, secrets.postgres, throwaway=throwaway), home, ports)
    broker = Daemon(valkey.recipe(home, programs, secrets.valkey, throwaway=throwaway), home, ports)
    for daemon in (database, broker):
        cleanup.callback(daemon.stop)
        daemon.start()
    return database, broker


def erase(path: Path) -> None:
    """Delete a set-up with all its data. Raises CannotStart while it runs."""
    if not path.exists():
        return
    home = open_home(path.resolve())
    with locked(home.run / LOCK, what="Headway"):
        _sweep(home, lambda line: None)
        shutil.rmtree(home.data, ignore_errors=True)
    home.erase()
