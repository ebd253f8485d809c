"""A study with a planted slope through the store and a look: finding, curve, cost, end in time."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from analysis.models import AnalysisRun
from experiments import queries as experiments
from flags import services as flag_services
from impact import queries, services
from impact.models import AblationStudy
from ledger.refusals import Conflict, Refused
from metrics import services as metrics
from tests.apps.analysis import world
from tests.apps.impact import build
from tests.apps.impact.test_mining import CONVERSION
from tests.apps.impact.test_studies import started

pytestmark = pytest.mark.django_db
DOSES = (0, 50, 100, 200, 400)
ARMS = [*(("placebo", 0), *((f"d{dose}", dose) for dose in DOSES[1:])), ("untouched", 0)]
UNITS = 400


@pytest.fixture
def shop():
    build.surface()
    flag_services.create_environment(key="production", is_production=True, actor="ada", now=build.NOW)
    metrics.load_definitions(texts={"c.toml": CONVERSION}, actor="rosa", now=build.NOW)
    build.value()


def rows(per_100_ms, *, start, reach=0.8):
    """Exposures, delays and purchases of users by arm; the delay reaches a part of the requests."""
    rng = np.random.default_rng(3)
    exposures, events = [], []
    unit = 0
    for arm, dose in ARMS:
        for _ in range(UNITS):
            unit += 1
            at = start + timedelta(minutes=int(rng.integers(1, 60)))
            base = {"unit": unit * 16, "unit_type": "user", "dims": {}, "received_at": at}
            exposures.append(
                {
                    **base,
                    "event_id": f"x{unit}",
                    "ts": at,
                    "flag": "slow-checkout",
                    "experiment": "slow-checkout",
                    "variant": arm,
                    "version": 1,
                    "forced": False,
                }
            )
            event = {**base, "session": None, "ts": at + timedelta(minutes=1)}
            for request in range(3):
                value = float(dose if rng.random() < reach else 0)
                events.append(
                    {**event, "event_id": f"d{unit}-{request}", "name": "injected-delay", "value": value}
                )
            if rng.random() < 0.5 * (1 + per_100_ms * dose * reach / 100):
                events.append({**event, "event_id": f"p{unit}", "name": "purchase", "value": 1.0})
    return exposures, events


def looked_at(per_100_ms=-0.08):
    """The study as it stands after one look."""
    started()
    plan = experiments.plan("slow-checkout")
    world.write(*rows(per_100_ms, start=plan.started_at))
    done = world.look(
        "slow-checkout", until=build.NOW + timedelta(hours=3), now=build.NOW + timedelta(days=1)
    )
    assert done.state == "succeeded", done.failure
    assert AnalysisRun.objects.filter(experiment__key="slow-checkout").exists()


def test_study__planted_slope__grade_a_on_the_delay_that_reached_users(shop):
    looked_at()
    services.end_study(key="slow-checkout", reason="over", actor="ada", now=build.NOW + timedelta(days=14))

    found = services.estimate_study(key="slow-checkout", now=build.NOW + timedelta(days=14))

    assert found.grade == "A"
    assert found.per_100_ms == pytest.approx(-0.08, abs=3 * found.standard_error)
    assert found.units == UNITS * len(DOSES)
    delivered = [point["delivered_ms"] for point in found.details["points"]]
    assert delivered == pytest.approx([40, 80, 160, 320], rel=0.06)
    assert found.details["curve"]["changes"][0] == 0
    check = found.details["placebo_check"]
    assert check["is_silent"]
    assert (check["users"], check["low"] < 0 < check["high"]) == (UNITS, True)
    assert found.details["knee"]["from_ms"] == pytest.approx(40, rel=0.06)
    assert services.estimate_study(key="slow-checkout").id == found.id


def test_study__still_running__no_finding(shop):
    looked_at()

    with pytest.raises(Conflict):
        services.estimate_study(key="slow-checkout")


def test_study__never_looked_at__refused_in_words(shop):
    started()
    services.end_study(key="slow-checkout", reason="over", actor="ada", now=build.NOW + timedelta(days=14))

    with pytest.raises(Refused) as refused:
        services.estimate_study(key="slow-checkout")

    assert "nothing has been analysed" in str(refused.value)


def test_clock__days_are_over__ended_estimated_and_closed_in_time(shop):
    looked_at()
    assert services.watch_studies(now=build.NOW + timedelta(days=13)) == []
    ended = build.NOW + timedelta(days=14)

    assert services.watch_studies(now=ended) == ["slow-checkout"]
    assert queries.study("slow-checkout").state == "followed"
    services.watch_studies(now=ended + timedelta(minutes=1))
    assert queries.study("slow-checkout").finding is not None
    services.watch_studies(now=ended + timedelta(days=14))
    assert queries.study("slow-checkout").state == "closed"
    assert services.watch_studies(now=ended + timedelta(days=15)) == []


def test_clock__budget_spent__ended_with_the_reason(shop):
    started()
    AblationStudy.objects.update(spent=1_000_000)

    services.watch_studies(now=build.NOW + timedelta(hours=1))

    assert "budget of 1,000,000 slowed requests is spent" in queries.study("slow-checkout").end_reason


def test_cost__so_far__by_the_delay_that_reached_users(shop):
    looked_at()
    study, yearly = queries.study("slow-checkout"), 40_000_000_00 * 0.5

    cost, surely = services.cost_so_far(study, build.NOW + timedelta(days=7))

    reached = sum(DOSES) * 0.8 / 100
    assert cost == pytest.approx(0.08 * yearly * reached * 0.01 * 7 / 365.25, rel=0.3)
    assert surely < cost


def test_clock__costs_more_than_agreed__stopped(shop):
    looked_at(-0.2)

    services.watch_studies(now=build.NOW + timedelta(days=13))

    assert queries.study("slow-checkout").end_reason == "it costs more than was agreed"


def test_stops__asked_by_the_report__in_words(shop):
    started()
    AblationStudy.objects.update(spent=1_000_000)

    assert len(services.stops("slow-checkout", now=timezone.now())) >= 1
    assert services.stops("another", now=timezone.now()) == []
