"""Days go when they have been kept for long enough, and never while somebody still reads them."""

from datetime import timedelta

import pytest

from events import holding, services, tasks, upkeep_queries
from events.compaction import tending
from events.compaction.storage import LocalFolder
from events.models import ExposureCount, IngestCount, StoreFile
from events.services import retention
from ledger.models import AuditEvent
from ledger.refusals import NotFound, Refused
from tests.apps.events.building import NOW, event, exposure, put, stored

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def environment(sdk_key):
    return sdk_key


def file_days(*ages, filed=None):
    """Events of days so many days ago, filed on their day (or `filed` days ago)."""
    for n, age in enumerate(ages):
        at = NOW - timedelta(days=age)
        put([event(n, ts=at.isoformat()), exposure(n, ts=at.isoformat())], received_at=at)
        services.drain(now=NOW - timedelta(days=age if filed is None else filed))


def days():
    """Ages in days of the days of which anything is left."""
    kept = StoreFile.objects.filter(retired_at=None).exclude(kind="seen")
    return sorted({(NOW.date() - file.day).days for file in kept})


def rule(raw_days, count_days, **more):
    wanted = {"environment": "production", "reason": "policy", "actor": "rosa", "now": NOW}
    return retention.set_retention(raw_days=raw_days, count_days=count_days, **{**wanted, **more})


def test_drop_old__nothing_said__events_go_after_ninety_days_and_not_before():
    file_days(89, 90, 91, 92)

    dropped = retention.drop_old(now=NOW)

    assert days() == [89, 90]
    assert dropped["production"].rows == 4
    assert retention.drop_old(now=NOW) == {}


def test_drop_old__readers__keep_files_for_an_hour(store):
    file_days(95)
    paths = [store / file.path for file in StoreFile.objects.exclude(kind="seen")]

    retention.drop_old(now=NOW)
    assert all(path.exists() for path in paths)

    tending.tend(LocalFolder(store), now=NOW + timedelta(minutes=61))
    assert not any(path.exists() for path in paths)


def test_drop_old__history_imported_yesterday__stays():
    file_days(300, filed=1)

    assert retention.drop_old(now=NOW) == {}
    assert len(stored("events")) == 1


@pytest.mark.parametrize(("needed", "left"), [(95, [91, 95]), (500, [91, 95, 399]), (10, [])])
def test_drop_old__open_experiment__its_days_wait_but_no_longer_than_counts(monkeypatch, needed, left):
    monkeypatch.setattr(holding, "_needed", [lambda where: NOW.date() - timedelta(days=needed)])
    file_days(401, 399, 95, 91)

    retention.drop_old(now=NOW)

    assert days() == left


def test_drop_old__counts__four_hundred_days():
    file_days(399, 402)
    before = IngestCount.objects.count()

    dropped = retention.drop_old(now=NOW)

    assert dropped["production"].counts > 0
    assert IngestCount.objects.count() < before
    assert ExposureCount.objects.filter(day__lt=NOW.date() - timedelta(days=400)).count() == 0
    assert AuditEvent.objects.filter(action="environment.retention.applied").get().actor == "retention"


def test_set_retention__for_ever__nothing_goes():
    rule(None, None)
    file_days(500)

    assert retention.drop_old(now=NOW) == {}
    assert upkeep_queries.kept("production").raw_days is None


def test_set_retention__shorter__holds_from_the_next_night_and_is_in_the_audit():
    file_days(8, 6)

    rule(7, 30)
    retention.drop_old(now=NOW)

    assert days() == [6]
    row = AuditEvent.objects.filter(action="environment.retention.set").get()
    assert (row.before, row.after) == (
        {"raw_days": 90, "count_days": 400},
        {"raw_days": 7, "count_days": 30},
    )


@pytest.mark.parametrize(
    ("raw", "counts", "more", "field"),
    [
        (0, 400, {}, "raw_days"),
        (4000, None, {}, "raw_days"),
        (True, 400, {}, "raw_days"),
        (90, 30, {}, "count_days"),
        (None, 30, {}, "count_days"),
        (90, 400, {"reason": ""}, "reason"),
    ],
)
def test_set_retention__bad_value__refused_with_its_field(raw, counts, more, field):
    with pytest.raises(Refused) as refused:
        rule(raw, counts, **more)

    assert refused.value.problems[0].field == field


def test_set_retention__unknown_environment__not_found():
    with pytest.raises(NotFound):
        rule(1, 1, environment="moon")


def test_task__run_twice__same_store():
    file_days(95, 1)

    tasks.drop_old()
    before = days()
    tasks.drop_old()

    assert days() == before
