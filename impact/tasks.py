"""Celery entry points of this layer."""

from celery import shared_task
from django.utils import timezone

from impact import services


@shared_task
def watch_studies() -> None:
    services.watch_studies(now=timezone.now())


@shared_task
def mine_history() -> None:
    services.keep_all(now=timezone.now())
    services.mine_all(now=timezone.now())


@shared_task
def expire_ratios() -> None:
    services.expire_ratios(now=timezone.now())
