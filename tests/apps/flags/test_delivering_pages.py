# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Pages that change what is served: drafts, publishing, coverage, versions and the preview."""

import json

import pytest

from flags import queries, services
from tests.apps.flags.build import (
    BY,
    definition,
    draft,
    environment,
    flag,
    live,
    published,
    rules_form,
    split,
)

pytestmark = pytest.mark.django_db
AT: dict = {"flag": "checkout", "environment": "production"}
DE = {"attribute": "country", "op": "in", "value": ["de", "at"]}


def test_rules__saved__draft_and_live_untouched(browser):
    flag()
    rules = json.dumps([{"variant": "on", "when": DE}])

    answer = browser.post("/flags/checkout/edit/", rules_form(rules=rules, action="save"))

    assert answer.headers["Location"] == "/flags/checkout/?environment=production"
    assert live().number == 1
    page = browser.get("/flags/checkout/").text
    assert "Draft 2" in page
    assert "Rule r1 added: If country is one of de, at: on." in page


def test_rules__checked__said_in_words_and_nothing_saved(browser):
    flag()
    rules = json.dumps([split(50_000)])

    page = browser.post("/flags/checkout/edit/", rules_form(rules=rules, action="check")).text

    assert "An SDK would take this" in page
    assert "5 % take part" in page
    assert queries.draft(queries.flag("checkout"), environment()) is None


