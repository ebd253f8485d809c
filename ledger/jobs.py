"""Durable jobs: a row in PostgreSQL is the truth, a broker message only wakes a worker.

`enqueue` writes the row in the caller's transaction and hints Redis after the commit; when the hint is lost
(Redis down, flushed, worker killed) the sweeper sends it again. A handler does its slow work first and then
calls `job.finish()` inside the transaction that stores its result: the fencing token makes sure that only
the latest holder of the lease can do so. Handlers must be safe to run twice.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from ledger import audit
from ledger.models import Job, JobState

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
HEARTBEAT_S = 4.0
MAX_ATTEMPTS = 3
KEPT_FAILURE_CHARACTERS = 4000


class LeaseLost(Exception):
    """Another worker took the job over; this run's result is void."""


class NotYet(Exception):
    """What the job needs is not there yet. It goes back into its queue for `delay`, and the attempt does not
    count; when to stop waiting is the handler's business."""

    def __init__(self, reason: str, *, delay: timedelta) -> None:
        self.delay = delay
        super().__init__(reason)


class UnknownJobKind(Exception):
    """No handler is registered under this job's kind."""


@dataclass(frozen=True, slots=True)
class RunningJob:
    """What a handler gets: the payload and the right to finish."""

    id: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempt: int
    token: int

    def finish(self, *, now: datetime) -> None:
        """Mark the job done. Call inside the transaction that stores the result; raises LeaseLost."""
        held = Job.objects.filter(id=self.id, token=self.token, state=JobState.RUNNING)
        if held.update(state=JobState.SUCCEEDED, finished_at=now, lease_until=None, failure="") != 1:
            raise LeaseLost(f"{self.kind} {self.key}: attempt {self.attempt} lost its lease")


