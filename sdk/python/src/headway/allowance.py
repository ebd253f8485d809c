"""Requests that may be slowed down, asked of the server a few at a time and counted before they are used.

The server holds a study's budget and grants no more than is left. Here nothing waits: `take` says yes only
when a granted request is at hand, and a thread asks for more. No answer, no study, no budget: no delay.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any

from headway.logs import Voice
from headway.loops import Loop
from headway.transport import Transport, Unreachable

__all__ = ["Allowance"]

PATH = "/sdk/v1/ablations"
AT_A_TIME = 50
LOW = 20
AGAIN_S = 30.0
"""How long to wait after an answer that granted nothing, or after none."""


class Allowance:
    """The share of one process in a study's budget. Safe from several threads and across a fork."""

    def __init__(
        self, url: str, key: str, study: str, *, at_a_time: int = AT_A_TIME, timeout_s: float = 5.0
    ) -> None:
        self._transport = Transport(url, "headway-python-allowance", timeout_s)
        self._key = key
        self._study = study
        self._at_a_time = max(1, min(at_a_time, 1000))
        self._loop = Loop("headway-allowance", self._ask, Voice())
        self._forget()

    def _forget(self) -> None:
        """Nothing is granted; what the parent of a fork was granted is the parent's."""
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._left = 0
        self.concurrent = 0
        self.max_ms = 0.0

    def take(self) -> bool:
        """Use up one granted request. Never waits."""
        if self._pid != os.getpid():
            self._forget()
            self._loop.restart_in_child()
        with self._lock:
            is_granted = self._left > 0
            self._left -= is_granted
            is_low = self._left < min(LOW, self._at_a_time)
        if is_low:
            self._loop.start()
            self._loop.wake()
        return is_granted

    @property
    def left(self) -> int:
        """Granted requests that are not used yet."""
        return self._left

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop asking; what is left here is lost to the study, never served twice."""
        self._loop.stop()
        self._loop.join(timeout_s)
        self._left = 0

    def _ask(self) -> float | None:
        """Ask for more; then wait until woken, or for a while when there was nothing."""
        granted = self._granted()
        with self._lock:
            self._left += granted
            is_enough = self._left >= min(LOW, self._at_a_time)
        return None if is_enough else AGAIN_S

    def _granted(self) -> int:
        body = json.dumps({"study": self._study, "ask": self._at_a_time}).encode()
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._transport.send("POST", PATH, self._key, headers, body)
            told = json.loads(answer.body) if answer.status == 200 else {}
        except (Unreachable, ValueError, RecursionError):
            return 0
        return self._read(told)

    def _read(self, told: Any) -> int:
        """What an answer grants; anything odd is nothing."""
        if not isinstance(told, dict):
            return 0
        granted, concurrent, max_ms = (_count(told.get(name)) for name in ("granted", "concurrent", "max_ms"))
        if granted:
            self.concurrent, self.max_ms = concurrent, float(max_ms)
        return min(granted, self._at_a_time)


def _count(value: object) -> int:
    """A whole number of at least 0; 0 for anything else."""
    return value if type(value) is int and value > 0 else 0
