"""Loopback ports: chosen once, remembered, chosen anew when somebody else took them."""

import fcntl
import json
import os
import socket
import tempfile
from io import TextIOWrapper
from pathlib import Path

from config.embedded import CannotStart

LOOPBACK = "127.0.0.1"
HIGHEST = 65_535


def is_free(port: int) -> bool:
    """Whether a server could listen there. Connections still closing do not count as taken."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((LOOPBACK, port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


_claims: dict[int, TextIOWrapper] = {}
"""Locks this process holds for as long as it lives."""


def claim(port: int) -> bool:
    """Whether the port is this process's to use: set-ups that start together must not choose the same.

    Between choosing a port and listening on it a server needs seconds, in which the port looks free.
    """
    if port in _claims:
        return True
    path = Path(tempfile.gettempdir()) / f"headway-{os.getuid()}-port-{port}.lock"
    lock = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return False
    _claims[port] = lock
    return True


def _is_usable(port: int) -> bool:
    return is_free(port) and claim(port)


class Ports:
    """The ports of one set-up, kept in a file by name."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = _read(file)

    def choose(self, name: str, *, preferred: int | None = None) -> int:
        """The preferred port if it is free, else the remembered one, else any free one."""
        wanted = (preferred, self._known.get(name))
        others = {port for other, port in self._known.items() if other != name}
        port = next((port for port in wanted if port and port not in others and _is_usable(port)), None)
        self._known[name] = port or _any_free(others)
        self._file.write_text(json.dumps(self._known), encoding="utf-8")
        return self._known[name]


def _read(file: Path) -> dict[str, int]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): int(port) for name, port in known.items()}
    except (
        OSError,
        ValueError,
        AttributeError,
        TypeError,
    ):  # absent or damaged: ports are cheap to choose anew
        return {}


def _any_free(avoid: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in avoid and claim(port):
            return port


def demanded(variable: str) -> int | None:
    """The port an environment variable asks for. Raises CannotStart when it is no port or is taken."""
    text = os.environ.get(variable, "")
    if not text:
        return None
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < port <= HIGHEST:
        raise CannotStart(
            f"{variable} is {text!r}; it must be a port from 1 to {HIGHEST}, for example {variable}=8000."
        )
    if not _is_usable(port):
        raise CannotStart(
            f"{variable} asks for port {port}, which another program uses. Stop that program, choose another "
            f"port, or unset {variable} and Headway takes a free one."
        )
    return port
