"""From an empty form to everybody, told twice: by mouse, and by keyboard alone.

Create, review, start, data, report, decide, roll out to 100 %, on the real platform. Two people take part,
because the environment asks for a review. The data are of the last eight days, so that no clock is moved.
"""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import expect

from experiments import queries as experiments
from flags import services as flags
from flags.tasks import ramp_tick
from headway import Client
from metrics import services as metrics
from tests.apps.embedded.watching import eventually
from tests.browser.hands import Keyboard, Mouse
from tests.browser.visiting import visit
from tests.flows import planting

PLACE, RAMP, PASSWORD = "reviewed-shop", "in-two-steps", "a-pass-phrase-of-the-tests"
OWNER, SECOND = "mo", "vera"
LOOK_WITHIN_MS, PATIENT_MS = 300_000, 60_000


@pytest.fixture
def furnished(connected):
    """Two people, metrics, a ramp plan, and an environment where somebody else agrees; made once."""
    if not get_user_model().objects.filter(username=OWNER).exists():
        by = {"actor": OWNER, "now": timezone.now()}
        for name in (OWNER, SECOND):
            get_user_model().objects.create_user(name, password=PASSWORD)
        metrics.load_definitions(texts=planting.METRICS, **by)
        flags.create_environment(key=PLACE, requires_review=True, **by)
        steps = [{"coverage_ppm": 500_000}, {"coverage_ppm": 1_000_000}]
        flags.create_ramp_plan(key=RAMP, title="Half, then all", steps=steps, **by)
    return connected


@pytest.fixture
def people(browser, furnished):
    """Two windows, each with somebody logged in through the form."""
    with visit(browser, furnished.web_url) as mine, visit(browser, furnished.web_url) as theirs:
        yield mine, theirs
        assert (mine.trouble, theirs.trouble) == ([], [])


@pytest.mark.parametrize("hand", [Mouse, Keyboard], ids=["mouse", "keyboard"])
def test_path__create_to_everybody__each_page_leads_to_the_next(people, furnished, hand):
    key = f"path-by-{hand.__name__.lower()}"
    mine, theirs = people
    me, other = hand(mine.page), hand(theirs.page)
    flags.create_flag(
        key=key,
        value_type="string",
        owner=OWNER,
        in_environments=[PLACE],
        actor=OWNER,
        now=timezone.now(),
    )
    for who, name, opened in ((me, OWNER, mine), (other, SECOND, theirs)):
        opened.open("/")
        log_in(who, name)

    create(me, key)
    theirs.open(f"/experiments/{key}/")
    approve(other)
    began_at = start(mine, me, key)
    planting.send(furnished.edge_url, key, began_at, harm_ms=0.0, place=PLACE)
    report(me)
    decide(me)
    prepare(me)
    theirs.open(f"/experiments/{key}/rollout/")
    agree_to_the_ramp(other)
    ramped(key)
    mine.open(f"/experiments/{key}/rollout/")
    finish(me)

    assert served_to_strangers(furnished, key) == {"treatment"}


def log_in(who, name):
    page = who.page
    who.write(page.get_by_label("Name", exact=True), name)
    who.write(page.get_by_label("Password"), PASSWORD)
    who.press(page.get_by_role("button", name="Log in"))
    page.get_by_role("navigation", name="Main").wait_for()


def create(me, key):
    """A complete plan with a primary metric and a guardrail, submitted."""
    page = me.page
    me.go("Experiments")
    me.press(page.get_by_role("link", name="New experiment").first)
    page.wait_for_url("**/experiments/new/")
    for label, text in (
        ("Key", key),
        ("Title", "A faster first page"),
        ("We believe that", "Loading the list first"),
        ("for", "everybody"),
    ):
        me.write(page.get_by_label(label, exact=True), text)
    me.choose(page.get_by_label("the metric", exact=True), "Planted orders")
    for label, text in (
        ("by at least", "10"),
        ("because", "people wait less"),
        ("We were wrong if", "orders do not rise"),
        ("Variant of the flag of row 1", "control"),
        ("Variant of the flag of row 2", "treatment"),
        ("Flag", key),
        ("Environment", PLACE),
        ("Planned units in each arm", "1500"),
    ):
        me.write(page.get_by_label(label, exact=True), text)
    me.press(page.get_by_role("button", name="Save plan"))
    page.wait_for_url(f"**/experiments/{key}/plan/")
    bind(me)
    expect(page.get_by_role("row", name="Planted orders")).to_contain_text("primary", timeout=PATIENT_MS)
    me.press(page.get_by_text("Bind a metric, or change how one is bound"))
    me.choose(page.get_by_label("Metric", exact=True), "Planted load time")
    bind(me)
    expect(page.get_by_role("row", name="Planted load time")).to_contain_text("guardrail", timeout=PATIENT_MS)
    me.next_step()
    me.press(page.get_by_role("button", name="Submit"))
    expect(page.get_by_text("The plan waits for approval.")).to_be_visible(timeout=PATIENT_MS)


