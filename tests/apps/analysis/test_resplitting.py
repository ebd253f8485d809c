"""Nightly A/A splits: asked for once a night, stored once, and told to the next report."""

from datetime import UTC, date, timedelta

import pytest
from django.db import DatabaseError, transaction

from analysis import queries
from analysis.models import CalibrationNight
from analysis.services import looking, resplitting
from experiments import queries as experiments
from experiments import services as experiment_services
from ledger import jobs
from ledger.models import Job, JobState
from tests.apps.analysis import world

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
