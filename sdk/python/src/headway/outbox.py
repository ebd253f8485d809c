"""Events on their way: a bounded queue, batches that are built once and sent until they are answered."""

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Callable, NamedTuple

from headway.counting import Counters

MAX_EVENTS = 1_000
MAX_BYTES = 900_000
"""Of the JSON before packing; the server takes a million."""

EventId = Callable[[Mapping[str, Any]], str]


def random_id(event: Mapping[str, Any]) -> str:
    return new_id()


class Batch(NamedTuple):
    """One request's worth: its id stays the same however often it is sent."""

    body: bytes
    events: tuple[bytes, ...]
    dropped: int


class Outbox:
    """A queue that drops its oldest event when it is full, and says how many it dropped."""

    def __init__(self, size: int, sdk: str, counters: Counters, event_id: EventId = random_id) -> None:
        self._size = size
        self._event_id = event_id
        self._sdk = sdk
        self._counters = counters
        self.start_again()

    def start_again(self) -> None:
        """Empty: at the beginning and in a forked child, whose parent sends what is in the queue."""
        self._lock = threading.RLock()
        self._queue: deque[Mapping[str, Any]] = deque()
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._queue)

    def waiting(self) -> list[Mapping[str, Any]]:
        """What is in the queue."""
        with self._lock:
            return list(self._queue)

    def put(self, event: Mapping[str, Any]) -> int:
        """Add an event; the number that wait now."""
        with self._lock:
            if len(self._queue) >= self._size:
                self._queue.popleft()
                self._dropped += 1
                self._counters.add("dropped")
            self._queue.append(event)
            return len(self._queue)

    def next_batch(self) -> Batch | None:
        """Take up to a thousand events, at most a megabyte; None when there are none."""
        events: list[bytes] = []
        size = 0
        while len(events) < MAX_EVENTS and size < MAX_BYTES:
            event = self._take()
            if event is None:
                break
            encoded = self._encoded(event)
            if encoded is None:
                continue
            events.append(encoded)
            size += len(encoded) + 1
        return self.packed(events, self._take_dropped()) if events else None

    def packed(self, events: list[bytes], dropped: int) -> Batch:
        """A batch of encoded events under an id of its own."""
        head = {
            "batch_id": new_id(),
            "sent_at": datetime.now(timezone.utc).isoformat(),
            "sdk": self._sdk,
            "dropped": dropped,
        }
        text = json.dumps(head, separators=(",", ":")).encode()[:-1]
        body = b'%b,"events":[%b]}' % (text, b",".join(events))
        return Batch(_gzipped(body), tuple(events), dropped)

    def lost(self, batch: Batch) -> None:
        """The server will never take this batch: what it held is dropped and reported with the next one."""
        with self._lock:
            self._dropped += batch.dropped + len(batch.events)
            self._counters.add("dropped", len(batch.events))

    def _encoded(self, event: Mapping[str, Any]) -> bytes | None:
        """The event as JSON; None, and counted, when the host's own id or clock is not what it should be."""
        try:
            return _encoded(event, self._event_id(event))
        except Exception:  # noqa: BLE001 - one event must not cost the others their way out
            self._counters.add("invalid_events")
            return None

    def _take(self) -> Mapping[str, Any] | None:
        with self._lock:
            return self._queue.popleft() if self._queue else None

    def _take_dropped(self) -> int:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            return dropped


def _encoded(event: Mapping[str, Any], event_id: str) -> bytes:
    whole = {"id": event_id, **event, "ts": event["ts"].isoformat()}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=True).encode()


def _gzipped(body: bytes) -> bytes:
    packer = zlib.compressobj(level=1, wbits=31)
    return packer.compress(body) + packer.flush()


def new_id() -> str:
    """A UUID as text (RFC 9562, version 7), random behind a time: the server finds new ids side by side.

    The uuid module loads a lot that this does not need.
    """
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
