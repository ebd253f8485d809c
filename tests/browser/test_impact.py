"""Pages of impact with something in them, in a real browser: price, curve, studies, evidence, planner."""

import pytest

from impact import queries
from tests.browser.furnishing import STUDY, SURFACE, furnish
from tests.browser.visiting import visit
from tests.flows.places import environment

pytestmark = pytest.mark.browser
PLAN = f"surface={SURFACE}&doses_ms=100+200+400+1000&share=1&days=14&users_a_day=900000&slope=0.5"
PAGES = {
    "price tag": f"/impact/?surface={SURFACE}&ms=100",
    "surface": f"/impact/surfaces/{SURFACE}/",
    "studies": "/impact/ablations/",
    "study": f"/impact/ablations/{STUDY}/",
    "proposal": "/impact/ablations/new/",
    "planner": f"/impact/ablations/planner/?{PLAN}",
    "evidence": "/impact/evidence/",
    "finding": "/impact/evidence/{finding}/",
    "published studies": "/impact/studies/",
    "one-pager": f"/impact/surfaces/{SURFACE}/one-pager/",
}


@pytest.fixture
def furnished(connected):
    """A surface with a ratio and a running study; made once. The id of its finding."""
    if not queries.studies(surface=SURFACE).exists():
        furnish(environment("fronts"))
    return queries.findings(surface=SURFACE, state="accepted").first().id


def test_pages__desk_or_phone_light_or_dark__nothing_wrong(browser, platform, logged_in, furnished):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        faults = {name: opened.faults(path.format(finding=furnished)) for name, path in PAGES.items()}

    assert faults == {name: [] for name in PAGES}


def test_proposal__as_one_types__the_plan_follows_without_a_save(browser, platform, logged_in, furnished):
    before = queries.studies().count()
    with visit(browser, platform.web_url, state=logged_in) as opened:
        opened.open("/impact/ablations/new/")
        opened.page.get_by_label("Surface", exact=True).select_option(SURFACE)
        opened.page.get_by_label("Delays, in ms").fill("100, 1500")
        plan = opened.page.locator("#plan")
        plan.get_by_text("Needs 4 consents").wait_for()
        opened.page.get_by_label("Delays, in ms").fill("100, 200")
        plan.get_by_text("Needs 3 consents").wait_for()

        assert opened.trouble == []
    assert queries.studies().count() == before
