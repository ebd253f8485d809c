"""Every kind of page that links lead to: no trouble, accessible, light, within its window, one heading."""

import pytest

from tests.browser.crawling import RUN, Crawl
from tests.browser.pages import plain_pages
from tests.browser.visiting import visit

HEAVIEST = 100_000
EXPERIMENT, FLAG = "/experiments/home-recommendations", "/flags/home-recommendations"
FULLEST = [
    *(f"{EXPERIMENT}/{part}" for part in ("", "report/", "plan/", "history/", "health/", "explore/")),
    *(f"{FLAG}/{part}" for part in ("", "history/", "preview/")),
    "/metrics/home-latency-p95/",
]
"""Of these kinds the pages that have the most to show are opened."""


@pytest.fixture(scope="module")
def seen(browser, platform, logged_in, axe):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        found = Crawl(opened, axe).go(["/", *FULLEST, *plain_pages()])
        return {route: each for route, each in found.items() if each.status != 405}


def test_crawl__from_the_start__reaches_the_pages_of_single_things(seen):
    expected = {
        "experiments/<slug:key>/report/",
        "experiments/<slug:key>/health/",
        "flags/<slug:key>/",
        "metrics/<slug:key>/",
        "find/",
        "help/api/",
    }

    assert expected <= set(seen)
    assert set(FULLEST) <= {each.path for each in seen.values()}
    assert len(seen) > 60


def test_every_page__opened__answers_without_trouble(seen):
    assert {each.path: each.status for each in seen.values() if each.status != 200} == {}
    assert {each.path: each.trouble for each in seen.values() if each.trouble} == {}


def test_every_page__checked__no_serious_violation_in_light_or_dark(seen):
    assert {each.path: each.violations for each in seen.values() if each.violations} == {}


def test_every_page__loaded__at_most_100_kb_compressed(seen):
    heavy = {each.path: each.compressed_bytes for each in seen.values() if each.compressed_bytes > HEAVIEST}

    assert heavy == {}
    assert min(each.compressed_bytes for each in seen.values()) > 10_000


def test_every_page__at_a_desk_or_on_a_phone__one_heading_and_no_scrolling_sideways(seen):
    assert {each.path: each.headings for each in seen.values() if each.headings != 1} == {}
    assert {each.path: each.desk_overflow_px for each in seen.values() if each.desk_overflow_px > 0} == {}
    assert {each.path: each.phone_overflow_px for each in seen.values() if each.phone_overflow_px > 0} == {}


def test_checker__bad_page__finds_it(browser, axe):
    page = browser.new_page()
    page.set_content(
        "<html lang=en><title>x</title><main><h1>x</h1><p style='color:#ccc'>pale</p><input></main>"
    )
    page.evaluate(axe)

    found = page.evaluate(RUN, None)

    assert any("color-contrast" in each for each in found)
    assert any("label" in each for each in found)
    page.close()


def test_login__wrong_password__stays_outside_and_says_so(browser, platform, demonstration):
    with visit(browser, platform.web_url) as opened:
        opened.open("/experiments/")
        opened.page.get_by_label("Name", exact=True).fill("demo")
        opened.page.get_by_label("Password").fill("not this one")
        opened.send(opened.page.get_by_role("button", name="Log in"))

        assert "/login" in opened.page.url
        assert opened.page.get_by_role("alert").is_visible()
