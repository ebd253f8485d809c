"""A launch review from the button to a no, by two people in a real browser; guardrails and a waiver."""

import pytest

from tests.browser.visiting import visit

EXPERIMENT = "home-recommendations"
PAGES = ("/reviews/", "/reviews/guardrails/", "/reviews/blockers/")


@pytest.fixture(scope="module")
def reviewer(browser, platform, demonstration, tmp_path_factory, django_db_blocker):
    """The cookies of a second person."""
    made = platform.run("manage", "create_login", "pia", "--generate")
    password = made.stdout.rsplit("password: ", 1)[1].strip()
    state = tmp_path_factory.mktemp("browser") / "pia.json"
    with visit(browser, platform.web_url) as opened:
        opened.open("/")
        opened.page.get_by_label("Name", exact=True).fill("pia")
        opened.page.get_by_label("Password").fill(password)
        opened.send(opened.page.get_by_role("button", name="Log in"))
        opened.page.get_by_role("navigation", name="Main").wait_for()
        opened.page.context.storage_state(path=state)
    return state


def test_review__opened_answered_and_refused_by_a_second_person__blocked_for_both(
    browser, platform, logged_in, reviewer
):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        page = opened.page
        opened.open(f"/experiments/{EXPERIMENT}/plan/")
        opened.send(page.get_by_role("button", name="Launch review"))
        page.get_by_role("heading", level=1, name="May").wait_for()
        address = page.url.removeprefix(platform.web_url)
        for key in ("slower", "failure", "measurement", "personal_data", "promises"):
            page.locator(f"select[name={key}]").select_option("no")
        opened.send(page.get_by_role("button", name="Keep the answers"))
        page.get_by_text("Asked: performance").wait_for()
        assert page.get_by_role("button", name="Sign").count() == 0
        assert opened.trouble == []

    with visit(browser, platform.web_url, state=reviewer, phone=True, dark=True) as opened:
        page = opened.page
        opened.open("/reviews/")
        page.get_by_role("link", name="home").first.wait_for()
        opened.open(address)
        page.get_by_label("Answer", exact=True).select_option("rejected")
        page.get_by_label("Conditions or reason").fill("The slow phones were not looked at.")
        opened.send(page.get_by_role("button", name="Sign"))
        page.get_by_text("Nothing of it reaches everybody").wait_for()
        assert opened.overflow_px() <= 0
        opened.open("/reviews/blockers/")
        page.get_by_text("The slow phones were not looked at.").wait_for()
        assert opened.overflow_px() <= 0
        assert opened.trouble == []


def test_pages__with_a_review__nothing_wrong_at_a_desk_or_on_a_phone(browser, platform, logged_in):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        faults = {path: opened.faults(path) for path in PAGES}

    assert faults == {name: [] for name in PAGES}


@pytest.fixture
def without_policies(connected):
    """Sets of the whole organisation would bind every later test's experiments to their metrics."""
    from django.utils import timezone

    from governance import policy_queries
    from governance.services.guardrails import remove_guardrail_set

    yield
    for row in policy_queries.guardrail_sets():
        remove_guardrail_set(id=row.id, reason="the test is over", actor="ada", now=timezone.now())


def test_guardrails__set_made_waiver_asked_and_granted_by_somebody_else(
    browser, platform, logged_in, reviewer, without_policies
):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        page = opened.page
        opened.open("/reviews/guardrails/")
        page.get_by_label("Name", exact=True).fill("Home stays fast")
        first = page.get_by_role("group", name="Guardrail 1")
        first.get_by_label("Metric").select_option("home-latency-p95")
        first.get_by_label("Largest loss accepted").fill("5")
        opened.send(page.get_by_role("button", name="Make the set"))
        page.get_by_role("heading", name="Home stays fast").wait_for()
        opened.open("/experiments/new/")
        page.get_by_label("Key", exact=True).fill("faster-home")
        page.get_by_label("Title", exact=True).fill("Faster home")
        opened.send(page.get_by_role("button", name="Save plan"))
        page.get_by_role("link", name="Plan", exact=True).wait_for()
        opened.open("/reviews/guardrails/?experiment=faster-home&metric=home-latency-p95")
        page.get_by_label("Until").fill(_in_days(7))
        page.get_by_label("Reason", exact=True).fill("It only changes the text of one button.")
        opened.send(page.get_by_role("button", name="Ask", exact=True))
        page.get_by_text("asked by demo").wait_for()
        assert opened.trouble == []

    with visit(browser, platform.web_url, state=reviewer) as opened:
        opened.open("/reviews/guardrails/")
        asked = opened.page.get_by_role("row").filter(has_text="faster-home")
        opened.send(asked.get_by_role("button", name="Grant"))
        opened.page.get_by_text("by pia").wait_for()
        assert opened.trouble == []


def _in_days(days):
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%d")
