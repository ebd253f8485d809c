"""Following the server's stream of changes, on top of polling: whatever happens here, polls go on.

A change arrives as the flags that changed, or as the ETag of a document to fetch. Nothing here raises into
the host, and the host waits for nothing here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Optional

from headway.backoff import Backoff, spread
from headway.configuring import Configuration
from headway.transport import Line, Open, Unreachable

if TYPE_CHECKING:
    import socket

PATH = "/sdk/v1/stream"
QUIET_S = 45.0
"""The server says every 15 seconds that it is there."""
MAX_EVENT = 1_000_000
_KIND = "refetchEvaluation"
_ENDED_S = 3.0
_SELDOM_S = 300.0
_LASTED_S = 60.0
_KEY_LOOKED_AT_S = 5.0
_NOT_FOR_US = frozenset({401, 403, 404, 405, 410, 501})
"""The key may not listen, or the server has no streams; polls deal with a key that is refused."""


class Events:
    """Server-sent events out of bytes as they come. Raises Unreachable for one that is too large."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, content: bytes) -> Iterator[bytes]:
        """The data of each event that is complete now; comments, names and other fields are left out."""
        lines = (self._rest + content).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            line = line.rstrip(b"\r")
            if not line:
                if self._data:
                    yield b"\n".join(self._data)
                self._data = []
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
        if len(self._rest) + sum(map(len, self._data)) > MAX_EVENT:
            raise Unreachable(f"an event is larger than {MAX_EVENT:,} bytes")


class Follower:
    """One step is one connection, from its opening to its end. `poll` wakes the polls."""

    def __init__(self, line: Line, configuration: Configuration, poll: Callable[[], None]) -> None:
        self._transport, self._keys, self._counters, self._voice = line
        self._configuration = configuration
        self._poll = poll
        self._socket: Optional[socket.socket] = None
        self._is_stopping = False
        self._backoff = Backoff()

    def start_again(self) -> None:
        """In a forked child: the connection is the parent's, our copy of it is let go of."""
        inherited, self._socket = self._socket, None
        self._backoff = Backoff()
        if inherited is not None:
            with suppress(OSError, ValueError):
                os.close(inherited.detach())

    def stop(self) -> None:
        """Wake whoever reads; nothing is followed any more."""
        self._is_stopping = True
        open_socket = self._socket
        if open_socket is not None:
            import socket  # loaded long ago by whoever opened it

            with suppress(OSError, ValueError):
                open_socket.shutdown(socket.SHUT_RDWR)

    def step(self) -> float | None:
        """Follow until the stream ends; the seconds until the next try."""
        key = self._keys.usable()
        if key is None or self._is_stopping:
            return _KEY_LOOKED_AT_S
        began = time.monotonic()
        try:
            wait_s = self._follow(key)
        except Unreachable as error:
            wait_s = self._failed(str(error), time.monotonic() - began)
        finally:
            self._socket = None
        return wait_s

    def _follow(self, key: str) -> float:
        with self._transport.open(PATH, key, self._headers(), QUIET_S) as opened:
            if opened.status in _NOT_FOR_US:
                return spread(_SELDOM_S, 0.5)
            if opened.status != 200 or not opened.is_events:
                raise Unreachable(f"the stream answered {opened.status}, {opened.media or 'no type'}")
            self._socket = opened.socket
            self._counters.add("streams")
            self._read(opened)
        self._backoff.reset()
        return spread(_ENDED_S, 0.8)

    def _headers(self) -> dict[str, str]:
        known = self._configuration.source.etag.strip('"')
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity", "Cache-Control": "no-store"}
        is_sendable = known != "" and known.isascii() and known.isprintable()
        return {**headers, "Last-Event-ID": known} if is_sendable else headers

    def _read(self, opened: Open) -> None:
        events = Events()
        while not self._is_stopping:
            content = opened.read()
            if not content:
                return
            for data in events.feed(content):
                self._take(data)

    def _take(self, data: bytes) -> None:
        """Use a change, or have it fetched. Raises Unreachable for what no server of ours says."""
        try:
            told = json.loads(data)
            kind, etag, version = told["type"], told["etag"], told["version"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._poll()
            raise Unreachable(f"an event cannot be read ({type(error).__name__})") from error
        if kind != _KIND or etag == self._configuration.source.etag:
            return
        if not self._configuration.take_changes(data, told, version, etag):
            self._configuration.expect(etag)
            self._poll()

    def _failed(self, reason: str, lasted_s: float) -> float:
        if self._is_stopping:
            return _KEY_LOOKED_AT_S
        if lasted_s > _LASTED_S:
            self._backoff.reset()
        self._counters.add("stream_failures")
        self._voice.warn("stream", "headway: changes are polled for, the stream failed: %s", reason)
        return self._backoff.next_s()
