"""Every list and form of a fresh installation: one person, no data.

The pages are rendered in this process and handed to the browser, so that no second platform has to start.
"""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import sync_playwright

from tests import chromium
from tests.browser.crawling import SERIOUS
from tests.browser.pages import plain_pages
from tests.browser.visiting import HEADINGS, PATIENT_MS, PHONE, WIDER_THAN_THE_SCREEN

SITE = "http://fresh.example"
THE_SAME_WITH_DATA = ("/help/api/", "/find/")
CHECK = """
() => axe.run(document, {resultTypes: ["violations"], rules: {"color-contrast": {enabled: false}}}).then(
  (found) => found.violations.map((each) => `${each.impact} ${each.id}: ${each.nodes[0].target.join(" ")}`)
)
"""
"""Colours are looked at on the pages with data: they are the same, and they take half of the time."""


@pytest.fixture
def pages(client, django_user_model):
    """Path → text of each page that answers a GET."""
    client.force_login(django_user_model.objects.create_user("ada"))
    answers = {path: client.get(path) for path in _paths()}
    assert {path for path, each in answers.items() if each.status_code not in (200, 405)} == set()
    return {path: each.text for path, each in answers.items() if _is_page(each)}


@pytest.fixture
def phone(pages, axe):
    """A window of a phone on the rendered pages.

    Opened after them: beside Playwright's loop, Django would take another connection than the test's.
    """
    if chromium.find() is None:
        pytest.skip(chromium.MISSING)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**chromium.launch_options())
        page = opened.new_page(viewport=PHONE, reduced_motion="reduce")
        page.set_default_timeout(PATIENT_MS)
        page.add_init_script(axe)
        page.route("**/*", lambda route: _serve(route, pages))
        yield page
        opened.close()


@pytest.mark.django_db
def test_every_page__without_data__accessible_within_its_window_and_with_one_heading(phone, pages):
    trouble = {path: _trouble(phone, path) for path in pages}

    assert {path: found for path, found in trouble.items() if found} == {}
    assert len(pages) > 50


def _paths():
    return ["/", *(path for path in plain_pages() if path not in THE_SAME_WITH_DATA)]


def _is_page(answer):
    return answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")


def _serve(route, pages):
    path = urlsplit(route.request.url).path
    found = finders.find(path.removeprefix("/static/")) if path.startswith("/static/") else None
    if path in pages:
        route.fulfill(body=pages[path], content_type="text/html; charset=utf-8")
    elif found:
        route.fulfill(path=Path(found))
    else:
        route.abort()


def _trouble(page, path):
    """What is wrong with the page, in words."""
    page.goto(f"{SITE}{path}", wait_until="load")
    found = [each for each in page.evaluate(CHECK) if each.startswith(SERIOUS)]
    headings, wider_px = page.evaluate(HEADINGS), page.evaluate(WIDER_THAN_THE_SCREEN)
    found += [f"{headings} headings of level 1"] if headings != 1 else []
    return found + ([f"{wider_px} px wider than the window"] if wider_px > 0 else [])
