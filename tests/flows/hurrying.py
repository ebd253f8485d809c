"""Waiting without waiting for the clock: what it asks for every ten or thirty seconds, once a second.

The same tasks go into the same queues of the same worker; the clock of the platform runs on beside.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from django.conf import settings
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from config.celery import app
from tests.apps.embedded.watching import eventually

ENTRIES = ("sweep-jobs", "compact-events", "spread-news", "follow-trips", "watch-reviews")
EVERY_S = 1.0
WITHIN_S = 180.0
"""There to find what never happens; a slow machine may take its time."""

T = TypeVar("T")


def soon(condition: Callable[[], T], within_s: float = WITHIN_S) -> T:
    """Like `eventually`, with the worker woken every second."""
    ticked_at = time.monotonic()

    def asked() -> T:
        nonlocal ticked_at
        if time.monotonic() - ticked_at > EVERY_S:
            tick()
            ticked_at = time.monotonic()
        return condition()

    return eventually(asked, within_s=within_s)  # type: ignore[no-any-return]


@contextmanager
def hurried() -> Iterator[None]:
    """The worker is woken every second for as long as something else is waited for."""
    stop = threading.Event()
    thread = threading.Thread(target=_tick_until, args=(stop,), name="hurry", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def tick() -> None:
    """Ask for everything once. A queue in which something waits is left alone: a worker that is slow would
    get no further. Where Redis has just lost its connections the next time will do."""
    with suppress(OperationalError, RedisError), Redis.from_url(settings.HEADWAY_REDIS_URL) as broker:
        entries = [app.conf.beat_schedule[name] for name in ENTRIES]
        queues = {entry["options"]["queue"] for entry in entries}
        idle = {queue for queue in queues if not broker.llen(queue)}
        for entry in entries:
            if entry["options"]["queue"] in idle:
                app.send_task(entry["task"], queue=entry["options"]["queue"], expires=30, retry=False)


def _tick_until(stop: threading.Event) -> None:
    while not stop.wait(EVERY_S):
        tick()
