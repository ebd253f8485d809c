"""Celery entry points of the analysis."""

from celery import shared_task
from django.utils import timezone

from analysis import services


@shared_task
def schedule_looks() -> None:
    services.schedule_looks(now=timezone.now())
