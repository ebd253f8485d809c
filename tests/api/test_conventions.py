"""What holds at every address of the API: one execution per key, no overwriting, problems in one form."""

import hashlib
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from config.models import StoredAnswer
from ledger import queries as ledger_queries
from tests.apps.metrics.texts import metric_text

TEAM = {"key": "shop", "name": "Shop", "owner": "rosa"}
KEY = {"Idempotency-Key": "c1f0b0f6-0000-4000-8000-000000000001"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def rosa(django_user_model):
    return django_user_model.objects.create_user("rosa")


@pytest.fixture
def api(client, rosa):
    client.force_login(rosa)
    return client


def send(api, body=TEAM, path="teams", method="post", **headers):
    call = getattr(api, method)
    return call(f"/api/v1/{path}", body, content_type="application/json", headers=headers)


def test_idempotency_key__sent_twice__done_once_and_answered_the_same(api):
    first, second = send(api, **KEY), send(api, **KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert ledger_queries.audit_of("team:shop").count() == 1


@pytest.mark.parametrize("other", [{"body": {**TEAM, "key": "cart"}}, {"path": "teams?x=1"}])
def test_idempotency_key__for_another_request__422_and_nothing_done(api, other):
    send(api, **KEY)

    answer = send(api, **other, **KEY)

    assert answer.status_code == 422
    assert "another address or body" in answer.json()["detail"]
    assert ledger_queries.audit_events(subject="team:").count() == 1


def test_idempotency_key__of_somebody_else__not_the_same_key(api, django_user_model):
    send(api, **KEY)
    api.force_login(django_user_model.objects.create_user("sam"))

    assert send(api, body={**TEAM, "key": "cart"}, **KEY).status_code == 201


def test_idempotency_key__after_a_refusal__free_again(api):
    assert send(api, body={**TEAM, "owner": ""}, **KEY).status_code == 422

    assert send(api, **KEY).status_code == 201


def test_idempotency_key__after_a_day__forgotten(api):
    send(api, **KEY)
    StoredAnswer.objects.update(at=timezone.now() - timedelta(hours=24, seconds=1))

    answer = send(api, body={**TEAM, "key": "cart"}, **KEY)

    assert answer.status_code == 201
    assert StoredAnswer.objects.count() == 1


def test_idempotency_key__answer_with_a_secret__not_stored_and_said_so(api):
    body = {
        "name": "ops",
        "kind": "webhook",
        "events": ["guardrail.*"],
        "address": "https://93.184.216.34/hook",
    }

    first, second = send(api, body, "receivers", **KEY), send(api, body, "receivers", **KEY)

    assert first.status_code == 201
    assert StoredAnswer.objects.get().body is None
    assert second.status_code == 409
    assert "secret" in second.json()["detail"]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel"])
def test_idempotency_key__malformed__400(api, key):
    answer = send(api, **{"Idempotency-Key": key})

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_idempotency_key__nobody_logged_in__turned_away(client):
    assert send(client, **KEY).status_code in {401, 403}
    assert not StoredAnswer.objects.exists()


def test_idempotency_key__role_lost_since__no_replay(api, django_user_model):
    from organisation import services

    send(api, **KEY)
    django_user_model.objects.create_superuser("root")
    services.grant(user="rosa", role="viewer", actor="root", now=timezone.now())

    assert send(api, **KEY).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_idempotency_key__at_the_same_time__one_does_it_and_the_other_is_told_to_wait(rosa):
    name = hashlib.sha256(f"user:{rosa.pk}\n{KEY['Idempotency-Key']}".encode()).hexdigest()
    lock = int.from_bytes(bytes.fromhex(name[:16]), "big", signed=True)
    answers = []

    def second() -> None:
        client = Client()
        client.force_login(rosa)
        answers.append(send(client, **KEY))
        connections.close_all()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    assert answers[0].status_code == 409
    assert answers[0].headers["Retry-After"] == "1"
    assert not ledger_queries.audit_of("team:shop").exists()


def test_etag__unchanged__304_without_a_body(api):
    send(api)
    tag = api.get("/api/v1/teams/shop").headers["ETag"]

    answer = api.get("/api/v1/teams/shop", headers={"If-None-Match": tag})

    assert (answer.status_code, answer.content) == (304, b"")


def test_if_match__still_the_same__changed(api):
    send(api)
    tag = api.get("/api/v1/teams/shop").headers["ETag"]
    facts = {"name": "Store", "owner": "rosa"}

    answer = send(api, facts, "teams/shop", "put", **{"If-Match": tag})

    assert (answer.status_code, answer.json()["name"]) == (200, "Store")


def test_if_match__changed_meanwhile__412_with_who_and_when(api, django_user_model):
    send(api)
    tag = api.get("/api/v1/teams/shop").headers["ETag"]
    api.force_login(django_user_model.objects.create_user("sam"))
    send(api, {"name": "Sam's", "owner": "rosa"}, "teams/shop", "put")

    answer = send(api, {"name": "Mine", "owner": "rosa"}, "teams/shop", "put", **{"If-Match": tag})

    assert answer.status_code == 412
    assert answer.json()["changed_by"] == "sam"
    assert api.get("/api/v1/teams/shop").json()["name"] == "Sam's"
    assert answer.headers["ETag"] == api.get("/api/v1/teams/shop").headers["ETag"]


def test_if_match__where_nothing_can_be_read__412_and_nothing_done(api):
    send(api, {"text": metric_text("orders")}, "metrics")

    answer = send(api, {}, "teams/nowhere", "put", **{"If-Match": '"x"'})

    assert answer.status_code == 412


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("get", "/api/v1/teams/nowhere", {}, 404),
        ("get", "/api/v1/teams?cursor=%ff", {}, 404),
        ("delete", "/api/v1/teams", {}, 405),
        ("get", "/api/v1/teams", {"Accept": "text/csv"}, 406),
        ("get", "/api/v1/nowhere", {}, 404),
    ],
)
def test_refusal__of_any_kind__problem_json(api, method, path, headers, status):
    answer = getattr(api, method)(path, headers=headers)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["title"]


LISTS = ("trips", "reviews", "waivers", "incidents", "postmortems", "action-items", "deliveries")


def test_list__filtered_by_a_state_there_is_not__422_with_those_there_are(api):
    found = {name: api.get(f"/api/v1/{name}?state=opened") for name in LISTS}

    assert {name: answer.status_code for name, answer in found.items()} == dict.fromkeys(LISTS, 422)
    for answer in found.values():
        assert answer.json()["problems"][0]["field"] == "state"
        assert "Possible are: " in answer.json()["problems"][0]["fix"]


def test_body__of_another_kind__415_problem_json(api):
    answer = api.post("/api/v1/teams", "<team/>", content_type="application/xml")

    assert answer.status_code == 415
    assert answer.headers["Content-Type"] == "application/problem+json"
