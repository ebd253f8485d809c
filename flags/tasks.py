"""What the clock does for flags."""

from celery import shared_task
from django.utils import timezone

from flags.services import ramps


@shared_task
def ramp_tick() -> None:
    """Every minute: move the ramps that are due. Safe to run twice and at the same time."""
    ramps.tick(now=timezone.now())
