"""Delivering batches: the same bytes again until the server has answered for good."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Optional

from headway.backoff import Backoff
from headway.outbox import Batch, Outbox
from headway.transport import Answer, Line, Unreachable

PATH = "/sdk/v1/events"
_HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Accept": "application/json"}
LEAST_S = 0.05
_TEMPORARY = frozenset({408, 425, 429})
_KEY_LOOKED_AT_S = 5.0


class Sender:
    """Empties the outbox. `tick` is called before every round, for what has to happen now and then."""

    def __init__(self, line: Line, outbox: Outbox, *, flush_s: float, tick: Callable[[], None]) -> None:
        self._transport, self._keys, self._counters, self._voice = line
        self._outbox = outbox
        self._flush_s = max(flush_s, LEAST_S)
        self._tick = tick
        self.start_again()

    def start_again(self) -> None:
        """Nothing under way: at the beginning and in a forked child."""
        self._pending: list[Batch] = []
        self._backoff = Backoff()
        self._not_before = 0.0
        self._is_busy = False
        self._until: Optional[float] = None
        self._idle = threading.Condition(threading.Lock())

    @property
    def is_empty(self) -> bool:
        return not (self._is_busy or self._pending or len(self._outbox))

    def wait_until_empty(self, wake: Callable[[], None], timeout_s: float) -> bool:
        wake()
        with self._idle:
            return self._idle.wait_for(lambda: self.is_empty, max(timeout_s, 0.0))

    def step(self) -> float | None:
        """Send all there is, unless the server asked for time; the seconds until the next round."""
        self._tick()
        wait_s = self._not_before - time.monotonic()
        if wait_s > 0:
            return min(wait_s, self._flush_s)
        asked_s = self._send_all()
        with self._idle:
            self._idle.notify_all()
        if asked_s is None:
            return self._flush_s
        self._not_before = time.monotonic() + asked_s
        return min(asked_s, self._flush_s)

    def hurry(self) -> None:
        """Do not wait any longer: what there was to wait for has changed."""
        self._not_before = 0.0

    def drain(self, until: float) -> None:
        """Send what is left before the process ends, until this moment of the monotonic clock."""
        self._until = until
        while not self.is_empty and time.monotonic() < until:
            asked_s = self._send_all()
            if asked_s is not None and time.monotonic() + asked_s > until:
                return
            time.sleep(asked_s or 0.0)

    def _send_all(self) -> float | None:
        """The seconds to wait for, or None when everything was sent."""
        self._is_busy = True
        try:
            while self._has_pending():
                asked_s = self._send(self._pending[0])
                if asked_s is not None:
                    return asked_s
        finally:
            self._is_busy = False
        return None

    def _has_pending(self) -> bool:
        if not self._pending:
            batch = self._outbox.next_batch()
            if batch is not None:
                self._pending.append(batch)
        return bool(self._pending)

    def _send(self, batch: Batch) -> float | None:
        """One try; None when the batch is done with, else the seconds to wait."""
        key = self._keys.usable()
        if key is None:
            return _KEY_LOOKED_AT_S
        try:
            left_s = None if self._until is None else self._until - time.monotonic()
            answer = self._transport.send("POST", PATH, key, _HEADERS, batch.body, left_s)
        except Unreachable as error:
            return self._later(str(error))
        if answer.status == 202:
            return self._accepted(batch, answer)
        if answer.status == 413:
            return self._split(batch)
        if answer.status in (401, 403):
            return self._key_refused(answer, key)
        if answer.status in _TEMPORARY or answer.status >= 500 or answer.status < 400:
            return self._later(f"the server answered {answer.status}", answer.retry_after_s)
        self._given_up(batch, answer)
        return None

    def _accepted(self, batch: Batch, answer: Answer) -> float | None:
        refused = _refusals(answer.body)
        if refused is None:
            return self._later("the answer to a batch is not one of Headway's")
        self._counters.add("batches")
        self._counters.add("sent", len(batch.events) - len(refused))
        if refused:
            self._counters.add("refused", len(refused))
            self._voice.warn(
                "refused", "headway: %d events of a batch were refused, first: %s", len(refused), refused[0]
            )
        self._done()
        return None

    def _split(self, batch: Batch) -> float | None:
        """Too large: two halves instead. A single event that is too large is given up."""
        events = list(batch.events)
        if len(events) < 2:
            self._given_up(batch, Answer(413, {}, b"an event is too large"))
            return None
        middle = len(events) // 2
        first = self._outbox.packed(events[:middle], batch.dropped)
        self._pending[:1] = [first, self._outbox.packed(events[middle:], 0)]
        return None

    def _key_refused(self, answer: Answer, key: str) -> float:
        if self._keys.refuse(key):
            self._voice.warn(
                "key", "headway: the server refused the key (%s); events are kept", answer.status
            )
        return _KEY_LOOKED_AT_S

    def _given_up(self, batch: Batch, answer: Answer) -> None:
        text = answer.body[:500].decode("utf-8", "replace")
        self._voice.warn("batch", "headway: a batch was refused (%s): %s", answer.status, text)
        self._outbox.lost(batch)
        self._done()

    def _done(self) -> None:
        self._pending.pop(0)
        self._backoff.reset()

    def _later(self, reason: str, retry_after_s: Optional[float] = None) -> float:
        self._counters.add("retries")
        self._voice.warn("events", "headway: events are kept for later: %s", reason)
        return self._backoff.next_s(retry_after_s)


def _refusals(body: bytes) -> list[object] | None:
    """The refused events that a 202 lists; None when this is no answer of Headway's ingest."""
    try:
        refused = json.loads(body)["refused"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return refused if isinstance(refused, list) else None
