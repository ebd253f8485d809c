"""The home page: what wants attention, what is mine, what is looked at next."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model

from config import home
from experiments import queries as experiments
from ledger import jobs
from ledger.models import Job, JobState
from tests.apps.analysis import world
from tests.apps.analysis.test_trips import harmed
from tests.apps.experiments import build

pytestmark = pytest.mark.django_db


@pytest.fixture
def rosa(client):
    client.force_login(get_user_model().objects.create_user("rosa"))
    return client


def page(client):
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_home__nothing_yet__the_first_three_steps(rosa):
    shown = page(rosa)

    assert "Your first experiment" in shown
    assert "Define a metric" in shown


def test_home__own_draft__under_my_experiments(rosa):
    build.drafted(owner="rosa")

    shown = page(rosa)

    assert "Prefetch payment methods" in shown.split('id="mine"')[1]
    assert "No guardrail is tripped" in shown
    assert "Running now" not in shown


def test_home__somebody_elses_running__listed_with_its_next_look(rosa):
    build.started(owner="ada", now=datetime.now(UTC))

    shown = page(rosa)

    assert "You own no open experiment" in shown
    assert "Prefetch payment methods" in shown.split('id="running"')[1]


def test_home__dead_jobs__told_with_the_way_there(rosa):
    job = jobs.enqueue(kind="look", key="x", queue="analysis", payload={}, now=build.NOW)
    Job.objects.filter(id=job.id).update(state=JobState.DEAD)

    shown = page(rosa)

    assert "1 background job died" in shown
    assert "?state=dead" in shown


def test_home__open_trip__with_the_title_of_its_metric_and_the_way_to_the_report(rosa):
    harmed()

    trips = page(rosa).split('id="trips"')[1].split("</section>")[0]

    assert "Checkout p95" in trips
    assert f'href="/experiments/{world.KEY}/"' in trips


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(minutes=10), "2026-03-02 10:05"),
        (timedelta(hours=1, minutes=4), "2026-03-02 10:05"),
        (timedelta(hours=1, minutes=5), "2026-03-02 11:05"),
        (timedelta(days=2), "2026-03-04 12:05"),
    ],
)
def test_next_look__running__when_the_next_cut_has_settled(after, expected):
    build.started()
    plan = experiments.plan(build.KEY)

    at = home.next_look_at(plan, now=build.NOW + after)

    assert f"{at:%Y-%m-%d %H:%M}" == expected