def bind(me):
    me.press(me.page.get_by_role("button", name="Bind", exact=True))
    expect(me.page.get_by_text("The metric was bound.")).to_be_visible(timeout=PATIENT_MS)


def approve(other):
    other.next_step()
    other.press(other.page.get_by_role("button", name="Approve", exact=True))
    expect(other.page.get_by_text("The plan is approved.")).to_be_visible(timeout=PATIENT_MS)


def start(mine, me, key):
    """With data of eight days that are to be brought; since when, to the minute."""
    began_at = (datetime.now(UTC) - timedelta(days=planting.DAYS)).replace(second=0, microsecond=0)
    mine.open(f"/experiments/{key}/")
    me.next_step()
    step = me.page.locator("#step-start")
    me.press(step.get_by_text("It began already"))
    me.set_time(step.get_by_label("Units are in the arms since (UTC)"), began_at)
    me.write(step.get_by_label("Reason"), "The shop kept its logs of last week.")
    me.press(step.get_by_role("button", name="Start"))
    expect(me.page.get_by_text("There is no report yet: no look has ended.")).to_be_visible(
        timeout=PATIENT_MS
    )
    return began_at


def report(me):
    """Asked for; the page renews itself when it is there."""
    page = me.page
    me.press(page.get_by_role("button", name="Look now"))
    expect(page.locator("header.verdict")).to_contain_text("SHIP", timeout=LOOK_WITHIN_MS, ignore_case=True)
    expect(page.locator("table.results").first).to_contain_text("Planted orders", timeout=PATIENT_MS)


def decide(me):
    """Stopped, and shipped on the report."""
    page = me.page
    me.next_step()
    step = page.locator("#step-stop")
    me.write(step.get_by_label("Reason"), "It says what to do.")
    me.press(step.get_by_role("button", name="Stop"))
    expect(page.get_by_text("The experiment stopped.")).to_be_visible(timeout=PATIENT_MS)
    me.next_step()
    me.choose(page.get_by_label("Decision", exact=True), "Ship")
    me.write(page.get_by_label("Reason", exact=True), "More orders, no slower.")
    me.press(page.get_by_role("button", name="Record"))
    expect(page.get_by_text("The decision was recorded.")).to_be_visible(timeout=PATIENT_MS)


def prepare(me):
    page = me.page
    me.next_step()
    me.choose(page.get_by_role("combobox", name="Steps"), "Half, then all")
    me.press(page.get_by_role("button", name="Prepare"))
    expect(page.get_by_text("nobody sees anything yet")).to_be_visible(timeout=PATIENT_MS)
    me.next_step()
    me.press(page.get_by_role("button", name="Start the roll-out"))
    expect(page.get_by_text("The roll-out began.")).to_be_visible(timeout=PATIENT_MS)


def agree_to_the_ramp(other):
    other.next_step()
    other.write(other.page.get_by_label("Approve step 1, because"), "I read the report too.")
    other.press(other.page.get_by_role("button", name="Approve", exact=True))
    expect(other.page.get_by_label("Approve step 1, because")).to_have_count(0, timeout=PATIENT_MS)


def ramped(key):
    """The clock takes a step a minute; it is woken every second."""

    def state():
        return experiments.rollout(experiments.experiment(key)).ramp.state

    def is_completed_soon():
        ramp_tick.apply_async(queue="ramp")
        return eventually(lambda: state() == "completed", within_s=1)

    assert eventually(is_completed_soon, within_s=300), state()


def finish(me):
    page = me.page
    me.next_step()
    me.press(page.get_by_role("button", name="Finish"))
    expect(page.get_by_text("Everybody gets it now")).to_be_visible(timeout=PATIENT_MS)
    expect(page.locator("[data-next-step]")).to_have_text("Clean up", timeout=PATIENT_MS)


def served_to_strangers(platform, key):
    """What units get that were in no experiment."""
    with closing(Client(platform.edge_url, planting.sdk_key(PLACE))) as client:
        assert client.wait_until_ready(60)
        return {client.variant(key, unit=f"stranger-{number}", default="nobody") for number in range(20)}