@pytest.mark.parametrize("action", ["save", "check"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rules": "[{]"}, "this is no JSON at line 1, column 3"),
        ({"rules": '[{"variant": "maybe"}]'}, "rules[0].variant"),
        ({"rules": "{}"}, "this is no JSON list"),
        ({"rules": '["x"]'}, "rules[0]"),
        ({"variants": "[]"}, "this is no JSON object"),
        ({"forced": '{"u": "nobody"}'}, "there is no such variant"),
        ({"prerequisites": '[{"flag": "x", "variants": ["on"]}]'}, "there is no such flag"),
        ({"default": "maybe"}, "there is no such variant"),
    ],
)
def test_rules__something_wrong__beside_its_field_and_what_was_typed_stays(browser, action, changes, words):
    flag()

    answer = browser.post("/flags/checkout/edit/", rules_form(action=action, **changes))

    assert answer.status_code == 422
    assert words in answer.text
    typed = next(iter(changes.values())).replace('"', "&quot;")
    assert typed in answer.text or "default" in changes


def test_rules__somebody_else_saved_meanwhile__said_and_kept(browser):
    flag()
    seen_checksum = live().checksum
    draft([split()])

    answer = browser.post("/flags/checkout/edit/", rules_form(seen=seen_checksum, rules="[]", action="save"))

    assert answer.status_code == 422
    assert "somebody changed it meanwhile: draft 2 by ada" in answer.text


def test_publish__draft__live(browser):
    flag()
    saved = draft([split()])

    browser.post("/flags/checkout/publish/", {"seen": saved.checksum, "reason": "first step"})

    assert (live().number, live().reason, live().published_by) == (2, "first step", "rosa")


def test_publish__no_draft__said(browser):
    flag()

    assert "there is no draft any more" in browser.post("/flags/checkout/publish/").text


def test_discard__draft__dropped(browser):
    flag()
    draft([split()])

    browser.post("/flags/checkout/discard/")

    assert "Draft" not in browser.get("/flags/checkout/").text


@pytest.mark.parametrize(
    ("typed", "ppm"), [("12.5", 125_000), ("12,5 %", 125_000), ("0", 0), ("100", 1_000_000)]
)
def test_coverage__posted__changed(browser, typed, ppm):
    flag()
    published([split()])

    browser.post("/flags/checkout/coverage/", {"coverage": typed, "rule": "r1", "seen": "2"})

    assert definition()["rules"][0]["split"]["coverage_ppm"] == ppm


@pytest.mark.parametrize("typed", ["", "many", "1e99", "NaN", "0.00001", "-1", "101", "Infinity"])
def test_coverage__no_share__said_and_nothing_changed(browser, typed):
    flag()
    published([split()])

    answer = browser.post("/flags/checkout/coverage/", {"coverage": typed, "rule": "r1"})

    assert answer.status_code == 422
    assert "this is not a percentage" in answer.text
    assert live().number == 2


def test_coverage__page_was_old__conflict(browser):
    flag()
    published([split()])
    published([split(200_000)])

    answer = browser.post("/flags/checkout/coverage/", {"coverage": "5", "rule": "r1", "seen": "2"})

    assert answer.status_code == 409
    assert "the flag changed meanwhile" in answer.text


def test_kill_switch__off_and_on__everybody_gets_off_and_back(browser):
    flag()

    browser.post("/flags/checkout/switch-off/", {"reason": "slow"})
    page = browser.get("/flags/checkout/").text
    assert "The flag is switched off: everybody gets" in page

    browser.post("/flags/checkout/switch-on/", {"reason": "repaired", "seen": "2"})
    assert live().definition["on"]


def test_hold__posted_and_released__shown_meanwhile(browser):
    flag()
    published([split()])
    browser.post("/flags/checkout/hold/", {"reason": "errors rise"})

    assert "errors rise" in browser.get("/flags/checkout/").text
    assert "errors rise" in browser.post("/flags/checkout/coverage/", {"coverage": "50"}).text

    hold = queries.open_holds(queries.flag("checkout"), environment()).get()
    browser.post(f"/flags/checkout/holds/{hold.id}/release/", {"reason": "repaired"})
    assert "errors rise" not in browser.get("/flags/checkout/").text


def test_versions__several__differences_and_reasons(browser):
    flag()
    published([split()], reason="first step")
    services.set_coverage(**AT, coverage_ppm=200_000, **BY)

    page = browser.get("/flags/checkout/versions/").text

    assert "Rule r1: coverage 10 % → 20 %" in page
    assert "first step" in page


def test_version__earlier__compared_and_reverted_in_one_click(browser):
    flag()
    published([split()])

    page = browser.get("/flags/checkout/versions/1/?against=live").text
    assert "Compared with version 2" in page
    assert "Rule r1 removed" in page

    browser.post("/flags/checkout/versions/1/revert/", {"reason": "slower", "seen": "2"})
    assert (live().number, definition()["rules"], live().reason) == (3, [], "slower")


def test_version__unknown__404(browser):
    flag()

    assert browser.get("/flags/checkout/versions/9/").status_code == 404


def test_history__changes__who_what_and_why(browser):
    flag()
    published([split()], reason="first step")

    page = browser.get("/flags/checkout/history/").text

    assert "Flag version published" in page
    assert "first step" in page


@pytest.mark.parametrize(
    ("asked", "answer", "step"),
    [
        ({"unit": "u1", "attributes": '{"country": "de"}'}, "u1 gets on", "Rule r1 matches."),
        ({"unit": "u1", "attributes": '{"country": "fr"}'}, "u1 gets off", "Rule r1 does not match."),
        ({"unit": "u1", "attributes": ""}, "u1 gets off", "country is one of de, at (not given)"),
        ({"unit": "qa-7", "attributes": ""}, "qa-7 gets on", "Unit qa-7 is forced to a variant."),
        (
            {"unit": "", "attributes": ""},
            "Nobody in particular gets off",
            "Nothing else applies: the default.",
        ),
    ],
)
def test_preview__unit_and_attributes__answer_and_every_step(browser, asked, answer, step):
    flag()
    published([{"variant": "on", "when": DE}], forced={"qa-7": "on"})

    page = browser.get("/flags/checkout/preview/", asked).text

    assert answer in page
    assert step in page


def test_preview__draft__what_it_would_be(browser):
    flag()
    draft([{"variant": "on"}])

    page = browser.get("/flags/checkout/preview/", {"unit": "u1", "attributes": "", "of": "draft"}).text

    assert "u1 gets on" in page


@pytest.mark.parametrize("attributes", ["{", "[]", '"x"', '{"a": NaN}'])
def test_preview__attributes_that_are_no_object__said_and_kept(browser, attributes):
    flag()

    answer = browser.get("/flags/checkout/preview/", {"unit": "u1", "attributes": attributes})

    assert answer.status_code == 422
    assert attributes.replace('"', "&quot;") in answer.text


def test_preview__archived__said(browser):
    flag()
    services.archive(flag="checkout", reason="old", **BY)

    page = browser.get("/flags/checkout/preview/", {"unit": "u1", "attributes": ""}).text

    assert "gets the default in the code" in page
