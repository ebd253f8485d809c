"""Deleting everything that is known of one unit: asked for at once, done by a job, proven by its row."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from events import holding
from events.models import Erasure, InboxBatch, RefusedEvent
from events.services import scrubbing
from events.wire import MAX_NAME, MAX_UNIT, NEWEST
from flags import queries as flags
from ledger import audit, jobs
from ledger.jobs import NotYet, RunningJob
from ledger.refusals import Refused, problem

KIND, QUEUE = "events.erase", "housekeeping"
WAIT = timedelta(minutes=10)


@transaction.atomic
def erase_unit(
    *, environment: str, unit_type: str, unit: str, reason: str, actor: str, now: datetime
) -> Erasure:
    """Ask for it; from this moment on no late event of the unit is stored. The same unit twice while the
    first is under way is one erasure. Raises Refused with every problem."""
    _check(environment, unit_type, unit, reason)
    number = _hash(unit_type, unit, now)
    known = Erasure.objects.filter(environment=environment, unit_hash=number, finished_at__isnull=True)
    if (open_one := known.first()) is not None:
        return open_one
    made = Erasure.objects.create(
        environment=environment,
        unit_type=unit_type,
        unit=unit,
        unit_hash=number,
        until=now + NEWEST,
        reason=reason.strip(),
        requested_by=actor,
        requested_at=now,
    )
    jobs.enqueue(kind=KIND, key=str(made.id), queue=QUEUE, payload={"erasure": made.id}, now=now)
    # The id itself stays out of the audit: audit rows are kept for ever.
    audit.record(
        now=now,
        actor=actor,
        action="unit.erasure.requested",
        subject=f"erasure:{made.id}",
        after={"environment": environment, "unit_type": unit_type},
        reason=made.reason,
    )
    return made


def _check(environment: str, unit_type: str, unit: str, reason: str) -> None:
    problems = []
    if not flags.environments().filter(key=environment).exists():
        known = ", ".join(flags.environments().values_list("key", flat=True))
        problems.append(
            problem("environment", environment, "there is none with this key", f"Known: {known}.")
        )
    for name, text, longest in (("unit_type", unit_type, MAX_NAME), ("unit", unit, MAX_UNIT)):
        if not 1 <= len(text) <= longest:
            why = f"this is not a text of 1 to {longest} characters"
            problems.append(problem(name, text, why, "Give it exactly as events carry it."))
    if not reason.strip():
        problems.append(problem("reason", reason, "this is empty", "Say why, for the audit: a request, say."))
    if problems:
        raise Refused(*problems)


def _hash(unit_type: str, unit: str, now: datetime) -> int:
    from events.services.store import unit_hash

    return unit_hash(unit_type, unit, now=now)


def erase(job: RunningJob) -> None:
    """Do it, in two steps: everything nobody reads any more goes at once, and files that a reader may still
    hold an hour later."""
    erasure = Erasure.objects.get(id=job.payload["erasure"])
    if erasure.rewritten_at is None:
        _rewrite(erasure, now=timezone.now())
    _wait_for_readers(erasure, now=timezone.now())
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        erasure.finished_at = now
        erasure.save(update_fields=["finished_at"])
        audit.record(
            now=now,
            actor=erasure.requested_by,
            action="unit.erasure.finished",
            subject=f"erasure:{erasure.id}",
            after={"rows": erasure.rows, "files": erasure.files},
        )


def _rewrite(erasure: Erasure, *, now: datetime) -> None:
    """What was acknowledged is filed first, so that afterwards it lies in no place but the files."""
    from events.compaction import erasing, rounds
    from events.compaction.storage import open_store

    storage = open_store()
    rounds.drain(now=now, storage=storage)
    scrub(erasure.environment, erasure.unit)
    rows, files = erasing.rewrite(erasure, storage, now=now)
    holding.forget_derived(now)
    erasure.unit, erasure.rewritten_at = "", now
    erasure.rows, erasure.files = erasure.rows + rows, erasure.files + files
    erasure.save(update_fields=["unit", "rewritten_at", "rows", "files"])


def _wait_for_readers(erasure: Erasure, *, now: datetime) -> None:
    from events.compaction import erasing, tending
    from events.compaction.storage import open_store

    storage = open_store()
    tending.delete_retired(storage, now=now)
    waiting = erasing.waits_for(erasure)
    if waiting:
        raise NotYet(f"readers may hold {waiting} old files", delay=WAIT)
    erasing.delete_orphans(erasure, storage, now=now)


@transaction.atomic
def scrub(environment: str, unit: str) -> int:
    """Refused events that hold the id go; in answers that are kept for retries its place is blanked."""
    refused = RefusedEvent.objects.filter(environment=environment)
    theirs = [row.id for row in refused.iterator() if scrubbing.holds(bytes(row.raw), row.value, unit)]
    RefusedEvent.objects.filter(id__in=theirs).delete()
    answered = InboxBatch.objects.filter(environment=environment, refusals__isnull=False)
    for batch in answered.defer("payload").iterator():
        cleaned = scrubbing.blanked(batch.refusals or [], unit)
        if cleaned != batch.refusals:
            InboxBatch.objects.filter(id=batch.id).update(refusals=cleaned)
    return len(theirs)
