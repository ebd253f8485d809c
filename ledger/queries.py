"""Reads of audit and job rows."""

from datetime import datetime

from django.db.models import Count, QuerySet

from ledger.models import AuditEvent, Job, JobState


def audit_events(
    *,
    subject: str = "",
    actor: str = "",
    action: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """Audit rows, newest first; subjects read `flag:checkout`, actions `flag.version.published`.

    `subject` and `action` match from the beginning, `actor` whole, `until` is not part of the range; what is
    empty or None matches everything.
    """
    found = AuditEvent.objects.filter(subject__startswith=subject, action__startswith=action)
    found = found.filter(actor=actor) if actor else found
    found = found.filter(at__gte=since) if since else found
    return (found.filter(at__lt=until) if until else found).order_by("-id")


def audit_of(subject: str) -> QuerySet[AuditEvent]:
    """Audit rows of exactly one object, newest first."""
    return AuditEvent.objects.filter(subject=subject).order_by("-id")


def audit_after(position: int) -> QuerySet[AuditEvent]:
    """The trail behind a row, oldest first: rows appear in the order of their ids."""
    return AuditEvent.objects.filter(id__gt=position).order_by("id")


def last_audit_id() -> int:
    """The id of the newest row; 0 when there is none."""
    return AuditEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0


def jobs(*, state: str = "") -> QuerySet[Job]:
    """Jobs, newest first, of one state or of all."""
    found = Job.objects.order_by("-id")
    return found.filter(state=state) if state else found


def job(kind: str, key: str) -> Job | None:
    return Job.objects.filter(kind=kind, key=key).first()


def job_counts() -> dict[str, int]:
    """How many jobs are in each state."""
    return dict(Job.objects.values_list("state").annotate(n=Count("id")))


def waiting_since(*, now: datetime) -> datetime | None:
    """When the job that waits longest for a worker became due; None when none is due."""
    due = Job.objects.filter(state=JobState.QUEUED, run_after__lte=now)
    return due.order_by("run_after").values_list("run_after", flat=True).first()
