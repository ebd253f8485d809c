"""The whole platform for the tests that need it: web, edge, worker and beat under the real process manager.

It runs once a session, on free loopback ports and a database of its own beside that of the other tests, and
leaves nothing behind. `connected` lets the services of this process work on that database.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from config.embedded.home import CHECKOUT
from tests import template
from tests.apps.embedded.watching import eventually, living_below
from tests.mailbox import Mailbox, free_port

READY_WITHIN_S = 300
REPLAYS_WITHIN_S = 300
GONE_WITHIN_S = 120
SOME_BATCHES = 8


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform: what its programs are told, and where they leave their traces."""

    home: Path
    variables: dict[str, str]
    mailbox: Mailbox

    @property
    def web_url(self) -> str:
        return self.variables["HEADWAY_WEB_URL"]

    @property
    def edge_url(self) -> str:
        return self.variables["HEADWAY_EDGE_URL"]

    @property
    def database_name(self) -> str:
        return urlsplit(self.variables["DATABASE_URL"]).path.lstrip("/")

    def pid(self, program: str) -> int | None:
        """The process id of a program of the manager; None between two starts."""
        try:
            record = json.loads((self.home / "run" / "programs" / f"{program}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return int(record["pid"])

    def log(self, program: str) -> str:
        """What a program said since the start of the platform."""
        return (self.home / "logs" / f"{program}.log").read_text(errors="replace")

    def run(self, *argv: str, within_s: float = 600) -> "subprocess.CompletedProcess[str]":
        """Run a Python module in the platform's environment, as the process manager would."""
        return subprocess.run(
            [sys.executable, "-m", *argv],
            cwd=CHECKOUT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=within_s,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables, "NO_COLOR": "1"}


@contextmanager
def running(name: str = "platform") -> Iterator[Platform]:
    """A platform on a database of this name, from its start to its end."""
    with tempfile.TemporaryDirectory(prefix="headway-platform-") as folder, Mailbox() as mailbox:
        home = Path(folder).resolve()
        database_url = _create_database(f"headway_{name}_{os.getpid()}")
        manager = _start(home, database_url, mailbox)
        try:
            yield _ready(manager, home, mailbox)
        finally:
            _stop(manager)
            remaining = eventually(lambda: not living_below(home), GONE_WITHIN_S) or living_below(home)
            _drop_database(database_url)
        assert remaining is True, f"left running: {remaining}"


@contextmanager
def on_database_of(platform: Platform) -> Iterator[None]:
    """This process's Django works on the platform's database."""
    from django.db import connection

    with pytest.MonkeyPatch.context() as patch:
        connection.close()
        patch.setitem(connection.settings_dict, "NAME", platform.database_name)
        try:
            yield
        finally:
            connection.close()


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    with running() as started:
        yield started


@pytest.fixture
def connected(platform: Platform, django_db_blocker) -> Iterator[Platform]:
    """The platform, with this process's Django on its database; what is written stays for the session."""
    with django_db_blocker.unblock(), on_database_of(platform):
        yield platform


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The demonstration, killed in the middle of its replay and run again to its end."""

    printed: str
    was_interrupted: bool

    @property
    def password(self) -> str:
        found = re.search(r"password (\S+)", self.printed)
        assert found, self.printed
        return found[1]


@pytest.fixture(scope="session")
def demonstration(platform: Platform) -> Demonstration:
    """The demonstration's data on the platform, loaded once a session."""
    was_interrupted = _interrupt_demo(platform)
    done = platform.run("demo")
    if done.returncode:
        pytest.fail(f"the demonstration failed:\n{done.stdout}\n{done.stderr}\n{platform.log('worker')}")
    return Demonstration(done.stdout, was_interrupted)


def _interrupt_demo(platform: Platform) -> bool:
    """Start the demonstration and kill it while the SDK delivers the replay; whether that came in time."""
    before = _sdk_batches(platform)
    with (platform.home / "demo.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo"], cwd=CHECKOUT, env=platform.environment, stdout=log, stderr=log
        )
        eventually(
            lambda: _sdk_batches(platform) >= before + SOME_BATCHES or process.poll() is not None,
            within_s=REPLAYS_WITHIN_S,
        )
        process.kill()
        return process.wait() == -signal.SIGKILL


def _sdk_batches(platform: Platform) -> int:
    """How many batches SDKs have sent; those that were filed count as well."""
    counted = "SELECT count(*) FROM events_inboxbatch WHERE sdk LIKE 'headway-python%'"
    with psycopg.connect(platform.variables["DATABASE_URL"]) as server:
        row = server.execute(counted).fetchone()
    return int(row[0]) if row else 0


def _start(home: Path, database_url: str, mailbox: Mailbox) -> "subprocess.Popen[str]":
    variables = {
        "HEADWAY_HOME": str(home),
        # The usual ports may be somebody's: another run of the tests, or Headway itself. The manager claims
        # these; this process must not.
        "HEADWAY_WEB_PORT": str(free_port()),
        "HEADWAY_EDGE_PORT": str(free_port()),
        "HEADWAY_EVENT_STORE": (home / "events").as_uri(),
        "DATABASE_URL": database_url,
        "HEADWAY_MAIL_URL": mailbox.url,
        # Receivers of the tests listen on this machine.
        "HEADWAY_OUTBOUND_ALLOW": "127.0.0.1/32",
    }
    with (home / "manager.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "config.embedded", "serve"],
            cwd=CHECKOUT,
            env={**os.environ, **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _ready(manager: "subprocess.Popen[str]", home: Path, mailbox: Mailbox) -> Platform:
    eventually(lambda: _published(home) or manager.poll() is not None, within_s=READY_WITHIN_S)
    variables = _published(home)
    if variables is None:
        pytest.fail(f"the platform did not start:\n{(home / 'manager.log').read_text()}")
    return Platform(home, variables, mailbox)


def _published(home: Path) -> dict[str, str] | None:
    """The variables of the programs once all of them stand in the file."""
    try:
        variables: dict[str, str] = json.loads((home / "run" / "environment.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return variables


def _stop(manager: "subprocess.Popen[str]") -> None:
    manager.send_signal(signal.SIGTERM)
    try:
        manager.wait(GONE_WITHIN_S)
    except subprocess.TimeoutExpired:
        manager.kill()
        manager.wait()


def _create_database(name: str) -> str:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template.name() or "template1"}"')
    return _at_path(os.environ["DATABASE_URL"], name)


def _drop_database(url: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'DROP DATABASE "{urlsplit(url).path.lstrip("/")}" WITH (FORCE)')


def _at_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
