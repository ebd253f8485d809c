"""Links to reports for people without an account, over HTTP."""

import pytest
from django.urls import reverse

from tests.api.analysis.test_imports import UNTIL, post, rows
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db
PATH = f"/api/v1/experiments/{world.KEY}/shares"


@pytest.fixture
def api(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


@pytest.fixture
def report(api):
    """The hash of a report whose results everybody may see."""
    world.started(bind=("orders",))
    return post(api, {"until": UNTIL, "rows": rows()}).json()["report"]


def test_shares__made_opened_and_revoked(api, report, client):
    made = post(api, {"note": "for the board", "days": 7, "sha256": report}, PATH)

    assert made.status_code == 201
    link = made.json()
    assert link["snapshot"].startswith(report[:12])
    listed = api.get(PATH).json()["results"]
    assert [row["note"] for row in listed] == ["for the board"]
    assert "url" not in listed[0]
    client.logout()
    assert client.get(link["url"]).status_code == 200

    client.force_login(_somebody())
    assert client.delete(f"{PATH}/{link['id']}").status_code == 204
    assert client.delete(f"{PATH}/{link['id']}").status_code == 409
    client.logout()
    assert client.get(link["url"]).status_code == 410


def _somebody():
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(username="rosa")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"note": " "}, "note"),
        ({"note": "x", "days": 0}, "days"),
        ({"note": "x", "days": "7"}, "days"),
        ({"note": "x", "sha": "y"}, "sha"),
        ({}, "note"),
    ],
)
def test_shares__bad_body__refused_with_its_field(api, report, body, field):
    answer = post(api, body, PATH)

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == field


def test_shares__no_report_yet__not_found(api):
    world.started(bind=("orders",))

    assert post(api, {"note": "x"}, PATH).status_code == 404
    assert api.get(PATH).json()["results"] == []


def test_shares__unknown_experiment_or_link__not_found(api, report):
    assert api.get("/api/v1/experiments/nothing/shares").status_code == 404
    assert api.delete(f"{PATH}/99").status_code == 404
    assert reverse("api-shares", args=[world.KEY]) == PATH
