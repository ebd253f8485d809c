"""Telling the server which flags this process asks for, so that it can say which nobody asks for any more.

An answer that is no exposure leaves no other trace. It costs evaluation nothing: which flags were asked for
can be seen from what the configuration made ready.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable

from headway.backoff import spread
from headway.transport import Line, Unreachable

PATH = "/sdk/v1/seen"
FIRST_S = 60.0
EVERY_S = 3600.0
MAX_FLAGS = 20_000
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Sightings:
    """`asked` gives the flags that were asked for since the configuration in use arrived."""

    def __init__(self, line: Line, asked: Callable[[], Iterable[str]]) -> None:
        self._transport, self._keys, self._counters, self._voice = line
        self._asked = asked
        self.start_again()

    def start_again(self) -> None:
        """Nothing told yet: at the beginning and in a forked child."""
        self._told: set[str] = set()
        self._due_at = time.monotonic() + spread(FIRST_S, 0.5)

    def report_when_due(self) -> None:
        """Once an hour, all that was asked for."""
        if time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + spread(EVERY_S, 0.2)
            self._told = set()
            self.report(None)

    def report(self, within_s: float | None) -> None:
        """Tell what was not told yet, within this time; what cannot be told is told an hour later."""
        flags = sorted(set(self._asked()) - self._told)[:MAX_FLAGS]
        key = self._keys.usable()
        if not flags or key is None or (within_s is not None and within_s <= 0):
            return
        body = json.dumps({"flags": flags}).encode()
        try:
            answer = self._transport.send("POST", PATH, key, _HEADERS, body, within_s)
        except Unreachable:
            return
        if answer.status == 202:
            self._told.update(flags)
