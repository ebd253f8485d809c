"""The embedded Redis-compatible server: Valkey with an append-only file synced every second."""

import redis

from config.embedded.account import MINIMAL_PATH
from config.embedded.binaries import Binaries
from config.embedded.daemon import Recipe
from config.embedded.home import Home
from config.embedded.ports import LOOPBACK
from config.embedded.processes import Command


def url(port: int, password: str) -> str:
    """The address of database 0."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def recipe(home: Home, binaries: Binaries, password: str, *, throwaway: bool) -> Recipe:
    """How to run the server. Its configuration goes through standard input: `ps` shows no password."""
    folder = home.server_folder("valkey")

    def command(port: int) -> Command:
        argv = (str(binaries.valkey), "-")
        return Command(argv=argv, env={"PATH": MINIMAL_PATH}, cwd=folder, account=home.account)

    return Recipe(
        name="valkey",
        command=command,
        answers=lambda port: _answers(port, password),
        configuration=lambda port: _configuration(port, password, keep=not throwaway),
        clear_leftovers=lambda: None,
        ready_within_s=60,
        stops_within_s=10,
    )


def _configuration(port: int, password: str, *, keep: bool) -> bytes:
    lines = (
        f"bind {LOOPBACK}",
        f"port {port}",
        f"requirepass {password}",
        f"appendonly {'yes' if keep else 'no'}",
        "appendfsync everysec",
        'save ""',
        # An evicted message is a lost message: refuse writes when memory is short.
        "maxmemory-policy noeviction",
        "daemonize no",
    )
    return "\n".join(lines).encode() + b"\n"


def _answers(port: int, password: str) -> bool:
    try:
        with redis.Redis.from_url(url(port, password), socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:  # not listening yet, or still loading its file
        return False
