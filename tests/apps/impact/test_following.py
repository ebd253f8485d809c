"""Weeks, slices and the instrumented slope of a study, read from the store after a planted loss."""

from datetime import timedelta

import numpy as np
import pytest

from flags import services as flag_services
from impact import queries, services
from impact.models import AblationStudy
from impact.services import following
from ledger import jobs
from ledger.models import Job
from metrics import services as metrics
from tests.apps.analysis import world
from tests.apps.impact import build
from tests.apps.impact.test_mining import CONVERSION, LATENCY
from tests.apps.impact.test_studies import started

pytestmark = pytest.mark.django_db
DOSES = (0, 100, 400)
UNITS, DAYS, AFTER = 900, 14, 14
LOSS = {"phone": -0.12, "desk": -0.04}
"""Relative change of the chance to buy in a week, per 100 ms; half of it outlasts the delay."""


@pytest.fixture
def shop():
    build.surface()
    flag_services.create_environment(key="production", is_production=True, actor="ada", now=build.NOW)
    metrics.load_definitions(texts={"c.toml": CONVERSION, "l.toml": LATENCY}, actor="rosa", now=build.NOW)
    build.value(latency_metric="page-latency")


def rows(start):
    rng = np.random.default_rng(11)
    exposures, events, number = [], [], 0
    for dose in DOSES:
        for index in range(UNITS):
            number += 1
            device = "phone" if index % 2 else "desk"
            base = {"unit": number * 16, "unit_type": "user", "received_at": start}
            at = start + timedelta(minutes=5)
            exposures.append(_exposure(base, number, dose, device, at))
            events += _weeks(base, number, dose, device, at, rng)
    return exposures, events


def _exposure(base, number, dose, device, at):
    arm = f"d{dose}" if dose else "placebo"
    given = {"flag": "slow-checkout", "experiment": "slow-checkout", "variant": arm, "version": 1}
    return {
        **base, **given, "event_id": f"x{number}", "ts": at, "forced": False, "dims": {"device": device}
    }  # fmt: skip


def _weeks(base, number, dose, device, at, rng):
    slow = rng.normal(900, 100)
    for week in range((DAYS + AFTER) // 7):
        is_after = week >= DAYS // 7
        ts = at + timedelta(days=7 * week, hours=1)
        event = {**base, "session": None, "ts": ts, "dims": {}}
        mark = f"{number}-{week}"
        if not is_after:
            yield {**event, "event_id": f"d{mark}", "name": "injected-delay", "value": float(dose)}
            yield {**event, "event_id": f"r{mark}", "name": "request", "value": slow + dose}
        chance = 0.5 * (1 + LOSS[device] * (0.5 if is_after else 1) * dose / 100)
        if rng.random() < chance:
            yield {**event, "event_id": f"p{mark}", "name": "purchase", "value": 1.0}


@pytest.fixture
def ended(shop):
    row = started(doses_ms=[100, 400], dimensions=["device"])
    world.write(*rows(row.began_at))
    end = build.NOW + timedelta(days=DAYS)
    return services.end_study(key="slow-checkout", reason="over", actor="ada", now=end)


def near(found, planted):
    assert abs(found["per_100_ms"] - planted) < 3.5 * found["standard_error"]
    assert found["low"] < found["per_100_ms"] < found["high"]


def test_weeks__planted_loss_that_half_outlasts_the_delay__both_told(ended):
    found = following.follow_up(queries.study("slow-checkout"), now=ended.follow_until)

    assert [(week["week"], week["is_after"]) for week in found["weeks"]] == [
        (1, False),
        (2, False),
        (3, True),
        (4, True),
    ]
    for week in found["weeks"]:
        near(week, -0.04 if week["is_after"] else -0.08)
        assert week["users"] == UNITS * len(DOSES)
    assert all(week["high"] < 0 for week in found["weeks"])


def test_slices__declared_dimension__the_steeper_device_is_told(ended):
    found = following.follow_up(queries.study("slow-checkout"), now=ended.ended_at)

    slopes = {each["level"]: each for each in found["slices"]}
    assert set(slopes) == {"phone", "desk"}
    assert slopes["phone"]["per_100_ms"] < slopes["desk"]["per_100_ms"] < 0


def test_instrument__latency_metric_of_the_surface__dose_moves_it_and_the_slope_is_relative(ended):
    found = following.follow_up(queries.study("slow-checkout"), now=ended.ended_at)["instrumented"]

    assert found["first_stage_f"] > 1000
    assert found["first_stage_slope"] == pytest.approx(1, abs=0.1)
    assert found["relative"] < 0


EXTRA = """
key = "{key}"
title = "{key}"
question = "What?"
kind = "{kind}"
unit = "x"
direction = "up"
owner = "rosa"
hypothesis = "It falls with delay."
{more}
[source]
event = "{event}"
value = "value"
"""


def usual_of(row):
    """The user's latency without the dose, give or take a few milliseconds."""
    number = row["unit"] // 16 - 1
    return row["value"] - DOSES[number // UNITS] + number * 7919 % 41 - 20


def of_outcome(ended, key, **words):
    text = EXTRA.format(key=key, **words)
    metrics.load_definitions(texts={f"{key}.toml": text}, actor="rosa", now=build.NOW)
    AblationStudy.objects.filter(id=ended.id).update(outcome=key)
    return following.follow_up(queries.study("slow-checkout"), now=ended.ended_at)


def test_outcome__quantile_or_with_a_covariate__weeks_all_the_same(ended):
    """Latency as the outcome: its median grows with the dose, and what was known before sharpens it."""
    at = ended.began_at - timedelta(days=2)
    _, events = rows(ended.began_at)
    early = [
        {**row, "ts": at, "event_id": f"e{row['event_id']}", "value": usual_of(row)}
        for row in events
        if row["name"] == "request" and row["event_id"].endswith("-0")
    ]
    world.write([], early)

    median = of_outcome(ended, "median", kind="quantile", event="request", more="quantile = 0.5")
    plain = of_outcome(ended, "plain", kind="mean", event="request", more="")
    known = of_outcome(ended, "known", kind="mean", event="request", more="covariate = { days = 7 }")

    assert median["weeks"][0]["per_100_ms"] == pytest.approx(100 / 900, rel=0.1)
    assert median["instrumented"] == {"reason": "a quantile has no value of each user"}
    assert known["weeks"][0]["per_100_ms"] == pytest.approx(100 / 900, rel=0.1)
    assert known["weeks"][0]["standard_error"] < plain["weeks"][0]["standard_error"] / 5


def test_job__once_a_day__stored_with_study_and_finding(ended):
    for _ in range(2):
        following.request_following(ended, now=ended.ended_at)
    job = Job.objects.get(kind="impact.follow")
    Job.objects.filter(id=job.id).update(run_after=build.NOW - timedelta(days=1))

    jobs.run(job.id)

    job.refresh_from_db()
    assert job.state == "succeeded", job.failure
    assert len(queries.study("slow-checkout").follow["weeks"]) == 4


def test_follow__nobody_exposed__says_so(shop):
    row = started()

    assert following.follow_up(row, now=build.NOW + timedelta(days=3)) == {"reason": "nobody was exposed yet"}
