"""How long to wait: jittered, so that a thousand processes do not come back at the same moment."""

from __future__ import annotations

import os

FIRST_S = 1.0
LONGEST_S = 60.0
LONGEST_ASKED_S = 300.0


class Backoff:
    """Doubles with every failure; half of each delay is random."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def next_s(self, asked_s: float | None = None) -> float:
        """Seconds to wait after one more failure, at least what the server asked for."""
        delay_s: float = min(FIRST_S * 2**self._failures, LONGEST_S)
        self._failures = min(self._failures + 1, 16)
        return max(spread(delay_s, 0.5), min(asked_s or 0.0, LONGEST_ASKED_S))


def spread(delay_s: float, share: float) -> float:
    """The delay, less a random part of up to `share` of it."""
    return delay_s * (1.0 - share * int.from_bytes(os.urandom(4), "big") / 2**32)
