"""Posting one message to a checked target: no redirects, five seconds, at most 64 kB of the answer."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from governance.outbound.addresses import Target

TIMEOUT_S = 5.0
MOST_READ = 64 * 1024
KEPT = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the HTTP status, 0 when there was none, and what was said or went wrong."""

    status: int
    detail: str

    @property
    def is_delivered(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_final(self) -> bool:
        """The receiver will not take this message, however often it is sent."""
        return 300 <= self.status < 500 and self.status not in (408, 409, 425, 429)


class _Pinned(http.client.HTTPConnection):
    """Connects to the checked address, whatever the name says by now."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT_S)
        self._target = target

    def connect(self) -> None:
        sock = socket.create_connection((self._target.address, self._target.port), TIMEOUT_S)
        if self._target.scheme == "https":
            context = ssl.create_default_context()
            sock = context.wrap_socket(sock, server_hostname=self._target.host)
        self.sock = sock


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """Send the body. Never raises for what the other side does."""
    connection = _Pinned(target)
    try:
        connection.request("POST", target.path, body, {"Host": _host(target), **headers})
        answer = connection.getresponse()
        said = answer.read(MOST_READ)[:KEPT].decode("utf-8", "replace").replace("\0", "")
        return Outcome(answer.status, said.strip())
    except (OSError, http.client.HTTPException) as failure:
        return Outcome(0, f"{type(failure).__name__}: {failure}"[:KEPT])
    finally:
        connection.close()


def _host(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"http": 80, "https": 443}[target.scheme]
    return host if target.port == usual else f"{host}:{target.port}"
