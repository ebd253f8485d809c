"""Pages of impact with something in them, in a real browser: price, curve, studies, evidence, planner."""

import pytest
from django.utils import timezone

from impact import queries, services
from impact.grades import Design, Kind
from impact.models import AblationStudy
from metrics import services as metrics
from organisation import queries as organisation
from organisation import services as organisation_services
from tests.apps.impact.test_mining import CONVERSION
from tests.apps.impact.test_pages import CURVE
from tests.browser.visiting import visit
from tests.flows.places import environment

pytestmark = pytest.mark.browser
SURFACE, STUDY = "front", "slow-front"
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
LOOKS: list[dict[str, bool]] = [{}, {"phone": True, "dark": True}]


@pytest.fixture
def furnished(connected):
    """A surface with a ratio and a running study; made once. The id of its finding."""
    if not queries.studies(surface=SURFACE).exists():
        _furnish()
    return queries.findings(surface=SURFACE, state="accepted").first().id


def _furnish():
    now = timezone.now()
    by, by_bea = {"actor": "ada", "now": now}, {"actor": "bea", "now": now}
    place = environment("fronts")
    if not organisation.teams().filter(key="front").exists():
        organisation_services.create_team(key="front", name="Front", owner="ada", **by)
    metrics.load_definitions(texts={"c.toml": CONVERSION}, actor="rosa", now=now)
    organisation_services.create_surface(key=SURFACE, name="Front page", team="front", owner="ada", **by)
    services.set_value(
        surface=SURFACE,
        currency="EUR",
        revenue_minor=4_000_000_000,
        surface_share=0.5,
        revenue_error=0.05,
        outcome="conversion",
        outcome_level=0.05,
        source="a test",
        **by,
    )
    found = services.record(
        surface=SURFACE,
        title="Delay in spring",
        outcome="conversion",
        design=Design(Kind.ABLATION),
        per_100_ms=-0.003,
        standard_error=0.0005,
        began_on=now.date(),
        ended_on=now.date(),
        units=1_200_000,
        method="GLS",
        details={**CURVE, "weeks": WEEKS, "slices": [{"dimension": "device", "level": "phone", **WEEKS[0]}]},
        **by,
    )
    services.accept(id=found.id, **by_bea)
    draft = services.draft_ratio(surface=SURFACE, baseline_ms=800.0, **by)
    services.publish_ratio(surface=SURFACE, number=draft.number, **by_bea)
    _study(place, now)


def _study(place, now):
    services.propose_study(
        key=STUDY,
        title="What a slower front page costs",
        surface=SURFACE,
        environment=place,
        doses_ms=[100, 400],
        days=14,
        share_ppm=10_000,
        exposures=1_000_000,
        ethics="A few people wait for a moment; the payment step is left out.",
        actor="eva",
        now=now,
    )
    for capacity, who in (("surface_owner", "ada"), ("metric_owner", "rosa"), ("sponsor", "vera")):
        services.approve_study(key=STUDY, capacity=capacity, actor=who, now=now)
    services.start_study(key=STUDY, actor="ada", now=now)
    AblationStudy.objects.filter(key=STUDY).update(follow={"weeks": WEEKS}, spent=212_000)


def _week(number, change, is_after):
    ends = {"low": change - 0.001, "high": change + 0.001, "standard_error": 0.0005}
    when = {"week": number, "since": f"2026-03-{number * 7:02d}", "days": 7, "is_after": is_after}
    return {**when, **ends, "per_100_ms": change, "users": 1_200_000}


WEEKS = [_week(1, -0.0025, False), _week(2, -0.0035, False), _week(3, -0.0012, True)]


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(look) or "desk")
def test_page__desk_or_phone_light_or_dark__no_trouble_and_no_scrolling_sideways(
    browser, platform, logged_in, furnished, path, look
):
    with visit(browser, platform.web_url, state=logged_in, **look) as opened:
        opened.open(path.format(finding=furnished))

        assert opened.page.get_by_role("heading", level=1).count() == 1
        assert opened.trouble == []
        assert opened.overflow_px() <= 0


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
