"""The audit chain is walked by a worker: every night, and when somebody asks. What was found is itself on
record, so that the page can show it and others can hear of it.

A walk also asks whether the chain still runs through the seal of the one before, which its job keeps: that
finds a trail that was emptied, or cut back to an older seal, as long as the jobs are still there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from ledger import audit, jobs, queries
from ledger.jobs import RunningJob
from ledger.models import AuditEvent, Job, JobState

KIND, QUEUE = "audit.verify", "housekeeping"
ACTOR, SUBJECT = "clock", "audit:chain"
HOLDS, BROKEN = "audit.verified", "audit.broken"
OPEN = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Walks:
    """What is known of the walks: the row that the newest one left, whether one is under way or waits for a
    worker, and why the newest one came to no end."""

    newest: AuditEvent | None
    is_busy: bool
    failure: str

    @property
    def found(self) -> dict[str, Any]:
        """What the newest walk wrote down: `rows`, `seal` and, where the chain broke at one, that row."""
        return (self.newest.after or {}) if self.newest else {}

    @property
    def kept(self) -> audit.Kept | None:
        """The seal of the newest walk, when the chain held."""
        holds = self.newest is not None and self.newest.action == HOLDS
        return audit.Kept(self.found["rows"], self.found["seal"]) if holds else None

    @property
    def broken(self) -> AuditEvent | None:
        """The row at which the chain broke in the newest walk, if it is still there."""
        return AuditEvent.objects.filter(id=self.found.get("broken", 0)).first()


def walks() -> Walks:
    """The newest outcome, and what is under way."""
    newest = queries.audit_of(SUBJECT).filter(action__in=(HOLDS, BROKEN)).first()
    job = _newest()
    is_dead = job is not None and job.state == JobState.DEAD
    return Walks(newest, job is not None and job.state in OPEN, job.failure if job and is_dead else "")


def ask_for_check(*, now: datetime) -> None:
    """One check a day (UTC), however often this runs."""
    _enqueue(now.astimezone(UTC).date().isoformat(), ACTOR, now)


@transaction.atomic
def ask_now(*, actor: str, now: datetime) -> None:
    """Have the trail walked as it is now, once however often it is asked; not while a walk is under way."""
    job = _newest()
    if job is not None and job.state in OPEN:
        return
    asked = _enqueue(f"row-{queries.last_audit_id()}", actor, now)
    if asked.state == JobState.DEAD:
        jobs.retry(job_id=asked.id, actor=actor, now=now)


@jobs.handler(KIND)
def verify(job: RunningJob) -> None:
    """Do the job. The row it leaves carries the seal, so that receivers keep it outside the database."""
    found = audit.check(kept=kept_before())
    at_row = {} if found.broken is None else {"broken": found.broken.id}
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        if not found.fault:
            seal = {"rows": found.rows, "seal": found.seal}
            Job.objects.filter(id=job.id).update(payload={**job.payload, "kept": seal})
        audit.record(
            now=now,
            actor=job.payload.get("asked_by", ACTOR),
            action=BROKEN if found.fault else HOLDS,
            subject=SUBJECT,
            after={"rows": found.rows, "seal": found.seal, **at_row},
            reason=found.fault,
        )


def kept_before() -> audit.Kept | None:
    """The seal that the newest walk over a good chain kept; None before one, or since it was sealed anew."""
    done = queries.jobs(state=JobState.SUCCEEDED).filter(kind=KIND, payload__has_key="kept")
    sealed = queries.audit_of(SUBJECT).filter(action=audit.SEALED).first()
    job = (done.filter(finished_at__gt=sealed.at) if sealed else done).first()
    return None if job is None else audit.Kept(**job.payload["kept"])


def _newest() -> Job | None:
    return queries.jobs().filter(kind=KIND).first()


def _enqueue(key: str, actor: str, now: datetime) -> Job:
    return jobs.enqueue(kind=KIND, key=key, queue=QUEUE, payload={"asked_by": actor}, now=now)
