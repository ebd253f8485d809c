"""What the SDK tells its host, through `logging` only: the same thing at most once a minute."""

from __future__ import annotations

import logging
import time

LOGGER = logging.getLogger("headway")
EVERY_S = 60.0
_MAX_TOPICS = 256


class Voice:
    """Remembers what was said when. Says nothing rather than raise."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def warn(self, topic: str, message: str, *args: object) -> None:
        """Log a warning unless the topic was spoken of within the last minute."""
        now = time.monotonic()
        last = self._said.get(topic)
        if last is not None and now - last < EVERY_S:
            return
        if len(self._said) >= _MAX_TOPICS:
            self._said.clear()
        self._said[topic] = now
        try:
            LOGGER.warning(message, *args)
        except Exception:  # noqa: BLE001 - a handler of the host must not break a flag
            return
