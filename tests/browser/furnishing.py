"""A surface of a product whose latency has a price: made-up numbers for browser tests and pictures."""

from django.utils import timezone

from impact import services
from impact.grades import Design, Kind
from impact.models import AblationStudy
from metrics import services as metrics
from organisation import queries as organisation
from organisation import services as organisation_services
from tests.apps.impact.test_mining import CONVERSION
from tests.apps.impact.test_pages import CURVE

SURFACE, STUDY = "front", "slow-front"


def furnish(place):
    """A surface with a price from an accepted finding, and a study that runs in the environment `place`."""
    now = timezone.now()
    by, by_bea = {"actor": "ada", "now": now}, {"actor": "bea", "now": now}
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
