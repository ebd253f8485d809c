"""Celery entry points of the job rows."""

from celery import shared_task
from django.utils import timezone

from ledger import jobs, verifying


@shared_task
def run_job(job_id: int) -> None:
    jobs.run(job_id)


@shared_task
def sweep() -> None:
    jobs.sweep(now=timezone.now())


@shared_task
def verify_audit() -> None:
    verifying.ask_for_check(now=timezone.now())
