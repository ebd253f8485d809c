"""Experiments over HTTP."""

from datetime import UTC, datetime

import pytest

from experiments import queries, services, status
from experiments.status import Snapshot
from flags import gates
from tests.apps.experiments.build import ARMS, KEY, MARGIN, NOW, content, drafted, metrics, started, stopped

pytestmark = pytest.mark.django_db
SHA = "7f3a9c" + "0" * 58


@pytest.fixture
def api(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


def send(api, method, path, body=None):
    url = f"/api/v1/experiments{path}"
    return getattr(api, method)(url, {} if body is None else body, content_type="application/json")


def test_experiments__anonymous__refused(client):
    assert client.get("/api/v1/experiments").status_code in {401, 403}


def test_life__from_draft_to_decision__over_the_api(api, monkeypatch):
    metrics()
    stored = Snapshot(KEY, SHA, "SHIP", is_trustworthy=True)
    monkeypatch.setattr(status, "_snapshots", [lambda sha256: stored])
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})

    assert send(api, "post", "", {"key": KEY, **content()}).status_code == 201
    assert send(api, "post", f"/{KEY}/bindings", {"metric": "orders", "role": "primary"}).status_code == 201
    bound = {"metric": "errors", "role": "guardrail", "margin": MARGIN}
    assert send(api, "post", f"/{KEY}/bindings", bound).status_code == 201
    started_answer = send(api, "post", f"/{KEY}/start", {"coverage_ppm": 100_000})
    assert send(api, "post", f"/{KEY}/stop", {"reason": "enough data"}).json()["state"] == "stopped"
    decision = {"taken": "ship", "snapshot_sha256": SHA, "reason": "orders rose"}
    decided = send(api, "post", f"/{KEY}/decide", decision).json()

    assert started_answer.json()["version"]["sha256"] == queries.plan(KEY).sha256
    assert (decided["state"], decided["decision"]["taken"], decided["decision"]["decided_by"]) == (
        "decided",
        "ship",
        "rosa",
    )
    (phase,) = api.get(f"/api/v1/experiments/{KEY}/phases").json()["results"]
    assert (phase["coverage_ppm"], phase["version"]) == (100_000, 1)


def test_experiments__listed__filtered_and_paged(api):
    drafted()
    services.create(key="second", content={"title": "Ranking"}, actor="rosa", now=NOW)

    listed = api.get("/api/v1/experiments?search=ranking&state=draft").json()

    assert [row["key"] for row in listed["results"]] == ["second"]
    assert len(api.get("/api/v1/experiments").json()["results"]) == 2


def test_detail__draft__plan_as_it_would_be_locked(api):
    drafted()

    answer = api.get(f"/api/v1/experiments/{KEY}").json()

    plan = answer["version"]["plan"]
    assert [binding["metric"] for binding in plan["bindings"]] == ["orders", "errors"]
    assert plan["bindings"][1]["margin"] == {"value": 0.05, "relative": True}
    assert answer["version"]["sha256"] == ""


def test_detail__patched__changed(api):
    drafted()

    answer = send(api, "patch", f"/{KEY}", {"title": "Prefetch cards", "hypothesis": {"audience": "all"}})

    assert answer.json()["title"] == "Prefetch cards"
    assert answer.json()["version"]["plan"]["hypothesis"]["change"] == "Prefetch payment methods"


@pytest.mark.parametrize("field", ["state", "created_by", "started_at", "sha256", "id"])
def test_detail__patched_field_that_is_not_ones_own__refused(api, field):
    drafted()

    answer = send(api, "patch", f"/{KEY}", {field: "x"})

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == field


def test_bindings__deleted__gone(api):
    drafted()

    assert send(api, "delete", f"/{KEY}/bindings/errors").status_code == 204
    assert send(api, "delete", f"/{KEY}/bindings/errors").status_code == 422


def test_preflight__gaps__reasons_and_fixes(api):
    drafted(owner="")

    items = {item["code"]: item for item in api.get(f"/api/v1/experiments/{KEY}/preflight").json()}

    assert (items["owner"]["status"], items["owner"]["fix"]) == ("missing", "Name an owner.")
    assert items["arms"]["status"] == "ok"


