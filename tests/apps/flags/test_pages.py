# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""The flag pages: what they show, what their buttons do, what they say when something is wrong."""

import json
import re
from datetime import date, timedelta

import pytest
from django.utils import timezone

from flags import queries, seen, services
from tests.apps.flags.build import (
    BY,
    HALF,
    NOW,
    definition,
    environment,
    flag,
    key,
    layer,
    published,
    rules_form,
    split,
)

pytestmark = pytest.mark.django_db
AT: dict = {"flag": "checkout", "environment": "production"}
DE = {"attribute": "country", "op": "in", "value": ["de", "at"]}


@pytest.fixture
def exposures(monkeypatch):
    """Flag → when it was last evaluated, as the event store would register it."""
    known: dict = {}
    counted = lambda place, flags: {k: known[k] for k in flags if k in known}  # noqa: E731
    monkeypatch.setattr(seen, "_providers", [(counted, lambda place: NOW - timedelta(days=365))])
    return known


@pytest.mark.parametrize("path", ["", "new/", "keys/", "layers/", "segments/", "environments/", "checkout/"])
def test_page__anonymous__sent_to_login(client, path):
    assert client.get(f"/flags/{path}").headers["Location"].startswith("/login")


def test_list__no_environment__says_how_to_begin(browser):
    assert "There is no environment yet" in browser.get("/flags/").text


def test_list__no_flags__says_how_to_begin(browser):
    environment()

    page = browser.get("/flags/").text

    assert "There are no flags yet" in page
    assert "/flags/new/" in page


def test_list__flags__state_coverage_owner_and_last_evaluation(browser, exposures):
    flag(title="New checkout", owner="team checkout", expires_on=date(2020, 1, 1))
    published([split(125_000)])
    exposures["checkout"] = NOW
    flag("search")
    services.switch_off(flag="search", environment="production", reason="slow", **BY)

    page = browser.get("/flags/").text

    assert "New checkout" in page
    assert "12.5\u202f%" in page
    assert "expired 2020-01-01" in page
    assert "2026-03-02 09:30 UTC" in page
    assert '<span class="pill pill-harm">off</span>' in page
    assert "never" in page


def test_list__to_clean_up__only_those_with_a_reason(browser, exposures):
    flag("settled")
    flag("switch", kind="ops")
    services.create_flag(key="fresh", value_type="bool", actor="ada", now=timezone.now())
    exposures |= {"settled": timezone.now(), "switch": timezone.now(), "fresh": timezone.now()}

    page = browser.get("/flags/?stale=on").text

    assert "everybody has got off for" in page
    assert ">switch<" not in page
    assert ">fresh<" not in page
    assert "This flag has done its work" in browser.get("/flags/settled/").text
    assert "This flag has done its work" not in browser.get("/flags/fresh/").text
    services.archive(flag="settled", reason="cleaned", **BY)
    assert "Nothing to clean up in production" in browser.get("/flags/?stale=on").text


def test_list__nobody_knows_evaluations__no_column(browser, monkeypatch):
    monkeypatch.setattr(seen, "_providers", [])
    flag()

    assert "Last evaluated" not in browser.get("/flags/").text


def test_list__searched__only_matches_and_no_dead_end(browser):
    flag(title="New checkout")
    flag("search")

    found = browser.get("/flags/?search=NEW").text

    assert "checkout" in found
    assert ">search<" not in found
    assert "No flag matches" in browser.get("/flags/?search=nothing").text
    assert "No flag matches" in browser.get("/flags/?archived=on").text


def test_list__more_flags__number_of_queries_does_not_grow(browser, django_assert_max_num_queries):
    for number in range(12):
        flag(f"flag-{number}")

    with django_assert_max_num_queries(16):
        browser.get("/flags/")


def test_flag__unknown__404_in_words(browser):
    environment()

    answer = browser.get("/flags/nothing/")

    assert answer.status_code == 404
    assert "there is no such flag" in answer.text


