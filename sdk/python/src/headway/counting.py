"""What a client counts about itself."""

from __future__ import annotations

import threading

NAMES = (
    "polls",
    "poll_failures",
    "configs_used",
    "configs_refused",
    "streams",
    "stream_failures",
    "changes",
    "exposures",
    "events",
    "invalid_events",
    "dropped",
    "sent",
    "refused",
    "batches",
    "retries",
    "errors",
    "hook_errors",
)


class Counters:
    """Numbers that only grow; safe from several threads."""

    def __init__(self) -> None:
        self._values = dict.fromkeys(NAMES, 0)
        self._lock = threading.RLock()

    def add(self, name: str, number: int = 1) -> None:
        with self._lock:
            self._values[name] += number

    def as_dict(self) -> dict[str, int]:
        with self._lock:
            return dict(self._values)

    def start_again(self) -> None:
        """In a forked child: counts of the parent are the parent's."""
        self.__init__()  # type: ignore[misc]
