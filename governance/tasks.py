"""Celery entry points of governance."""

from celery import shared_task
from django.utils import timezone

from governance import services


@shared_task
def spread_news() -> None:
    services.spread_news(now=timezone.now())