def test_flag__live_with_rules__in_plain_words(browser):
    flag()
    published([{"variant": "on", "when": DE}, split(50_000)], forced={"qa-7": "on"})

    page = browser.get("/flags/checkout/").text

    assert "If country is one of de, at: on." in page
    assert "Everybody: 5 % take part (50 % off, 50 % on), the rest gets the default." in page
    assert re.search(r'<progress max="1000000" value="50000"', page)
    assert "qa-7" in page
    assert 'name="seen" value="2"' in page


def test_flag__of_an_experiment__links_to_it_and_offers_no_coverage(browser):
    flag()
    services.publish_experiment_rule(**AT, experiment="prefetch", arms=HALF, coverage_ppm=5, **BY)

    page = browser.get("/flags/checkout/").text

    assert "/experiments/prefetch/" in page
    assert "Set coverage" not in page


def test_flag__others_depend_on_it__named(browser):
    flag("search")
    flag()
    published(prerequisites=[{"flag": "search", "variants": ["on"]}])

    assert "These flags depend on it" in browser.get("/flags/search/").text
    assert "Only where" in browser.get("/flags/checkout/").text


def test_new__empty_form__visitor_is_owner(browser):
    environment()

    assert 'name="owner" value="rosa"' in browser.get("/flags/new/").text


def test_new__posted__made_and_opened(browser):
    environment()
    form = {
        "key": "limit",
        "title": "Rate limit",
        "value_type": "number",
        "kind": "ops",
        "unit_type": "account",
        "owner": "rosa",
        "expires_on": "2027-01-31",
        "variants": '{"low": 10, "high": 100}',
        "default": "low",
    }

    answer = browser.post("/flags/new/", form)

    assert answer.headers["Location"] == "/flags/limit/"
    made = queries.flag("limit")
    assert (made.kind, made.unit_type, made.expires_on) == ("ops", "account", date(2027, 1, 31))
    assert definition("limit")["variants"] == {"low": 10, "high": 100}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "New Checkout"}, "a key has 1 to 63 small letters"),
        ({"key": ""}, "a key has 1 to 63 small letters"),
        ({"variants": "{on: true}"}, "this is no JSON at line 1, column 2"),
        ({"variants": '{"a": 1, "a": 2}'}, "stands here twice"),
        ({"variants": '{"a": NaN}'}, "NaN is no number"),
        ({"variants": '{"a": "x"}'}, "this is no value of type bool"),
        ({"expires_on": "soon"}, "this is no day"),
        ({"value_type": "text"}, "this is no type of value"),
    ],
)
def test_new__something_wrong__beside_its_field_and_what_was_typed_stays(browser, changes, words):
    environment()
    form = {
        "key": "checkout",
        "title": "Kept title",
        "value_type": "bool",
        "kind": "release",
        "unit_type": "user",
    }

    answer = browser.post("/flags/new/", {**form, **changes})

    assert answer.status_code == 422
    assert words in answer.text
    assert "Kept title" in answer.text
    assert not queries.flags().exists()


def test_settings__saved__changed(browser):
    flag()

    browser.post(
        "/flags/checkout/settings/", {"title": "New", "owner": "amir", "kind": "ops", "expires_on": ""}
    )

    assert (queries.flag("checkout").title, queries.flag("checkout").owner) == ("New", "amir")


def test_settings__wrong__beside_its_field(browser):
    flag()

    answer = browser.post(
        "/flags/checkout/settings/", {"title": "x", "owner": "", "kind": "ops", "expires_on": "x"}
    )

    assert answer.status_code == 422
    assert "this is empty" in answer.text


def test_archive__and_back__said_on_the_page(browser):
    flag()

    browser.post("/flags/checkout/archive/", {"reason": "cleaned up"})
    assert "This flag is archived" in browser.get("/flags/checkout/").text

    browser.post("/flags/checkout/unarchive/")
    assert "This flag is archived" not in browser.get("/flags/checkout/").text


