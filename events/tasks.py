"""Celery entry points of the event store."""

from celery import shared_task
from django.utils import timezone


@shared_task
def compact() -> None:
    """Every ten seconds; goes on while batches wait, so that a deep inbox needs no other signal."""
    from events.compaction import upkeep

    upkeep.run(now=timezone.now())


@shared_task
def drop_old() -> None:
    """Nightly: days that have been kept for long enough."""
    from events.services import retention

    retention.drop_old(now=timezone.now())
