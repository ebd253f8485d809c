"""Deleting units and setting how long events stay, over HTTP."""

import pytest

from events.models import Erasure
from flags.services.environments import create_environment
from flags.services.keys import create_key
from tests.apps.events.building import NOW

pytestmark = pytest.mark.django_db
WANTED = {"environment": "production", "unit_type": "user", "unit": "rosa-1", "reason": "request 4711"}


@pytest.fixture(autouse=True)
def environments(db):
    create_environment(key="production", is_production=True, actor="rosa", now=NOW)
    create_environment(key="staging", actor="rosa", now=NOW)


@pytest.fixture
def call(client):
    def call(method, path, body=None, *, scope="admin", environment="production"):
        _, secret = create_key(environment=environment, name=scope, scope=scope, actor="rosa", now=NOW)
        sent = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(client, method)(
            f"/api/v1/{path}", **sent, headers={"authorization": f"Bearer {secret}"}
        )

    return call


def test_erasure__asked_for__accepted_and_found_without_the_id(call):
    made = call("post", "unit-erasures", WANTED)

    assert made.status_code == 202
    found = call("get", f"unit-erasures/{made.json()['id']}")
    assert found.json() == made.json()
    assert "rosa-1" not in found.content.decode()
    assert call("get", "unit-erasures").json()["results"] == [made.json()]


def test_erasure__reason_left_out__refused_with_its_field(call):
    answer = call("post", "unit-erasures", {**WANTED, "reason": ""})

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "reason"
    assert Erasure.objects.count() == 0


@pytest.mark.parametrize(("scope", "environment"), [("read", "production"), ("admin", "staging")])
def test_erasure__key_without_the_right__forbidden(call, scope, environment):
    answer = call("post", "unit-erasures", WANTED, scope=scope, environment=environment)

    assert answer.status_code == 403
    assert Erasure.objects.count() == 0


def test_erasure__unknown_number__not_found(call):
    assert call("get", "unit-erasures/99").status_code == 404


def test_retention__set_and_read(call):
    answer = call("put", "retention/production", {"raw_days": 30, "count_days": None, "reason": "policy"})

    expected = {"environment": "production", "raw_days": 30, "count_days": None, "is_default": False}
    assert answer.json() == call("get", "retention/production").json() == expected
    listed = call("get", "retention").json()
    assert [(row["environment"], row["raw_days"]) for row in listed] == [("production", 30), ("staging", 90)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"raw_days": "30", "count_days": 400, "reason": "x"}, "raw_days"),
        ({"raw_days": -1, "count_days": 400, "reason": "x"}, "raw_days"),
        ({"raw_days": 30, "reason": "x"}, "count_days"),
        ({"raw_days": 90, "count_days": 10, "reason": "x"}, "count_days"),
    ],
)
def test_retention__bad_value__refused_with_its_field(call, body, field):
    answer = call("put", "retention/production", body)

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["problems"]] == [field]


def test_retention__unknown_environment__not_found(call):
    assert call("get", "retention/moon").status_code == 404
