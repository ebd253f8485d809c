"""From harm in the data to the held ramp: at most one interval of looks, by the scheduler's own asking."""

from datetime import timedelta

import numpy as np
import pytest

from analysis import services
from analysis.models import AnalysisRun, GuardrailTrip
from flags import queries as flags
from flags import services as flag_services
from ledger import jobs
from ledger.models import AuditEvent, Job, JobState
from tests.apps.analysis import world
from tests.core.analysis import store

pytestmark = pytest.mark.django_db

PER_HOUR = 90
DAY, STEP = 24, 6


def running():
    flag_services.create_environment(key="production", is_production=True, actor="ada", now=world.START)
    flag_services.create_flag(key=world.KEY, value_type="bool", actor="ada", now=world.START)
    world.started(assigned_here=True, coverage_ppm=500_000)


def arrivals(hours, *, slow_from):
    """Users of each hour; requests of the treatment take three times as long from `slow_from` on."""
    random = np.random.default_rng(11)
    exposures, listed = [], []
    for number in range(hours * PER_HOUR):
        unit, is_on, first = number * 7919 * store.BUCKETS, number % 2 == 1, number / PER_HOUR
        exposures.append(
            store.exposure(unit, "on" if is_on else "off", world.at(first), experiment=world.KEY)
        )
        slowdown = 3.0 if is_on and first >= slow_from else 1.0
        for _ in range(4):
            ms = float(random.lognormal(5, 0.3)) * slowdown
            listed.append(store.event(unit, "request", world.at(first), ms))
    return exposures, listed


def hours_of_beat(until, *, since=1):
    """The scheduler asks five minutes after each hour, as beat makes it, and workers do what is written; the
    hour at which the flag was held."""
    for hour in range(since, until + 1):
        services.schedule_looks(now=world.at(hour) + timedelta(minutes=5))
        work_off()
        if flags.holds_of(world.KEY, "production").exists():
            return hour
    return None


def work_off():
    """Every job that waits, and those that they write."""
    while waiting := list(Job.objects.filter(state=JobState.QUEUED).order_by("id")):
        for job in waiting:
            jobs.run(job.id)


@pytest.mark.parametrize(
    ("slow_from", "since", "within"), [(3, 3, 1), (DAY + 3, DAY, STEP)], ids=["first day", "later"]
)
def test_harm__looks_by_schedule__held_within_one_interval_of_the_data_that_show_it(slow_from, since, within):
    """The look that shows the harm is the first that can: the one before it had no slow request."""
    running()
    world.write(*arrivals(slow_from + within + 1, slow_from=slow_from))

    held = hours_of_beat(slow_from + within, since=since)

    trip = GuardrailTrip.objects.get()
    assert held is not None
    assert slow_from < held <= slow_from + within
    assert trip.run.data_cut - world.at(slow_from) <= timedelta(hours=within)
    assert AnalysisRun.objects.order_by("-look").first() == trip.run
    assert AuditEvent.objects.filter(action="trip.acted").count() == 1


def test_no_harm__looks_by_schedule__nothing_is_held():
    running()
    world.write(*arrivals(4, slow_from=99))

    assert hours_of_beat(4, since=3) is None
    assert AnalysisRun.objects.count() == 2
