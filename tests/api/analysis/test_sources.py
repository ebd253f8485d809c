"""Sources over HTTP: described, listed, tested; never a secret in an answer."""

import json

import pytest

from ledger import jobs
from tests.apps.analysis.test_own_tables import POSTGRES, SHOP

pytestmark = pytest.mark.django_db
PATH = "/api/v1/sources"


@pytest.fixture
def api(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


def post(api, body, path=PATH):
    return api.post(path, json.dumps(body), content_type="application/json")


def test_post__description__a_version_and_again_the_same(api):
    first, again = (post(api, {"text": POSTGRES}) for _ in range(2))

    assert (first.status_code, first.json()["source"], first.json()["number"]) == (201, "shop", 1)
    assert again.json() == first.json()
    assert first.json()["definition"]["exposures"]["arms"] == {"A": "off", "B": "on"}
    [listed] = api.get(PATH).json()["results"]
    assert (listed["key"], listed["version"], listed["is_tested"]) == ("shop", 1, False)


def test_post__several_mistakes__all_said_with_their_lines(api):
    text = POSTGRES.replace('key = "shop"', 'key = "The Shop"').replace(
        '"shop.orders"', '"shop.orders; drop"'
    )

    answer = post(api, {"text": text})

    problems = {problem["field"]: problem for problem in answer.json()["problems"]}
    assert answer.status_code == 422
    assert problems["key"]["line"] == 1
    assert problems["events[0].table"]["reason"] == "this is no name of a table"


def test_post__an_address_where_a_name_belongs__never_repeated(api):
    text = POSTGRES.replace(f'"{SHOP}"', '"postgresql://me:tell-nobody@db/shop"')

    answer = post(api, {"text": text})

    assert answer.status_code == 422
    assert "HEADWAY_SOURCE_" in answer.text
    assert "tell-nobody" not in answer.text


@pytest.mark.parametrize("name", ["DATABASE_URL", "HEADWAY_SECRET_KEY", "HEADWAY_SOURCE_", "PATH"])
def test_post__another_variable_of_the_worker__refused(api, name):
    assert post(api, {"text": POSTGRES.replace(f'"{SHOP}"', f'"{name}"')}).status_code == 422


def test_test__asked_for__outcome_at_the_same_address(api, monkeypatch):
    monkeypatch.delenv(SHOP, raising=False)
    post(api, {"text": POSTGRES})
    before = api.get(f"{PATH}/shop/test")

    asked = post(api, None, f"{PATH}/shop/test")
    jobs.run(asked.json()["job"])

    assert (before.status_code, asked.status_code) == (404, 202)
    found = api.get(f"{PATH}/shop/test").json()
    assert found["is_ok"] is False
    assert found["outcome"]["failure"] == f"the worker has no environment variable {SHOP}"


def test_sources__unknown_or_anonymous__refused(api, client):
    assert api.get(f"{PATH}/nothing").status_code == 404
    client.logout()
    assert client.get(PATH).status_code in {401, 403}
