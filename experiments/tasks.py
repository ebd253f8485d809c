"""What the clock does for experiments. Each is safe to run twice and at the same time."""

from celery import shared_task
from django.utils import timezone

from experiments import services


@shared_task
def run_schedule() -> None:
    """Every minute: start and stop what is due."""
    services.run_due(now=timezone.now())


@shared_task
def ramp_tick() -> None:
    """Every minute: move the ramps inside experiments that are due."""
    services.tick_ramps(now=timezone.now())


@shared_task
def expire_changes() -> None:
    """Every hour: time out changes that nobody applied."""
    services.expire_changes(now=timezone.now())
