"""Celery entry points of the analysis."""

from celery import shared_task
from django.utils import timezone

from analysis import services
from analysis.services import keeping, resplitting


@shared_task
def schedule_looks() -> None:
    services.schedule_looks(now=timezone.now())


@shared_task
def resplit_live_traffic() -> None:
    """Nightly: do the methods keep their promises where nothing differs?"""
    resplitting.schedule_resplits(now=timezone.now())


@shared_task
def forget_rollups() -> None:
    """Nightly: rollups of plans that no look has asked for in a week, on the machine that runs this."""
    keeping.forget_unused(now=timezone.now())
