"""Environments for flow tests: each test works in its own, so that no test sees another's events."""

import time

from django.utils import timezone

from events import queries as event_queries
from events.tasks import compact
from flags import queries, services
from tests.apps.embedded.watching import eventually

FILED_WITHIN_S = 180
AGAIN_S = 1.0


def environment(key: str) -> str:
    """The key of an environment that exists afterwards."""
    if not queries.environments().filter(key=key).exists():
        services.create_environment(key=key, actor="rosa", now=timezone.now())
    return key


def filed(place: str) -> None:
    """Wait until nothing of the environment waits in the inbox; the worker is woken before its time."""
    now, woken_at = timezone.now(), float("-inf")

    def is_filed() -> bool:
        nonlocal woken_at
        if event_queries.waiting_batches(place, received_until=now) == 0:
            return True
        # One that is at work already may have begun before the events came.
        if time.monotonic() - woken_at > AGAIN_S:
            compact.apply_async(queue="ingest", expires=10)
            woken_at = time.monotonic()
        return False

    assert eventually(is_filed, within_s=FILED_WITHIN_S), f"the worker did not file the events of {place}"