def test_flag__environment_made_later__can_be_served_there(browser):
    flag(value_type="string", variants={"a": "A", "b": "B"}, default="a")
    environment("staging", is_production=False)

    assert "is not served in staging" in browser.get("/flags/checkout/?environment=staging").text
    browser.post("/flags/checkout/serve/", {"environment": "staging"})

    assert definition(environment="staging")["variants"] == {"a": "A", "b": "B"}
    assert definition(environment="staging")["default"] == "a"


def test_segments__made_published_and_shown(browser):
    environment()
    browser.post("/flags/segments/", {"key": "europe", "title": "Europe", "owner": "rosa"})
    conditions = {"when": json.dumps(DE), "seen": "0", "reason": "start"}

    browser.post("/flags/segments/europe/", conditions)

    assert "country is one of de, at" in browser.get("/flags/segments/").text
    page = browser.get("/flags/segments/europe/").text
    assert "country is one of de, at" in page
    assert "No flag looks at it" in page


@pytest.mark.parametrize(
    ("when", "words"), [("{", "this is no JSON"), ('{"op": "x"}', "when"), ("", "no JSON object")]
)
def test_segment__wrong_conditions__said_and_kept(browser, when, words):
    environment()
    services.create_segment(key="europe", **BY)

    answer = browser.post("/flags/segments/europe/", {"when": when, "seen": "0"})

    assert answer.status_code == 422
    assert words in answer.text


def test_segments__bad_key__said_and_kept(browser):
    answer = browser.post("/flags/segments/", {"key": "Euro pe", "title": "Kept", "owner": "rosa"})

    assert answer.status_code == 422
    assert "Kept" in answer.text


def test_keys__made__shown_once_and_never_again(browser):
    environment()

    page = browser.post("/flags/keys/", {"name": "web", "environment": "production", "scope": "server"}).text
    secret = re.search(r"<pre>(hw_server_\S+)</pre>", page)[1]

    assert queries.key_by_secret(secret, now=NOW).name == "web"
    assert secret not in browser.get("/flags/keys/").text


def test_keys__rotated_and_revoked__state_shown(browser):
    made, _ = key()

    page = browser.post(f"/flags/keys/{made.prefix}/rotate/").text
    assert "works until" in page
    browser.post(f"/flags/keys/{made.prefix}/revoke/", {"reason": "leaked"})

    assert "revoked" in browser.get("/flags/keys/").text


def test_places__pages__list_and_make(browser):
    layer(key="page")
    services.allocate_slots(layer="page", experiment="prefetch", share_ppm=250_000, **BY)

    assert "prefetch" in browser.get("/flags/layers/").text
    browser.post("/flags/layers/", {"key": "cart", "unit_type": "user"})
    browser.post("/flags/environments/", {"key": "staging"})

    assert "cart" in browser.get("/flags/layers/").text
    assert "staging" in browser.get("/flags/environments/").text


def test_text__with_markup__escaped_everywhere(browser):
    nasty = "<script>alert(1)</script>"
    flag(title=nasty, value_type="string", variants={"a": nasty, "b": "x"})
    published([{"variant": "a", "when": {"attribute": "x", "op": "equals", "value": nasty}}], reason=nasty)

    for path in (
        "",
        "checkout/",
        "checkout/versions/",
        "checkout/versions/2/",
        "checkout/history/",
        "checkout/edit/",
    ):
        assert nasty not in browser.get(f"/flags/{path}").text


def test_editor__opened__says_the_rules_beside_them_and_follows_what_is_typed(browser):
    flag()
    published([{"when": DE, "variant": "on"}])

    opened = browser.get("/flags/checkout/edit/").text
    other = json.dumps([{"when": DE, "variant": "off"}])
    typed = browser.post("/flags/checkout/edit/", rules_form(rules=other, action="check")).text
    slip = browser.post("/flags/checkout/edit/", rules_form(rules="[{", action="check"))

    assert "In plain words" in opened
    assert "If country is one of de, at: on." in opened
    assert 'id="said"' in typed
    assert "If country is one of de, at: off." in typed
    assert (slip.status_code, "cannot be read as rules yet" in slip.text) == (422, True)
