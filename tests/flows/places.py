"""Environments for flow tests: each test works in its own, so that no test sees another's events."""

from django.utils import timezone

from events import queries as event_queries
from events.tasks import compact
from flags import queries, services
from tests.apps.embedded.watching import eventually

FILED_WITHIN_S = 60


def environment(key: str) -> str:
    """The key of an environment that exists afterwards."""
    if not queries.environments().filter(key=key).exists():
        services.create_environment(key=key, actor="rosa", now=timezone.now())
    return key


def filed(place: str) -> None:
    """Wait until nothing of the environment waits in the inbox; the worker is woken before its time."""
    now = timezone.now()
    compact.apply_async(queue="ingest")
    waited = eventually(
        lambda: event_queries.waiting_batches(place, received_until=now) == 0, within_s=FILED_WITHIN_S
    )
    assert waited, f"the worker did not file the events of {place}"
