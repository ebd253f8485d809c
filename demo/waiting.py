"""Waiting for what other processes do: bounded, and clear about what did not happen."""

import time
from collections.abc import Callable

POLL_S = 0.25


class TookTooLong(Exception):
    """Something did not happen in time; the message says what and where to look."""


def wait_for(condition: Callable[[], bool], *, what: str, within_s: float, look_at: str) -> None:
    """Poll until the condition holds. Raises TookTooLong."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TookTooLong(f"{what} did not happen within {within_s:.0f} s. {look_at}")
        time.sleep(POLL_S)
