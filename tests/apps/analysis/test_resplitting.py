"""Nightly A/A splits: asked for once a night, stored once, and told to the next report."""

from datetime import UTC, date, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from analysis import queries
from analysis.models import CalibrationNight
from analysis.services import looking, resplitting
from experiments import queries as experiments
from experiments import services as experiment_services
from ledger import jobs
from ledger.models import Job, JobState
from tests.apps.analysis import world
from tests.core.analysis import store

pytestmark = pytest.mark.django_db

NIGHT = world.at(24 * 9).replace(tzinfo=UTC)
UNITS = 1200


@pytest.fixture
def running(monkeypatch):
    """Fewer units and splits than on a site, which keeps it quick."""
    monkeypatch.setattr("analysis.resplitting.MIN_GROUPS", 100)
    monkeypatch.setattr("analysis.resplitting.REPLICATES", 40)
    world.started()
    world.write(*world.traffic(UNITS))


def night(now=NIGHT):
    resplitting.schedule_resplits(now=now)
    job = Job.objects.filter(kind=resplitting.KIND).latest("id")
    jobs.run(job.id)
    job.refresh_from_db()
    return job


def test_night__running_experiment__one_row_a_metric(running):
    job = night()

    assert (job.state, job.failure) == (JobState.SUCCEEDED, "")
    rows = list(CalibrationNight.objects.order_by("metric"))
    assert [(row.metric, row.day) for row in rows] == [
        ("latency-p95", NIGHT.date()),
        ("orders", NIGHT.date()),
    ]
    assert all(0 <= row.rejected <= row.replicates for row in rows)
    assert all(row.units > 1000 for row in rows)


def test_schedule__same_night_again__asked_once(running):
    assert resplitting.schedule_resplits(now=NIGHT) == 1
    assert resplitting.schedule_resplits(now=NIGHT + timedelta(hours=1)) == 0
    assert resplitting.schedule_resplits(now=NIGHT + timedelta(days=1)) == 1


def test_job__run_twice__one_set_of_rows(running):
    job = night()
    before = list(CalibrationNight.objects.values_list("id", "rejected"))

    Job.objects.filter(id=job.id).update(state=JobState.QUEUED, attempt=0)
    jobs.run(job.id)

    assert list(CalibrationNight.objects.values_list("id", "rejected")) == before


def test_schedule__stopped_experiment__left_alone(running):
    experiment_services.stop(key=world.KEY, reason="enough", actor="rosa", now=NIGHT)

    assert resplitting.schedule_resplits(now=NIGHT + timedelta(hours=1)) == 0


def test_calibration__nights_of_four_weeks__added_up_by_metric_version(running):
    night()
    locked = experiments.plan(world.KEY)
    versions = [binding.metric_version_id for binding in locked.bindings]

    found = queries.calibration(versions, until=NIGHT.date())

    assert {of.metric: (of.nights, of.replicates) for of in found}.keys() == {"latency-p95", "orders"}
    assert queries.calibration(versions, until=NIGHT.date() + timedelta(days=28)) == []
    assert queries.calibration([0], until=date.max) == []
    told = looking.calibration(locked, NIGHT)
    assert {of.metric for of in told} == {"latency-p95", "orders"}


def test_rows__changed__refused_by_the_database(running):
    night()

    with pytest.raises(DatabaseError), transaction.atomic():
        CalibrationNight.objects.update(rejected=0)


def stored(metric="orders", *, rejected=20, replicates=400, day=None):
    """A night as the job would store it."""
    binding = next(of for of in experiments.plan(world.KEY).bindings if of.metric == metric)
    return CalibrationNight.objects.create(
        day=day or timezone.now().date(),
        experiment=experiments.experiment(world.KEY),
        metric_version_id=binding.metric_version_id,
        metric=metric,
        units=40_000,
        replicates=replicates,
        rejected=rejected,
        covered=replicates - rejected,
        alpha=0.05,
        variance_ratio=1.0,
        code_version="0.1.0",
        created_at=timezone.now(),
    )


def test_night__one_unit_that_outweighs_all_others__the_next_report_is_red(running, browser, monkeypatch):
    """The planted violation: beside one unit with more orders than all others nothing is ever found."""
    monkeypatch.setattr("analysis.resplitting.REPLICATES", 300)
    exposures, _ = world.traffic(UNITS)
    whale, since = exposures[0]["unit"], exposures[0]["ts"]
    world.write([], [store.event(whale, "purchase", since + timedelta(minutes=1), 1.0) for _ in range(4000)])

    night()
    world.look(hours=24 * 9)

    row = CalibrationNight.objects.get(metric="orders")
    assert row.rejected < 0.01 * row.replicates
    page = browser.get(f"/experiments/{world.KEY}/report/").text
    assert "A/A out of bounds: Orders per user" in page
    assert "A/A out of bounds: Checkout p95" not in page


def test_pages__no_night_yet__say_when_there_will_be(browser):
    world.started()

    assert "There are no splits yet" in browser.get("/metrics/-/calibration/").text
    assert "has no splits yet" in browser.get("/metrics/orders/calibration/").text


def test_pages__metric_out_of_bounds__said_first_and_with_what_to_do(browser):
    world.started()
    stored("orders", rejected=90)
    stored("latency-p95", rejected=20)

    page = browser.get("/metrics/-/calibration/").text
    own = browser.get("/metrics/orders/calibration/").text

    assert page.index("out of bounds</span>") < page.index("as promised")
    assert "22.5" in page
    assert "set a cap on the metric" in own
    assert "90 of 400" in own
    assert "/metrics/orders/calibration/" in browser.get("/metrics/orders/").text


def test_page__metric_that_does_not_exist__not_found(browser):
    assert browser.get("/metrics/nothing/calibration/").status_code == 404


def test_api__nights_of_two_metrics__rates_with_bands_those_out_of_bounds_first(browser):
    world.started()
    stored("latency-p95", rejected=20)
    stored("orders", rejected=90)

    found = browser.get("/api/v1/metrics/-/calibration").json()

    assert (found["alpha"], found["false_positive_bounds"], found["coverage_bounds"]) == (
        0.05,
        [0.04, 0.06],
        [0.94, 0.96],
    )
    assert [(of["metric"], of["is_within"]) for of in found["metrics"]] == [
        ("orders", False),
        ("latency-p95", True),
    ]
    orders = found["metrics"][0]
    assert (orders["nights"], orders["replicates"]) == (1, 400)
    assert (orders["false_positive_share"], orders["coverage_share"]) == (0.225, 0.775)
    assert orders["false_positive_band"][0] < 0.225 < orders["false_positive_band"][1]


def test_api__one_metric__rates_and_single_nights(browser):
    world.started()
    stored("orders", rejected=90)
    stored("orders", rejected=20, day=timezone.now().date() - timedelta(days=40))

    found = browser.get("/api/v1/metrics/orders/calibration").json()
    untouched = browser.get("/api/v1/metrics/latency-p95/calibration").json()

    assert (found["rates"]["nights"], found["rates"]["false_positive_share"]) == (1, 0.225)
    assert [(of["experiment"], of["rejected"], of["covered"]) for of in found["nights"]] == [
        (world.KEY, 90, 310),
        (world.KEY, 20, 380),
    ]
    assert (untouched["rates"], untouched["nights"]) == (None, [])
    assert browser.get("/api/v1/metrics/nothing/calibration").status_code == 404
