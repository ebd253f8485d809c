"""Schedules, changes under review, ramps, roll-outs and clean-up over HTTP."""

import pytest

from experiments import queries, services, status
from experiments.status import Snapshot
from flags import gates
from tests.api.experiments.test_experiments import SHA, send
from tests.apps.experiments.build import KEY, NOW, drafted, started, stopped

pytestmark = pytest.mark.django_db
STEPS = [{"coverage_ppm": 500_000, "hold_minutes": 60}, {"coverage_ppm": 1_000_000}]


@pytest.fixture(autouse=True)
def reports(monkeypatch):
    stored = Snapshot(KEY, SHA, "SHIP", is_trustworthy=True)
    monkeypatch.setattr(status, "_snapshots", [lambda sha256: stored])
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})


@pytest.fixture
def api(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


@pytest.fixture
def amir(api, django_user_model):
    """Somebody else."""
    other = api.__class__()
    other.force_login(django_user_model.objects.create_user("amir"))
    return other


def test_schedule__approved_plan__state_and_times(api):
    drafted()
    services.submit(key=KEY, actor="rosa", now=NOW)
    services.approve(key=KEY, actor="amir", now=NOW)
    asked = {"start_at": "2099-01-01T08:00:00Z", "stop_at": "2099-01-15T08:00:00Z", "coverage_ppm": 500_000}

    answer = send(api, "post", f"/{KEY}/schedule", asked).json()

    assert (answer["state"], answer["scheduled_start_at"]) == ("scheduled", "2099-01-01T08:00:00Z")
    assert send(api, "post", f"/{KEY}/unschedule", {"reason": "later"}).json()["state"] == "approved"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"start_at": "2099-01-01"},
        {"start_at": 7},
        {"start": "x"},
        {"start_at": "9999-12-31T23:59:59-14:00"},
    ],
)
def test_schedule__no_time_or_no_zone__422_names_the_field(api, body):
    drafted()

    answer = send(api, "post", f"/{KEY}/schedule", body)

    assert answer.status_code == 422
    assert answer["content-type"] == "application/problem+json"
    assert answer.json()["problems"][0]["field"] in {"start_at", "start"}


def test_change__asked_agreed_applied__over_the_api(api, amir):
    started()
    send(api, "post", f"/{KEY}/revise", {"reason": "longer"})
    send(api, "patch", f"/{KEY}", {"max_days": 60})

    asked = send(api, "post", f"/{KEY}/changes", {"reason": "weekends"})
    assert (asked.status_code, asked.json()["diff"]["max_days"]) == (201, [28, 60])
    assert send(api, "post", f"/{KEY}/approve-change").status_code == 422
    assert send(amir, "post", f"/{KEY}/approve-change").json()["change_state"] == "approved"
    assert send(api, "post", f"/{KEY}/apply-change").json()["change_state"] == "idle"

    (row,) = api.get(f"/api/v1/experiments/{KEY}/changes").json()["results"]
    assert (row["state"], row["approved_by"]) == ("applied", "amir")


def test_pause_and_resume__running__states(api):
    started()

    assert send(api, "post", f"/{KEY}/pause", {"reason": "an incident"}).json()["state"] == "paused"
    assert send(api, "post", f"/{KEY}/resume", {"reason": "over"}).json()["state"] == "running"


def test_ramp__started_and_ended__listed(api):
    drafted()
    services.start(key=KEY, actor="rosa", now=NOW, coverage_ppm=10_000)

    assert send(api, "post", f"/{KEY}/ramp", {"steps": STEPS}).status_code == 201
    assert send(api, "post", f"/{KEY}/ramp/pause", {"reason": "lunch"}).status_code == 200
    assert send(api, "post", f"/{KEY}/ramp/end", {"reason": "enough"}).status_code == 200

    (row,) = api.get(f"/api/v1/experiments/{KEY}/ramp").json()["results"]
    assert (row["state"], [step["coverage_ppm"] for step in row["steps"]]) == ("ended", [500_000, 1_000_000])


def test_rollout__assigned_elsewhere__prepared_started_finished_followed_up_closed(api):
    stopped()
    decision = {"taken": "ship", "snapshot_sha256": SHA, "reason": "orders rose", "at_once": False}
    send(api, "post", f"/{KEY}/decide", decision)

    assert send(api, "get", f"/{KEY}/rollout").status_code == 404
    prepared = send(api, "post", f"/{KEY}/rollout", {"steps": STEPS, "follow_up_on": "2099-02-01"}).json()
    assert (prepared["arm"], prepared["follow_up_on"]) == ("treatment", "2099-02-01")
    assert send(api, "post", f"/{KEY}/rollout/start").json()["state"] == "rolling_out"
    assert send(api, "post", f"/{KEY}/close").status_code == 409
    for step in ("finish", "follow-up"):
        assert send(api, "post", f"/{KEY}/rollout/{step}", {"reason": "as said"}).status_code == 200
    for item in api.get(f"/api/v1/experiments/{KEY}/clean-up").json():
        done = send(api, "post", f"/{KEY}/clean-up/{item['code']}", {"reason": "done"})
        assert done.json()["done_by"] == "rosa"

    assert send(api, "post", f"/{KEY}/close").json()["state"] == "closed"


def test_follow_on__new_key__draft_that_names_what_it_follows(api):
    started()

    answer = send(api, "post", f"/{KEY}/follow-on", {"key": "again"})

    assert (answer.status_code, answer.json()["follows"], answer.json()["state"]) == (201, KEY, "draft")


@pytest.mark.parametrize("search", ["opening steps", '"payment methods"', "prefetching", "prefetch -nothing"])
def test_search__words_of_the_hypothesis__found(api, search):
    started()
    services.create(key="second", content={"title": "Ranking"}, actor="rosa", now=NOW)

    found = api.get("/api/v1/experiments", {"search": search}).json()["results"]

    assert [row["key"] for row in found] == [KEY]


def test_search__what_the_decision_taught__found(api):
    stopped()
    decided = {"taken": "abandon", "snapshot_sha256": SHA, "reason": "nobody notices preloading"}
    send(api, "post", f"/{KEY}/decide", decided)

    found = api.get("/api/v1/experiments", {"search": "noticed preloaded"}).json()["results"]

    assert [row["key"] for row in found] == [KEY]
    assert queries.experiments(search="\0").count() in {0, 1}
