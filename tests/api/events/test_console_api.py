"""Counts, refused events, imports and labelled events over HTTP."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from events import services
from events.models import RefusedEvent
from flags.services.environments import create_environment
from flags.services.keys import create_key
from tests.apps.events.building import NOW, event, exposure, put, stored

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.HEADWAY_EVENT_STORE = (tmp_path / "store").as_uri()


@pytest.fixture
def api(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


@pytest.fixture
def keys(db):
    create_environment(key="production", is_production=True, actor="rosa", now=NOW)
    create_environment(key="staging", is_production=False, actor="rosa", now=NOW)

    def make(scope, environment="production"):
        return create_key(environment=environment, name=scope, scope=scope, actor="rosa", now=NOW)

    return make


def get(api, path, **headers):
    return api.get(f"/api/v1/{path}", headers=headers)


def post(api, path, body, **headers):
    return api.post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)


@pytest.mark.parametrize(
    "path",
    [
        "event-counts",
        "event-freshness",
        "refused-events",
        "refused-events/1",
        "event-imports",
        "labelled-events",
    ],
)
def test_reading__anonymous__refused(client, path):
    assert get(client, path).status_code in {401, 403}


def test_counts__after_compaction__per_key_day_and_kind(api, keys):
    key, _ = keys("ingest")
    put([event(1), event(2, value="x"), exposure(3)], key=key)
    put([event(4)], environment="staging")
    services.drain(now=NOW)

    rows = get(api, "event-counts?environment=production&since=2026-03-04").json()["results"]

    assert {(row["kind"], row["count"]) for row in rows} == {("event", 1), ("refused", 1), ("exposure", 1)}
    assert {row["key"] for row in rows} == {key.prefix}
    assert get(api, "event-counts?since=2026-03-05").json()["results"] == []


def test_counts__bad_day__problem_naming_the_field(api):
    answer = get(api, "event-counts?since=yesterday")

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "since"


def test_freshness__batch_waits__depth_and_age(api):
    put([event(1)])

    found = get(api, "event-freshness").json()

    assert (found["waiting"], found["newest_at"], found["files"]) == (1, None, 0)
    assert found["oldest_waiting_at"].startswith("2026-03-04T12:00")


def test_refused__detail_and_replay__event_stored(api):
    put([event(1, value="12")])
    services.drain(now=NOW)
    row = RefusedEvent.objects.get()

    [listed] = get(api, "refused-events?environment=production&field=value").json()["results"]
    detail = get(api, f"refused-events/{row.id}").json()
    corrected = json.dumps({**json.loads(detail["raw"]), "value": 12})
    answer = post(api, f"refused-events/{row.id}/replay", {"raw": corrected})
    services.drain(now=NOW)

    assert "raw" not in listed
    assert (listed["field"], listed["value"]) == ("value", "'12'")
    assert answer.status_code == 200
    assert answer.json()["replayed_at"]
    assert [row["value"] for row in stored("events")] == [12.0]


@pytest.mark.parametrize("body", [{"raw": 5}, {"rw": "x"}, {"raw": "{}"}, [], {"raw": "x" * 200_000}])
def test_replay__bad_body__problem_and_nothing_stored(api, body):
    put([event(1, value="12")])
    services.drain(now=NOW)
    row = RefusedEvent.objects.get()

    answer = post(api, f"refused-events/{row.id}/replay", body)

    assert answer.status_code in {409, 422}
    assert answer.json()["problems"][0]["reason"]
    assert RefusedEvent.objects.get().replayed_at is None


def test_replay__key_of_another_environment__403_and_nothing_changed(client, keys):
    put([event(1, ts="2026-01-01T10:00:00Z")])
    services.drain(now=NOW)
    row = RefusedEvent.objects.get()
    _, foreign = keys("admin", "staging")
    _, own = keys("admin")

    path = f"refused-events/{row.id}/replay"
    assert post(client, path, {}, authorization=f"Bearer {foreign}").status_code == 403
    assert post(client, path, {}, authorization=f"Bearer {own}").status_code == 200


@pytest.mark.parametrize("scope", ["ingest", "client", "server"])
def test_reading__key_of_an_sdk__refused(client, keys, scope):
    _, secret = keys(scope)

    assert get(client, "refused-events", authorization=f"Bearer {secret}").status_code == 403


def test_reading__key_with_scope_read__may_read_and_not_write(client, keys):
    _, secret = keys("read")

    assert get(client, "labelled-events", authorization=f"Bearer {secret}").status_code == 200
    body = {"kind": "deploy", "title": "v12", "started_at": "2026-03-04T10:00:00Z"}
    assert post(client, "labelled-events", body, authorization=f"Bearer {secret}").status_code == 403


def test_refused__unknown_number__404(api):
    assert get(api, "refused-events/4711").status_code == 404


def test_labels__posted_listed_ended(api):
    body = {
        "kind": "incident",
        "title": "slow",
        "started_at": "2026-03-04T10:00:00+01:00",
        "slices": {"country": ["de"]},
    }

    made = post(api, "labelled-events", body)
    number = made.json()["id"]
    listed = get(
        api, "labelled-events?kind=incident&since=2026-03-04T08:00:00Z&until=2026-03-04T09:30:00Z"
    ).json()
    ended = post(api, f"labelled-events/{number}/end", {})

    assert made.status_code == 201
    assert (made.json()["created_by"], made.json()["started_at"]) == ("rosa", "2026-03-04T09:00:00Z")
    assert [row["id"] for row in listed["results"]] == [number]
    assert ended.json()["ended_at"]
    assert get(api, f"labelled-events/{number}").json()["ended_at"] == ended.json()["ended_at"]


def test_labels__several_faults__all_named(api):
    future = (timezone.now() + timedelta(days=1)).isoformat()

    answer = post(api, "labelled-events", {"kind": "incdent", "titel": "x", "started_at": future})

    assert answer.status_code == 422
    problems = {problem["field"]: problem for problem in answer.json()["problems"]}
    assert {"kind", "titel", "title"} <= set(problems)
    assert 'Did you mean "incident"?' in problems["kind"]["fix"]
    assert 'Did you mean "title"?' in problems["titel"]["fix"]


@pytest.mark.parametrize("query", ["since=yesterday", "until=2026-03-04", "since=5"])
def test_labels__bad_time_in_the_query__422(api, query):
    assert get(api, f"labelled-events?{query}").status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "refused-events?environment=%00&field=%00",
        "labelled-events?kind=%00",
        "event-counts?environment=%00",
        "event-freshness?environment=%00",
    ],
)
def test_reading__nul_in_a_filter__no_fault(api, path):
    assert get(api, path).status_code < 500


def test_imports__none__empty_list(api):
    assert get(api, "event-imports").json()["results"] == []
