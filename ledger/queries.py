"""Reads of audit and job rows."""

from django.db.models import Count, QuerySet

from ledger.models import AuditEvent, Job


def audit_of(subject: str) -> QuerySet[AuditEvent]:
    """Audit rows of one object (`flag:checkout`, `experiment:checkout-prefetch`), newest first."""
    return AuditEvent.objects.filter(subject=subject).order_by("-id")


def audit_events() -> QuerySet[AuditEvent]:
    return AuditEvent.objects.order_by("-id")


def jobs() -> QuerySet[Job]:
    return Job.objects.order_by("-id")


def job_counts() -> dict[str, int]:
    """How many jobs are in each state."""
    return dict(Job.objects.values_list("state").annotate(n=Count("id")))
