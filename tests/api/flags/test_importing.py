# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Flags of other products over HTTP: drafts and reasons, and nobody is served differently."""

import json
from pathlib import Path

import pytest

from flags import queries, services
from tests.api.flags.test_flags import send
from tests.apps.flags.build import BY, document, environment, flag, key

pytestmark = pytest.mark.django_db
FILES = Path(__file__).resolve().parents[2] / "golden" / "importers"
HERE = "environments/production/import"


def content(name):
    return json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def call(client):
    """Import with an admin key of production."""
    environment()
    _, secret = key(scope="admin", name="migration")

    def imported(product, body, **more):
        sent = {"product": product, "content": body, **more}
        return send(client, "post", HERE, sent, Authorization=f"Bearer {secret}")

    return imported


def rows(answer):
    assert answer.status_code == 200, answer.json()
    return {row["source_key"]: row for row in answer.json()["flags"]}


def draft(flag_key):
    return queries.draft(queries.flag(flag_key), queries.environment("production"))


@pytest.mark.parametrize(
    ("product", "file", "drafts"),
    [
        ("flagd", "flagd", {"new-checkout", "banner-text", "limits", "is-loyal", "half"}),
        ("growthbook", "growthbook", {"darkmode", "checkout-button", "slow-roll", "grouped"}),
        ("growthbook", "growthbook_api", {"api-flag", "v2-flag"}),
        ("unleash", "unleash", {"search-new", "allowlist", "teaser", "closed"}),
        ("flagsmith", "flagsmith", {"age-gate", "price-text", "layout", "page-size"}),
    ],
)
def test_import__each_product__drafts_made_and_nothing_served(call, product, file, drafts):
    found = rows(call(product, content(file), place="production"))

    assert {row["key"] for row in found.values() if row["outcome"] == "draft"} == drafts
    assert document()["flags"] == {}
    assert all(draft(name).is_draft for name in drafts)
    assert all(row["reasons"] for row in found.values() if row["outcome"] == "left out")


def test_import__prerequisite_not_live_yet__left_out_until_it_is(call):
    found = rows(call("growthbook", content("growthbook")))
    services.publish(flag="darkmode", environment="production", version=1, **BY)

    again = rows(call("growthbook", content("growthbook")))

    assert found["needs-dark"]["outcome"] == "left out"
    assert "darkmode" in found["needs-dark"]["reasons"][0]
    assert again["needs-dark"]["outcome"] == "draft"
    assert again["darkMode"]["outcome"] == "same"


def test_import__twice__same_and_no_new_draft(call):
    call("flagd", content("flagd"))
    before = draft("banner-text").checksum

    found = rows(call("flagd", content("flagd")))

    assert found["banner-text"]["outcome"] == "same"
    assert draft("banner-text").checksum == before


def test_import__trial__told_and_nothing_kept(call):
    found = rows(call("flagd", content("flagd"), trial=True))

    assert found["half"]["words"]
    assert not queries.flags().exists()


def test_import__flag_of_another_type_here__left_out(call):
    flag(key="half")

    assert "of the type bool, not number" in rows(call("flagd", content("flagd")))["half"]["reasons"][0]


def test_import__draft_of_somebody__stays_and_is_named(call):
    flag(key="half", value_type="number", variants={"a": 1, "b": 2})
    changed = {"variants": {"a": 1, "b": 2}, "default": "b"}
    services.save_draft(flag="half", environment="production", definition=changed, **BY)

    found = rows(call("flagd", content("flagd")))

    assert "draft by ada" in found["half"]["reasons"][0]
    assert draft("half").definition["default"] == "b"


def test_import__segment_that_says_something_else__flags_left_out(call):
    services.create_segment(key="grown-ups", **BY)
    other = {"attribute": "age", "op": "gt", "value": 99}
    services.publish_segment(segment="grown-ups", environment="production", when=other, **BY)

    found = rows(call("flagsmith", content("flagsmith")))

    assert "says something else" in found["price-text"]["reasons"][0]
    assert found["layout"]["outcome"] == "draft"


@pytest.mark.parametrize(
    ("product", "body", "field"),
    [
        ("split", {}, "source"),
        ("flagd", {}, "content"),
        ("growthbook", {"encryptedFeatures": "x.y"}, "content"),
        ("unleash", {"features": {}}, "content"),
        ("flagsmith", {"flags": []}, "content"),
        ("unleash", {"features": [], "segments": [1]}, "segments"),
    ],
)
def test_import__no_document_of_the_product__refused_with_the_field(call, product, body, field):
    answer = call(product, body)

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == field


def test_import__several_environments_none_named__refused_with_their_names(call):
    answer = call("growthbook", content("growthbook_api"))

    assert answer.status_code == 422
    assert "dev, production" in answer.json()["problems"][0]["fix"]


def test_page__look_then_import__drafts_made(client, django_user_model):
    environment()
    client.force_login(django_user_model.objects.create_user("rosa"))
    form = {"source": "flagd", "content": json.dumps(content("flagd")), "environment": "production"}

    looked = client.post("/flags/import/", {**form, "action": "look"})
    drafts_then = queries.flags().count()
    made = client.post("/flags/import/", {**form, "action": "import"})

    assert "Make these drafts" in looked.content.decode()
    assert drafts_then == 0
    assert "5 drafts are made" in made.content.decode()
    assert "bucketed anew" in made.content.decode()


@pytest.mark.parametrize("typed", ["", "{", "[]", "{}", "null"])
def test_page__nothing_to_read__said_and_kept(client, django_user_model, typed):
    environment()
    client.force_login(django_user_model.objects.create_user("rosa"))

    answer = client.post("/flags/import/", {"source": "flagd", "content": typed, "action": "look"})

    assert answer.status_code == 422
    assert "The document was not read" in answer.content.decode()
