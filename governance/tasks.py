"""Celery entry points of governance."""

from celery import shared_task
from django.utils import timezone

from governance import services
from governance.services import asking, claiming, reviews, waivers


@shared_task
def spread_news() -> None:
    services.spread_news(now=timezone.now())


@shared_task
def follow_trips() -> None:
    services.follow_trips(now=timezone.now())


@shared_task
def remind_overdue() -> None:
    now = timezone.now()
    services.remind_overdue(now=now)
    services.remind_soon(now=now)
    asking.remind_reviewers(now=now)


@shared_task
def make_digest() -> None:
    services.make_due_digest(now=timezone.now())


@shared_task
def watch_reviews() -> None:
    """Raise new trips with their reviews, end sign-offs whose report changed. Safe to run twice."""
    now = timezone.now()
    claiming.claim_trips(now=now)
    reviews.refresh_reviews(now=now)


@shared_task
def expire_waivers() -> None:
    waivers.expire_waivers(now=timezone.now())
