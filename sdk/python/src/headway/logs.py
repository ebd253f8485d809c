"""What the SDK tells its host, through `logging` only: the same thing at most once a minute."""

from __future__ import annotations

import time

EVERY_S = 60.0
_MAX_TOPICS = 256


class Voice:
    """Remembers what was said when. Says nothing rather than raise."""

    def __init__(self) -> None:
        import logging  # who only imports the SDK need not pay for it

        self._logger = logging.getLogger("headway")
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
            self._logger.warning(message, *args)
        except Exception:  # noqa: BLE001 - a handler of the host must not break a flag
            return