def test_start_and_stop__data_of_the_past__true_times_in_the_plan(api):
    drafted()

    began = send(api, "post", f"/{KEY}/start", {"began_at": "2026-01-12T00:00:00Z", "reason": "import"})
    ended = send(api, "post", f"/{KEY}/stop", {"ended_at": "2026-01-26T01:00:00+01:00", "reason": "import"})

    assert (began.status_code, ended.status_code) == (200, 200)
    assert ended.json()["started_at"] == "2026-01-12T00:00:00Z"
    assert ended.json()["stopped_at"] == "2026-01-26T00:00:00Z"
    assert queries.plan(KEY).started_at == datetime(2026, 1, 12, tzinfo=UTC)


def test_start__gaps__422_with_all_of_them(api):
    drafted(owner="", arms=[])

    answer = send(api, "post", f"/{KEY}/start")

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["problems"]] == ["owner", "arms"]


def test_versions__revised__both_with_their_plans(api):
    started()
    send(api, "post", f"/{KEY}/revise", {"reason": "other weights"})

    versions = api.get(f"/api/v1/experiments/{KEY}/versions").json()["results"]

    assert [(version["number"], version["state"]) for version in versions] == [(2, "draft"), (1, "locked")]
    assert versions[0]["plan"]["arms"] == versions[1]["plan"]["arms"]


def test_review__requester_approves__422(api):
    drafted()
    send(api, "post", f"/{KEY}/submit")

    answer = send(api, "post", f"/{KEY}/approve")

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "approver"


@pytest.mark.parametrize(
    ("build", "path", "body", "status_code"),
    [
        (drafted, "/stop", {"reason": "x"}, 409),
        (drafted, "/approve", {}, 409),
        (drafted, "/decide", {"taken": "ship", "snapshot_sha256": SHA, "reason": "x"}, 409),
        (started, "/start", {}, 409),
        (started, "/stop", {}, 422),
        (started, "/stop", {"reason": 5}, 422),
        (started, "/stop", {"raeson": "x"}, 422),
        (drafted, "/start", {"coverage_ppm": 0}, 422),
        (drafted, "/start", {"coverage_ppm": "all"}, 422),
        (drafted, "/start", {"publish": "no"}, 422),
        (drafted, "/start", {"began_at": "last week", "reason": "import"}, 422),
        (drafted, "/start", {"began_at": "2026-01-12T00:00:00", "reason": "import"}, 422),
        (drafted, "/start", {"began_at": "2026-01-12T00:00:00Z"}, 422),
        (started, "/stop", {"reason": "over", "ended_at": 5}, 422),
        (stopped, "/decide", {}, 422),
        (stopped, "/decide", {"taken": "ship", "snapshot_sha256": "x", "reason": "x"}, 422),
        (drafted, "/bindings", {}, 422),
        (drafted, "/bindings", {"metric": "nothing", "role": "primary"}, 404),
    ],
)
def test_step__wrong_state_or_body__problem_with_a_fix(api, build, path, body, status_code):
    build()

    answer = send(api, "post", f"/{KEY}{path}", body)

    assert answer.status_code == status_code
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert all(problem["fix"] for problem in answer.json()["problems"])


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "5"])
@pytest.mark.parametrize(
    "path", ["", f"/{KEY}", f"/{KEY}/bindings", f"/{KEY}/stop", f"/{KEY}/start", f"/{KEY}/decide"]
)
def test_body__no_object__422_in_words(api, path, body):
    started()
    method = api.patch if path == f"/{KEY}" else api.post

    answer = method(f"/api/v1/experiments{path}", body, content_type="application/json")

    assert answer.status_code == 422
    assert "not a JSON object" in answer.text


@pytest.mark.parametrize("key", [None, 5, [], {}, "", "A b", "a\u0001"])
def test_create__bad_key__422(api, key):
    answer = send(api, "post", "", {"key": key, "title": "x"})

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "key"


def test_create__weights_that_do_not_add_up__422(api):
    arms = [ARMS[0], {**ARMS[1], "weight_ppm": 499_900}]

    answer = send(api, "post", "", {"key": KEY, **content(arms=arms)})

    assert "99.99 %, must be 100 %" in answer.text


@pytest.mark.parametrize("path", ["", "/preflight", "/versions", "/phases"])
def test_experiment__unknown__404_problem(api, path):
    answer = api.get(f"/api/v1/experiments/nothing{path}")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
