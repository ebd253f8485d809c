"""Metrics over HTTP."""

import pytest

from tests.apps.metrics.texts import metric_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


def post(api, path, body):
    return api.post(f"/api/v1/{path}", body, content_type="application/json")


def test_metrics__anonymous__refused(client):
    assert client.get("/api/v1/metrics").status_code in {401, 403}


def test_metrics__posted__stored_and_listed(api):
    answer = post(api, "metrics", {"text": metric_text("orders")})

    assert answer.status_code == 201
    assert (answer.json()["metric"], answer.json()["number"]) == ("orders", 1)
    assert answer.json()["author"] == "rosa"
    (listed,) = api.get("/api/v1/metrics").json()["results"]
    assert (listed["key"], listed["version"], listed["definition"]["unit"]) == ("orders", 1, "orders")


def test_metrics__posted_twice__same_version(api):
    post(api, "metrics", {"text": metric_text("orders")})

    assert post(api, "metrics", {"text": metric_text("orders")}).json()["number"] == 1


def test_metrics__bad_definition__problem_with_line_field_and_fix(api):
    answer = post(api, "metrics", {"text": metric_text("orders", direction="sideways")})

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    (problem,) = answer.json()["problems"]
    assert (problem["field"], problem["line"], problem["value"]) == ("direction", 6, "'sideways'")
    assert problem["fix"]


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "null",
        '"x"',
        "{}",
        '{"text": 1}',
        '{"text": ""}',
        '{"txt": "a"}',
    ],
)
def test_metrics__body_that_is_no_text__422_in_words(api, body):
    answer = api.post("/api/v1/metrics", body, content_type="application/json")

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["fix"]


@pytest.mark.parametrize("body", ["", "{", "{]", b"\xff\xfe", '{"text": "\\u0000"}', '{"text": "\\ud800"}'])
def test_metrics__body_that_is_no_json__4xx_problem(api, body):
    answer = api.post("/api/v1/metrics", body, content_type="application/json")

    assert 400 <= answer.status_code < 500
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_versions__second_posted__newest_first_and_each_readable(api):
    post(api, "metrics", {"text": metric_text("orders", direction="up")})

    answer = post(api, "metrics/orders/versions", {"text": metric_text("orders", direction="down")})

    assert answer.json()["number"] == 2
    listed = api.get("/api/v1/metrics/orders/versions").json()["results"]
    assert [version["number"] for version in listed] == [2, 1]
    assert api.get("/api/v1/metrics/orders/versions/1").json()["definition"]["direction"] == "up"


def test_versions__text_of_another_metric__refused(api):
    post(api, "metrics", {"text": metric_text("orders")})

    answer = post(api, "metrics/orders/versions", {"text": metric_text("visits")})

    assert answer.status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "metrics/nothing",
        "metrics/nothing/versions",
        "metrics/orders/versions/2",
        f"metrics/orders/versions/{10**30}",
    ],
)
def test_metric__not_there__404_problem(api, path):
    post(api, "metrics", {"text": metric_text("orders")})

    answer = api.get(f"/api/v1/{path}")

    assert answer.status_code == 404
    assert answer.json()["problems"][0]["fix"]


def test_metrics__mad_cursor__404_and_not_500(api):
    assert api.get("/api/v1/metrics?cursor=%01%ff").status_code == 404
