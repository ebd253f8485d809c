"""Incident and postmortem in a real browser: the demonstration's trip is lived through in it."""

import re

import pytest
from playwright.sync_api import expect

from tests.apps.embedded.watching import eventually
from tests.browser.visiting import visit

LIST = "/reviews/incidents/"
PAGES = (
    LIST,
    "/reviews/incidents/open/",
    "/reviews/postmortems/",
    "/reviews/actions/",
    "/reviews/documents/",
    "/reviews/documents/new/",
    "/reviews/digests/",
)


@pytest.fixture
def console(browser, platform, logged_in):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        yield opened


@pytest.fixture
def incident(console):
    """The page of the incident that the demonstration's trip opens by itself, once its store was read."""
    console.open(LIST)
    link = console.page.get_by_role("link", name=re.compile("harmed in .* of home-recommendations"))
    assert eventually(lambda: shown(console, link), within_s=300)
    console.send(link.first)
    gap = console.page.get_by_text(re.compile(r"of the top \d metrics left"))
    assert eventually(lambda: shown(console, gap), within_s=300)
    return console


def shown(opened, found):
    """Whether the page shows it; it is loaded anew where it does not."""
    if found.count() > 0:
        return True
    opened.page.reload()
    return found.count() > 0


def test_incident__opened_by_the_trip__says_who_was_hit_and_what_happened(incident):
    expect(incident.page.get_by_role("definition").first).to_be_visible()
    expect(incident.page.get_by_role("row", name=re.compile("Guardrail tripped")).first).to_be_visible()
    expect(incident.page.get_by_role("row", name=re.compile("Incident opened"))).to_be_visible()


def test_incident__acknowledged_mitigated__close_waits_for_a_guardrail(incident):
    page = incident.page
    incident.send(page.get_by_role("button", name="I look after it"))
    page.get_by_label("What ended the harm").fill("The flag is held.")
    incident.send(page.get_by_role("button", name="Mitigated"))

    expect(page.get_by_role("button", name="Close incident")).to_be_disabled()
    expect(page.get_by_text("It has no retro-guardrail")).to_be_visible()
    page.get_by_label("Largest loss").fill("0")
    incident.send(page.get_by_role("button", name="Replay it"))
    expect(page.get_by_text("this is no margin")).to_be_visible()


def test_postmortem__written_with_blame__pointed_out_and_kept(incident):
    page = incident.page
    incident.send(page.get_by_role("link", name=re.compile(r"^Postmortem \(")))
    page.get_by_label("Causes").fill("Somebody should have looked.")
    incident.send(page.get_by_role("button", name="Save"))

    expect(page.get_by_role("heading", name="Words that look for a culprit")).to_be_visible()
    expect(page.get_by_text("should have", exact=True)).to_be_visible()
    expect(page.get_by_label("Causes")).to_have_value("Somebody should have looked.")
    expect(page.get_by_text("Before it can be reviewed")).to_be_visible()


def test_pages__with_an_incident__nothing_wrong_at_a_desk_or_on_a_phone(console):
    assert {path: console.faults(path) for path in PAGES} == {name: [] for name in PAGES}
