"""What is old goes, and nothing goes early."""

from datetime import timedelta

import pytest

from events import services, tasks
from events.compaction import intake, merging, rounds, tending, upkeep
from events.compaction.storage import LocalFolder
from events.models import InboxBatch, RefusedEvent, StoreFile
from tests.apps.events.building import NOW, event, put, stored

pytestmark = pytest.mark.django_db


def merged(store):
    for n in range(8):
        put([event(n, unit="one")])
        services.drain(now=NOW)
    merging.merge(LocalFolder(store), now=NOW)


def parquet_files(store):
    return {path for path in store.rglob("*") if path.is_file() and "kind" not in str(path)}


def test_tend__merged_files__deleted_an_hour_later_and_not_before(store):
    merged(store)

    tending.tend(LocalFolder(store), now=NOW + timedelta(minutes=59))
    assert len(parquet_files(store)) == 18

    tending.tend(LocalFolder(store), now=NOW + timedelta(minutes=61))
    assert len(parquet_files(store)) == 2
    assert StoreFile.objects.count() == 2
    assert len(stored("events")) == 8


def test_tend__file_is_gone_already__row_goes_too(store):
    merged(store)
    for path in parquet_files(store):
        if str(path) not in {file.path for file in StoreFile.objects.filter(retired_at__isnull=True)}:
            path.unlink()

    tending.tend(LocalFolder(store), now=NOW + timedelta(hours=2))

    assert StoreFile.objects.count() == 2


def test_tend__ids_seen__kept_for_the_whole_window_and_then_dropped(store):
    put([event(1)])
    services.drain(now=NOW)

    assert tending.retire_seen(now=NOW + timedelta(days=7)) == 0
    assert tending.retire_seen(now=NOW + timedelta(days=8)) == 1
    assert len(stored("events")) == 1


def test_tend__receipts__kept_for_a_week(store):
    put([event(1)])
    services.drain(now=NOW)
    put([event(2)], received_at=NOW)

    assert tending.delete_receipts(now=NOW + timedelta(days=6, hours=23)) == 0
    assert tending.delete_receipts(now=NOW + timedelta(days=7, hours=1)) == 1
    assert InboxBatch.objects.get().payload is not None


def test_tend__refused_events__kept_for_a_week(store):
    put([event(1, value="x")])
    services.drain(now=NOW)

    tending.tend(LocalFolder(store), now=NOW + timedelta(days=6, hours=23))
    assert RefusedEvent.objects.count() == 1

    tending.tend(LocalFolder(store), now=NOW + timedelta(days=7, hours=1))
    assert RefusedEvent.objects.count() == 0


def test_upkeep__run_twice__second_changes_nothing(store):
    put([event(n) for n in range(100)])
    first = upkeep.run(now=NOW)
    before = stored("events")

    assert upkeep.run(now=NOW).batches == 0
    assert first.stored == 100
    assert stored("events") == before


def test_upkeep__no_time_for_filing__merges_all_the_same(store):
    for n in range(8):
        put([event(n, unit="one")])
        services.drain(now=NOW)
    put([event(100, unit="one")])

    upkeep.run(now=NOW, filing_s=0)

    assert StoreFile.objects.filter(is_merged=True, kind="events").count() == 1
    assert InboxBatch.objects.filter(compacted_at__isnull=True).count() == 1


def test_compact__two_environments__take_turns(store, monkeypatch):
    monkeypatch.setattr(intake, "ROUND_EVENTS", 1)
    monkeypatch.setattr(intake, "CLAIMED_TOGETHER", 1)
    for n in range(3):
        put([event(n)], environment="busy")
    put([event(1)], environment="quiet")
    turns = iter([True, True, False])

    filed = rounds.compact(now=NOW, has_time=lambda: next(turns))

    assert filed.batches == 2
    assert len(stored("events", "quiet")) == 1


def test_task__run_twice__same_store(store):
    put([event(n) for n in range(10)])

    tasks.compact()
    before = stored("events")
    tasks.compact()

    assert stored("events") == before
    assert len(before) == 10