Handler = Callable[[RunningJob], None]
_handlers: dict[str, Handler] = {}


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Register the function that does jobs of this kind; apps import it when they are ready."""

    def register(function: Handler) -> Handler:
        if kind in _handlers and _handlers[kind] is not function:
            raise ValueError(f"two handlers for job kind {kind!r}")
        _handlers[kind] = function
        return function

    return register


def enqueue(
    *,
    kind: str,
    key: str,
    queue: str,
    payload: Mapping[str, Any],
    now: datetime,
    delay: timedelta = timedelta(),
) -> Job:
    """The job of this kind and key, made if it is not there yet. The same key never runs twice."""
    job, created = Job.objects.get_or_create(
        kind=kind,
        key=key,
        defaults={"queue": queue, "payload": dict(payload), "run_after": now + delay, "created_at": now},
    )
    if created and not delay:
        transaction.on_commit(lambda: _hint(job.id, queue), robust=True)
    return job


def run(job_id: int) -> bool:
    """Claim and do one job; False when there was nothing to claim. Failures are kept on the row."""
    job = claim(job_id, now=timezone.now())
    if job is None:
        return False
    try:
        with _heartbeat(job):
            _handler_of(job.kind)(job)
    except LeaseLost as lost:
        log.warning("%s", lost)
    except NotYet as wait:
        _put_off(job, wait, now=timezone.now())
    except Exception as failure:
        log.exception("job %s %s failed in attempt %d", job.kind, job.key, job.attempt)
        _give_back(job, failure, now=timezone.now())
    return True


def claim(job_id: int, *, now: datetime) -> RunningJob | None:
    """Take the lease if the job is due and nobody holds it. A conditional update decides races."""
    due = Q(state=JobState.QUEUED, run_after__lte=now) | Q(state=JobState.RUNNING, lease_until__lt=now)
    claimed = Job.objects.filter(due, id=job_id, attempt__lt=MAX_ATTEMPTS).update(
        state=JobState.RUNNING, attempt=F("attempt") + 1, token=F("token") + 1, lease_until=now + LEASE
    )
    if claimed != 1:
        return None
    job = Job.objects.get(id=job_id)
    return RunningJob(job.id, job.kind, job.key, job.payload, job.attempt, job.token)


def sweep(*, now: datetime) -> int:
    """Bury jobs whose attempts are used up and wake a worker for every due one; returns how many."""
    expired = Q(state=JobState.RUNNING, lease_until__lt=now)
    Job.objects.filter(expired, attempt__gte=MAX_ATTEMPTS).update(
        state=JobState.DEAD,
        finished_at=now,
        failure=f"the worker died {MAX_ATTEMPTS} times while doing this job",
    )
    due = Job.objects.filter(Q(state=JobState.QUEUED, run_after__lte=now) | expired)
    waiting = list(due.order_by("run_after").values_list("id", "queue")[:1000])
    for job_id, queue in waiting:
        _hint(job_id, queue)
    return len(waiting)


@transaction.atomic
def retry(*, job_id: int, actor: str, now: datetime) -> bool:
    """Put a dead job back into its queue with fresh attempts; False when it is not dead."""
    dead = Job.objects.select_for_update().filter(id=job_id, state=JobState.DEAD).first()
    if dead is None:
        return False
    audit.record(
        now=now,
        actor=actor,
        action="job.retried",
        subject=f"job:{dead.kind}:{dead.key}",
        before={"state": dead.state, "failure": dead.failure},
        after={"state": JobState.QUEUED},
    )
    Job.objects.filter(id=job_id).update(
        state=JobState.QUEUED, attempt=0, run_after=now, finished_at=None, failure=""
    )
    transaction.on_commit(lambda: _hint(dead.id, dead.queue), robust=True)
    return True


def _handler_of(kind: str) -> Handler:
    try:
        return _handlers[kind]
    except KeyError:
        raise UnknownJobKind(f"no handler for jobs of kind {kind!r}; known: {sorted(_handlers)}") from None


def _give_back(job: RunningJob, failure: Exception, *, now: datetime) -> None:
    """Queue the job again with a growing pause, or bury it after the last attempt."""
    is_last = job.attempt >= MAX_ATTEMPTS
    Job.objects.filter(id=job.id, token=job.token, state=JobState.RUNNING).update(
        state=JobState.DEAD if is_last else JobState.QUEUED,
        run_after=now + timedelta(seconds=5 * 2**job.attempt),
        finished_at=now if is_last else None,
        lease_until=None,
        failure=f"{type(failure).__name__}: {failure}"[:KEPT_FAILURE_CHARACTERS],
    )


def _put_off(job: RunningJob, wait: NotYet, *, now: datetime) -> None:
    """Queue the job again as if this attempt had not been made; the sweeper wakes a worker."""
    Job.objects.filter(id=job.id, token=job.token, state=JobState.RUNNING).update(
        state=JobState.QUEUED,
        attempt=F("attempt") - 1,
        run_after=now + wait.delay,
        lease_until=None,
        failure=str(wait)[:KEPT_FAILURE_CHARACTERS],
    )


def _hint(job_id: int, queue: str) -> None:
    """Tell a worker; a lost hint is sent again by the sweeper, so trouble with Redis is only logged."""
    from kombu.exceptions import OperationalError

    from ledger.tasks import run_job

    try:
        run_job.apply_async((job_id,), queue=queue, expires=60, retry=False)
    except OperationalError as down:
        log.warning("could not wake a worker for job %d: %s", job_id, down)


@contextmanager
def _heartbeat(job: RunningJob) -> Iterator[None]:
    """Renew the lease from a thread while the handler works."""
    stop = threading.Event()
    thread = threading.Thread(target=_renew, args=(job, stop), name=f"lease-{job.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _renew(job: RunningJob, stop: threading.Event) -> None:
    try:
        while not stop.wait(HEARTBEAT_S):
            held = Job.objects.filter(id=job.id, token=job.token, state=JobState.RUNNING)
            if held.update(lease_until=timezone.now() + LEASE) != 1:
                return
    finally:
        connections.close_all()
