"""Bots, triggers and open windows from the plan to the report: left out, counted and shown."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from analysis.models import AnalysisRun, ReportSnapshot
from analysis.plan import analysis_plan
from experiments import queries as experiments
from experiments import services
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db
CUT = 24 * 9


@pytest.fixture
def rows():
    """Four bots; a third of the units opens the checkout an hour after its exposure, one before it."""
    exposures, events = world.traffic(150)
    for row in exposures[:4]:
        row["dims"] = {**row["dims"], "traffic": "bot"}
    opened = [
        world.store.event(row["unit"], "checkout-opened", row["ts"] + timedelta(hours=1))
        for row in exposures[10::3]
    ]
    early = world.store.event(
        exposures[5]["unit"], "checkout-opened", exposures[5]["ts"] - timedelta(hours=1)
    )
    return exposures, [*events, *opened, early]


def looked(rows, hours=CUT, **plan):
    world.started(bind=("spend", "latency-p95"), **plan)
    world.write(*rows)
    assert world.look(hours=hours).failure == ""
    return AnalysisRun.objects.get().enrolment


def until(rows, cut=CUT):
    return [row for row in rows if row["ts"] < world.at(cut)]


def test_look__excluded_dim__left_out_and_shown_with_the_evidence(rows, client):
    enrolment = looked(rows, excluded={"traffic": ["bot", "crawler"]})
    client.force_login(User.objects.create_superuser("rosa"))

    page = client.get(f"/experiments/{world.KEY}/health/").content.decode()
    [run] = client.get(f"/api/v1/experiments/{world.KEY}/runs").json()["results"]

    seen = until(rows[0])
    bots = sum("traffic" in row["dims"] for row in seen)
    assert (enrolment["excluded"], sum(enrolment["units"].values())) == (bots, len(seen) - bots)
    assert f"{bots} excluded by the plan" in page
    assert "every batch that was acknowledged is stored" in page
    data = next(check for check in run["checks"] if check["kind"] == "data")
    assert {part["status"] for part in data["evidence"]["parts"]} <= {"ok", "warn", "fail", "not_run"}
    assert run["enrolment"] == enrolment
    assert "without traffic = bot" in client.get(f"/experiments/{world.KEY}/plan/").content.decode()


def test_look__trigger__only_units_that_had_it_after_their_exposure(rows):
    enrolment = looked(rows, trigger={"event": "checkout-opened"})

    opened = {row["unit"] for row in until(rows[1]) if row["name"] == "checkout-opened"} - {
        rows[0][5]["unit"]
    }
    assert sum(enrolment["units"].values()) == len(opened) > 0
    assert enrolment["untriggered"] == len(until(rows[0])) - len(opened)


def test_look__window_still_open__units_wait_and_the_report_says_so(rows):
    looked(rows, hours=48)
    early = ReportSnapshot.objects.get().document
    world.look(hours=CUT)

    report = ReportSnapshot.objects.latest("id").document
    inside = len(until(rows[0])) - len([row for row in rows[0] if row["ts"] <= world.at(CUT - 72)])
    assert inside > 0
    assert f"{len(until(rows[0], 48))} are still inside its window" in early
    assert f"spend, 3 days after the first exposure ({inside} units still inside do not count yet)" in report


def test_plan__revised__pre_periods_end_where_the_experiment_began():
    world.started(bind=("spend",))
    first = analysis_plan(experiments.plan(world.KEY), until=world.at(40))
    for step, hours in ((services.revise, 30), (services.apply_revision, 31)):
        step(key=world.KEY, actor="rosa", now=world.at(hours), reason="another metric")

    second = analysis_plan(experiments.plan(world.KEY), until=world.at(40))

    assert (first.since, first.began_at) == (world.START, None)
    assert (second.since, second.began_at) == (world.at(31), world.START)
    assert second.events_since == first.events_since == world.START - timedelta(days=7)
