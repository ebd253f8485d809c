"""Reports, looks, results and trips over HTTP."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from ledger import queries as ledger_queries
from tests.apps.experiments.build import drafted, started
from tests.apps.report.build import KEY, NOW, reported, resulted, tripped

pytestmark = pytest.mark.django_db
ONE = f"/api/v1/experiments/{KEY}"


@pytest.fixture
def api(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


@pytest.fixture
def viewer(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("mina"))
    return client


def post(api, path, body=None):
    return api.post(path, {} if body is None else body, content_type="application/json")


@pytest.mark.parametrize("path", ["report", "runs", "results"])
def test_api__anonymous__refused(client, path):
    started()

    assert client.get(f"{ONE}/{path}").status_code in {401, 403}


def test_report__newest__stored_text_with_its_hash_as_etag(api):
    started()
    reported("keep_running_unproven", days=10)
    newest = reported(look=2)

    answer = api.get(f"{ONE}/report")

    assert answer.content.decode() == newest.document
    assert answer.headers["ETag"] == f'"{newest.sha256}"'
    assert answer.headers["Content-Type"] == "application/json"


def test_report__per_arm__value_difference_interval_and_p_value(api):
    started()
    reported("imported_aggregate", days=7)

    row = api.get(f"{ONE}/report").json()["results"][0]
    arm = row["arms"][0]

    assert (row["control"]["value"], row["control"]["numerator"], row["control"]["denominator"]) == (
        0.00342,
        137,
        40_041,
    )
    assert (arm["value"], arm["difference"]) == (0.00421, 0.00079)
    assert arm["low"] < arm["fixed"]["low"] < arm["difference"] < arm["fixed"]["high"] < arm["high"]
    assert 0 < arm["fixed"]["p_value"] < 1
    assert arm["inference"] == "always_valid"


def test_report__none_yet__404_with_a_way_on(api):
    started()

    answer = api.get(f"{ONE}/report")

    assert answer.status_code == 404
    assert "/runs asks for a look" in answer.json()["problems"][0]["fix"]


def test_report__held_already__304(api):
    started()
    snapshot = reported()

    answer = api.get(f"{ONE}/report", headers={"If-None-Match": f'W/"{snapshot.sha256}"'})

    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize("form", ["json", "md", "csv"])
def test_report__by_hash__each_form(api, form):
    started()
    snapshot = reported()

    answer = api.get(f"/api/v1/reports/{snapshot.sha256}.{form}", headers={"Accept": "text/csv"})

    assert answer.status_code == 200
    assert {
        "json": lambda text: json.loads(text)["look"]["number"] == 1,
        "md": lambda text: text.startswith("## ▼ ROLL BACK"),
        "csv": lambda text: next(csv.DictReader(io.StringIO(text)))["snapshot"] == snapshot.sha256,
    }[form](answer.content.decode())


@pytest.mark.parametrize("path", ["/api/v1/reports/ffffffffffff.json", "/api/v1/reports/abc.json"])
def test_report__unknown_hash__404(api, path):
    assert api.get(path).status_code == 404


def test_report__before_the_minimum_duration__hidden_from_viewers(viewer, monkeypatch):
    started()
    snapshot = reported("keep_running_early", days=3)
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(days=4))

    refused = [
        viewer.get(path)
        for path in (f"{ONE}/report", f"/api/v1/reports/{snapshot.sha256}.csv", f"{ONE}/results")
    ]

    assert [answer.status_code for answer in refused] == [409, 409, 409]
    assert "2026-03-09" in refused[0].json()["problems"][0]["reason"]


def test_runs__listed__newest_first_with_report_and_verdict(api):
    started()
    reported("keep_running_unproven", days=10)
    newest = reported(look=2)

    rows = api.get(f"{ONE}/runs").json()["results"]

    assert [(row["look"], row["verdict"]) for row in rows] == [(2, "ROLL BACK"), (1, "KEEP RUNNING")]
    assert rows[0]["report"] == newest.sha256


def test_runs__posted_twice_for_one_time__one_job(api):
    started(now=timezone.now() - timedelta(days=2))
    until = (timezone.now() - timedelta(hours=1)).isoformat()

    first, second = (post(api, f"{ONE}/runs", {"until": until}) for _ in range(2))

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert first.json()["state"] == "queued"
    assert ledger_queries.jobs().count() == 1


@pytest.mark.parametrize(
    "until", ["yesterday", "2026-13-01T00:00:00Z", "2026-03-03T00:00:00", "1999-01-01T00:00:00Z"]
)
def test_runs__until_makes_no_sense__refused_with_field_and_fix(api, until):
    started()

    answer = post(api, f"{ONE}/runs", {"until": until})

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "until"


def test_runs__before_the_start__conflict(api):
    drafted()

    assert post(api, f"{ONE}/runs").status_code == 409


def test_results__filtered__tidy_rows(api):
    started()
    first, second = reported("keep_running_unproven", days=10), reported(look=2)
    resulted(first.run)
    resulted(second.run, estimate=0.7)
    resulted(second.run, dimension="device", level="phone", state="flagged")

    everything = api.get(f"{ONE}/results").json()["results"]
    overall = api.get(f"{ONE}/results?metric=orders&slice=overall&look=2&arm=treatment").json()["results"]

    assert len(everything) == 3
    assert [(row["look"], row["estimate"], row["level"]) for row in overall] == [(2, 0.7, "")]
    assert [row["level"] for row in api.get(f"{ONE}/results?slice=device").json()["results"]] == ["phone"]


@pytest.mark.parametrize("query", ["slice=%F0%9F%98%80", "arm='", "look=99999999", "metric=x"])
def test_results__odd_filters__nothing_found(api, query):
    started()

    answer = api.get(f"{ONE}/results?{query}")

    assert answer.status_code == 200
    assert answer.json()["results"] == []


@pytest.mark.parametrize("look", ["x", "-1", "1e3", "²", "9" * 30])
def test_results__look_is_no_number__refused(api, look):
    started()

    answer = api.get(f"{ONE}/results", {"look": look})

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "look"


def test_trips__listed_and_settled(viewer):
    started()
    trip = tripped(reported())

    listed = viewer.get(f"/api/v1/trips?experiment={KEY}&state=open").json()["results"]
    acknowledged = post(viewer, f"/api/v1/trips/{trip.id}/acknowledge")
    resolved = post(viewer, f"/api/v1/trips/{trip.id}/resolve", {"reason": "rolled back"})

    assert [(row["id"], row["metric"], row["margin"]) for row in listed] == [(trip.id, "errors", 30.0)]
    assert acknowledged.json()["acknowledged_by"] == "mina"
    assert (resolved.json()["state"], resolved.json()["settled_by"]) == ("resolved", "mina")
    assert viewer.get("/api/v1/trips?state=open").json()["results"] == []


@pytest.mark.parametrize(("step", "field"), [("waive", "approver"), ("resolve", "actor")])
def test_trips__settled_by_the_owner__refused(api, step, field):
    started(owner="rosa")
    trip = tripped(reported())

    answer = post(api, f"/api/v1/trips/{trip.id}/{step}", {"reason": "fine"})

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == field


@pytest.mark.parametrize("body", [{"reason": 3}, {"why": "x"}, {"reason": "a\x07b"}, []])
def test_trips__body_makes_no_sense__refused(api, body):
    started()
    trip = tripped(reported())

    assert post(api, f"/api/v1/trips/{trip.id}/resolve", json.dumps(body)).status_code == 422


def test_trips__settled_before__conflict(viewer):
    started()
    trip = tripped(reported())
    post(viewer, f"/api/v1/trips/{trip.id}/resolve", {"reason": "done"})

    assert post(viewer, f"/api/v1/trips/{trip.id}/resolve", {"reason": "again"}).status_code == 409
    assert post(viewer, "/api/v1/trips/999999/resolve", {"reason": "x"}).status_code == 404
