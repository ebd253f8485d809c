"""The embedded PostgreSQL: one cluster in `pgdata`, one role and one database, both named headway."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.embedded import CannotStart
from config.embedded.account import MINIMAL_PATH
from config.embedded.binaries import Binaries
from config.embedded.daemon import Recipe
from config.embedded.home import Home
from config.embedded.ports import LOOPBACK
from config.embedded.processes import Command

NAME = "headway"
ENVIRONMENT = {"PATH": MINIMAL_PATH, "LC_ALL": "C", "TZ": "UTC"}
# Data that nobody will miss need not survive a power cut.
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def url(port: int, password: str, database: str = NAME) -> str:
    """The address of a database of the cluster."""
    return f"postgresql://{NAME}:{quote(password, safe='')}@{LOOPBACK}:{port}/{database}"


def recipe(home: Home, binaries: Binaries, password: str, *, throwaway: bool) -> Recipe:
    """How to run the cluster; creates it when there is none. Raises CannotStart."""
    folder = home.data / "pgdata"
    if not folder.exists():
        _create(home, binaries, password, throwaway=throwaway)
    _check_version(folder, binaries)
    settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", *(FORGETFUL if throwaway else ()))

    def command(port: int) -> Command:
        switches = [part for setting in settings for part in ("-c", setting)]
        argv = (str(binaries.postgres), "-D", str(folder), "-p", str(port), *switches)
        # SIGINT is PostgreSQL's fast shutdown: sessions are cut, data is written out.
        return Command(argv=argv, env=ENVIRONMENT, cwd=folder, account=home.account, parting=signal.SIGINT)

    return Recipe(
        name="postgres",
        command=command,
        answers=lambda port: _has_database(port, password),
        configuration=lambda port: b"",
        # Under our lock a leftover is stale, and its process id may be somebody else's by now, which would
        # stop PostgreSQL. It checks for living relatives through shared memory as well.
        clear_leftovers=lambda: (folder / "postmaster.pid").unlink(missing_ok=True),
        ready_within_s=300,  # replaying a long log after a crash
        stops_within_s=30,
    )


def _create(home: Home, binaries: Binaries, password: str, *, throwaway: bool) -> None:
    """Make the cluster beside its place, then rename: one cut short is never taken for a whole one."""
    shutil.rmtree(home.data / "pgdata.half", ignore_errors=True)
    half = home.server_folder("pgdata.half")
    secret = home.server_folder("initdb") / "password"
    secret.touch(mode=0o600)
    try:
        secret.write_text(password, encoding="ascii")
        if home.account:
            os.chown(secret, home.account.uid, home.account.gid)
        _initdb(home, binaries, half, secret, throwaway=throwaway)
    finally:
        shutil.rmtree(secret.parent)
    half.rename(home.data / "pgdata")


def _initdb(home: Home, binaries: Binaries, folder: Path, secret: Path, *, throwaway: bool) -> None:
    argv = [
        str(binaries.initdb),
        "-D",
        str(folder),
        "-U",
        NAME,
        "--pwfile",
        str(secret),
        "-A",
        "scram-sha-256",
    ]
    # The built-in provider sorts the same on every system, whatever locales it has.
    argv += [
        "-E",
        "UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    ]
    account = home.account
    done = subprocess.run(
        [*argv, *(["--no-sync"] if throwaway else [])],
        env=ENVIRONMENT,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode != 0:
        raise CannotStart(
            f"PostgreSQL could not create its data folder in {home.data}:\n{done.stdout.strip()}"
        )


def _check_version(folder: Path, binaries: Binaries) -> None:
    made_by = (folder / "PG_VERSION").read_text(encoding="ascii").strip()
    # The first line of the catalogue's source names the major version: "# PostgreSQL 18".
    with (binaries.postgres.parents[1] / "share" / "postgres.bki").open(encoding="utf-8") as catalogue:
        installed = catalogue.readline().split()[-1]
    if installed != made_by:
        raise CannotStart(
            f"{folder} was made by PostgreSQL {made_by}, and {installed} is installed. Install the older "
            "wheel, dump the database with its pg_dump and load it into a new one, or delete all embedded "
            "data with `make clean-data`."
        )


def _has_database(port: int, password: str) -> bool:
    """Whether the server answers; makes Headway's database on the way, which initdb does not."""
    try:
        with psycopg.connect(url(port, password, "postgres"), connect_timeout=2, autocommit=True) as session:
            if not session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                session.execute(f"CREATE DATABASE {NAME}")
    except psycopg.OperationalError as problem:
        if problem.sqlstate == "28P01" or "password authentication failed" in str(problem):
            raise CannotStart(
                "The embedded PostgreSQL does not accept the password in secrets.json. Restore the "
                "secrets.json that belongs to this data, or delete all embedded data with `make clean-data`."
            ) from None
        return False
    return True
