"""What the clock does for flags."""

from celery import shared_task
from django.utils import timezone

from flags.services import ramps, schedules


@shared_task
def ramp_tick() -> None:
    """Every minute: move the ramps that are due. Safe to run twice and at the same time."""
    ramps.tick(now=timezone.now())


@shared_task
def schedule_tick() -> None:
    """Every minute: carry out the scheduled changes that are due. Safe to run twice and at the same time."""
    schedules.tick(now=timezone.now())
