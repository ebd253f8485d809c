"""Being told to go: streams end at once, so that the server does not wait for readers who would stay long.

The server stops taking connections at the signal and waits for those that are open; the application hears of
it only afterwards. So it listens to the signal itself, and lets the server's own answer to it happen too.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def heard(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` on the running loop at SIGTERM. A thread other than the first hears of no signal."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGTERM)

    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(end)
        if callable(before):
            before(number, frame)

    try:
        signal.signal(signal.SIGTERM, told)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        with suppress(ValueError):  # left to the garbage collector, this may end in any thread
            signal.signal(signal.SIGTERM, before)
