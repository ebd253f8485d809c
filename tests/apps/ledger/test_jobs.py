"""Jobs: once per key, leases that expire, late finishers refused, poison buried, lost hints re-sent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger import jobs
from ledger.models import Job, JobState

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kind(request):
    """A job kind of this test's own, removed afterwards."""
    name = f"example.{request.node.name}"[:60]
    yield name
    jobs._handlers.pop(name, None)


def queued(kind, key="one"):
    now = timezone.now()
    return jobs.enqueue(kind=kind, key=key, queue="housekeeping", payload={"n": 1}, now=now)


def test_enqueue__same_key_twice__one_row(kind):
    first = queued(kind)
    second = queued(kind)

    assert first.id == second.id
    assert Job.objects.count() == 1


def test_run__handler_finishes__succeeded_and_never_again(kind):
    seen = []

    @jobs.handler(kind)
    def work(job):
        seen.append(job.payload["n"])
        job.finish(now=timezone.now())

    job = queued(kind)

    assert jobs.run(job.id)
    assert not jobs.run(job.id)
    job.refresh_from_db()
    assert (job.state, seen) == (JobState.SUCCEEDED, [1])


def test_claim__lease_held__nobody_else_gets_it(kind):
    job = queued(kind)
    now = timezone.now()

    assert jobs.claim(job.id, now=now) is not None
    assert jobs.claim(job.id, now=now + jobs.LEASE / 2) is None


def test_finish__lease_expired_and_taken_over__late_finisher_refused(kind):
    job = queued(kind)
    now = timezone.now()
    slow = jobs.claim(job.id, now=now)
    quick = jobs.claim(job.id, now=now + jobs.LEASE + timedelta(seconds=1))
    assert slow is not None
    assert quick is not None

    with pytest.raises(jobs.LeaseLost):
        slow.finish(now=now)
    quick.finish(now=now)

    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


def test_run__not_yet__put_off_without_using_up_an_attempt(kind):
    answers = iter([jobs.NotYet("two batches wait", delay=timedelta(0))] * 5)

    @jobs.handler(kind)
    def work(job):
        for wait in answers:
            raise wait
        job.finish(now=timezone.now())

    job = queued(kind)
    for _ in range(5):
        assert jobs.run(job.id)
        job.refresh_from_db()
        assert (job.state, job.attempt, job.failure) == (JobState.QUEUED, 0, "two batches wait")

    assert jobs.run(job.id)

    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)


def test_run__handler_raises__tried_three_times_then_dead_with_reason(kind):
    @jobs.handler(kind)
    def work(job):
        raise ZeroDivisionError("no units in arm control")

    job = queued(kind)
    for _ in range(jobs.MAX_ATTEMPTS):
        Job.objects.update(run_after=timezone.now())
        assert jobs.run(job.id)

    job.refresh_from_db()
    assert job.state == JobState.DEAD
    assert job.failure == "ZeroDivisionError: no units in arm control"
    assert jobs.retry(job_id=job.id, actor="ada", now=timezone.now())


def test_sweep__worker_died_every_time__dead_and_says_so(kind):
    job = queued(kind)
    now = timezone.now()
    for attempt in range(jobs.MAX_ATTEMPTS):
        assert jobs.claim(job.id, now=now + attempt * (jobs.LEASE * 2)) is not None

    jobs.sweep(now=now + jobs.MAX_ATTEMPTS * jobs.LEASE * 2)

    job.refresh_from_db()
    assert job.state == JobState.DEAD
    assert "died 3 times" in job.failure


def test_sweep__hint_was_lost__job_found_again(kind):
    queued(kind)

    assert jobs.sweep(now=timezone.now()) == 1


def test_run__kind_unknown__failure_names_the_known_kinds(kind):
    job = queued(kind)

    jobs.run(job.id)

    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    assert "no handler for jobs of kind" in job.failure
