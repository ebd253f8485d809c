"""Every night the audit chain is walked; what was found is itself on record, and others can hear of it."""

from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from ledger import audit, jobs
from ledger.jobs import RunningJob

KIND, QUEUE = "audit.verify", "housekeeping"
ACTOR, SUBJECT = "clock", "audit:chain"
HOLDS, BROKEN = "audit.verified", "audit.broken"


def ask_for_check(*, now: datetime) -> None:
    """One check a day (UTC), however often this runs."""
    jobs.enqueue(kind=KIND, key=now.astimezone(UTC).date().isoformat(), queue=QUEUE, payload={}, now=now)


@jobs.handler(KIND)
def verify(job: RunningJob) -> None:
    """Do the job. The row it leaves carries the seal, so that receivers keep it outside the database."""
    found = audit.check()
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        audit.record(
            now=now,
            actor=ACTOR,
            action=BROKEN if found.fault else HOLDS,
            subject=SUBJECT,
            after={"rows": found.rows, "seal": found.seal},
            reason=found.fault,
        )
