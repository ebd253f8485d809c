"""Watching background work: what waits, what died and why, and trying it again."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from ledger import jobs, queries
from ledger.models import Job, JobState
from observability.pages.jobs import stuck_since
from tests.apps.ledger.test_audit import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    client.force_login(get_user_model().objects.create_user("ada"))
    return client


def made(key="home/1", **changes):
    job = jobs.enqueue(kind="analysis.look", key=key, queue="analysis", payload={}, now=NOW)
    Job.objects.filter(id=job.id).update(**changes)
    return job


def page(client, address="/watch/jobs/"):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_jobs__none__says_when_there_will_be_one(operator):
    assert "There are no jobs yet" in page(operator)


def test_jobs__finished__how_long_it_took(operator):
    made(state=JobState.SUCCEEDED, finished_at=NOW + timedelta(minutes=2, seconds=5))

    assert "2 min 5 s" in page(operator)


def test_jobs__state_without_jobs__offers_all(operator):
    made()

    assert "No job is dead" in page(operator, "/watch/jobs/?state=dead")


def test_jobs__unknown_state__all(operator):
    made()

    assert "home/1" in page(operator, "/watch/jobs/?state=nonsense")


def test_jobs__dead__reason_and_retry(operator):
    made(state=JobState.DEAD, failure="ValueError: <no rows>", finished_at=NOW)

    shown = page(operator, "/watch/jobs/?state=dead")

    assert "ValueError: &lt;no rows&gt;" in shown
    assert "Retry" in shown


def test_retry__dead_job__waits_again_and_is_on_record(operator):
    job = made(state=JobState.DEAD, attempt=3, token=3, failure="ValueError")

    answer = operator.post(f"/watch/jobs/{job.id}/retry/", follow=True)

    assert "waits for a worker again" in answer.content.decode()
    job.refresh_from_db()
    assert (job.state, job.attempt, job.failure) == (JobState.QUEUED, 0, "")
    assert queries.audit_of("job:analysis.look:home/1").get().actor == "ada"


def test_retry__job_that_is_not_dead__nothing_happens(operator):
    job = made(state=JobState.SUCCEEDED)

    answer = operator.post(f"/watch/jobs/{job.id}/retry/", follow=True)

    assert "Only a dead job can be retried" in answer.content.decode()
    assert not queries.audit_events().exists()


def test_retry__by_get__refused(operator):
    job = made(state=JobState.DEAD)

    assert operator.get(f"/watch/jobs/{job.id}/retry/").status_code == 405


def test_jobs__due_for_minutes__says_that_no_worker_takes_them(operator):
    made()

    assert "No worker takes jobs" in page(operator)


@pytest.mark.parametrize("changes", [{"state": JobState.SUCCEEDED}, {"state": JobState.RUNNING}])
def test_jobs__none_waits__no_warning(operator, changes):
    made(**changes)

    assert "No worker takes jobs" not in page(operator)


@pytest.mark.parametrize(("waited_s", "is_stuck"), [(-60, False), (0, False), (120, False), (121, True)])
def test_stuck_since__job_due_for_so_long__after_two_minutes(waited_s, is_stuck):
    job = made()

    found = stuck_since(now=job.run_after + timedelta(seconds=waited_s))

    assert (found is not None) is is_stuck
