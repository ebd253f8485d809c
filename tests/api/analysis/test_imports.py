"""Numbers computed elsewhere, over HTTP."""

import json

import pytest

from analysis.models import AnalysisRun
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db
PATH = f"/api/v1/experiments/{world.KEY}/imports"
UNTIL = "2026-03-10T00:00:00Z"


@pytest.fixture
def api(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


@pytest.fixture
def running():
    return world.started(bind=("orders",))


def rows(mean=3.1):
    return [
        {"metric": "orders", "arm": "control", "n": 4000, "mean": 3.0, "variance": 2.0},
        {"metric": "orders", "arm": "treatment", "n": 4000, "mean": mean, "variance": 2.0},
    ]


def post(api, body, path=PATH):
    return api.post(path, json.dumps(body), content_type="application/json")


def test_post__numbers__a_look_with_its_report(api, running):
    answer = post(api, {"until": UNTIL, "rows": rows()})

    assert answer.status_code == 201
    found = answer.json()
    assert (found["look"], found["engine"], found["actor"]) == (1, "imported", "rosa")
    report = api.get(f"/api/v1/reports/{found['report']}.json").json()
    assert report["results"][0]["metric"] == "orders"


def test_post__the_same_again__the_same_look(api, running):
    post(api, {"until": UNTIL, "rows": rows()})

    again = post(api, {"until": UNTIL, "rows": rows()[::-1]})

    assert (again.status_code, again.json()["look"]) == (200, 1)
    assert AnalysisRun.objects.count() == 1


CSV = "metric,arm,n,mean,variance\norders,control,4000,3.0,2.0\norders,treatment,4000,3.1,2.0\n"


def test_post__text_of_a_csv_file__the_same_look_as_its_rows(api, running):
    first = post(api, {"until": UNTIL, "csv": CSV})

    assert (first.status_code, post(api, {"until": UNTIL, "rows": rows()}).status_code) == (201, 200)


@pytest.mark.parametrize(
    ("body", "field", "line"),
    [
        ({"csv": CSV.replace("4000,3.1", "4000,x")}, "mean", 3),
        ({"csv": CSV.replace(",", ";")}, "file", 1),
        ({"csv": CSV, "rows": rows()}, "csv", None),
        ({"csv": 5}, "csv", None),
        ({"csv": ""}, "file", 1),
    ],
)
def test_post__bad_csv__field_and_line(api, running, body, field, line):
    answer = post(api, {"until": UNTIL, **body})

    assert answer.status_code == 422
    [problem] = answer.json()["problems"]
    assert (problem["field"], problem.get("line")) == (field, line)
    assert AnalysisRun.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rows": rows()}, "until"),
        ({"until": "yesterday", "rows": rows()}, "until"),
        ({"until": "2026-03-10T00:00:00", "rows": rows()}, "until"),
        ({"until": UNTIL}, "rows"),
        ({"until": UNTIL, "rows": {"metric": "orders"}}, "rows"),
        ({"until": UNTIL, "rows": [1]}, "rows"),
        ({"until": UNTIL, "rows": [*rows(), {"metric": [], "arm": {}}]}, "metric"),
        ({"until": UNTIL, "rows": [{**rows()[0], "n": 10**400}, rows()[1]]}, "n"),
        ({"until": UNTIL, "rows": rows(), "untill": 1}, "untill"),
    ],
)
def test_post__bad_body__problem_names_the_field(api, running, body, field):
    answer = post(api, body)

    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert field in {problem["field"] for problem in answer.json()["problems"]}
    assert AnalysisRun.objects.count() == 0


def test_post__earlier_data_than_the_last_look__conflict(api, running):
    post(api, {"until": UNTIL, "rows": rows()})

    assert post(api, {"until": "2026-03-09T00:00:00Z", "rows": rows()}).status_code == 409


def test_post__unknown_experiment__not_found(api):
    body = {"until": UNTIL, "rows": rows()}

    assert post(api, body, "/api/v1/experiments/nothing/imports").status_code == 404


def test_post__anonymous__refused(client, running):
    assert post(client, {"until": UNTIL, "rows": rows()}).status_code in {401, 403}
