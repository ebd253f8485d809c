"""Small files become large ones; readers never see a row twice or miss one."""

from datetime import date, timedelta

import pytest

from events import queries, services
from events.compaction import merging
from events.compaction.storage import LocalFolder
from events.models import StoreFile
from tests.apps.events.building import NOW, event, exposure, put, stored

pytestmark = pytest.mark.django_db


def file_in_rounds(rounds, per_round=20, **fields):
    for n in range(rounds):
        put([event(n * per_round + i, unit="one", **fields) for i in range(per_round)])
        services.drain(now=NOW)


def data_files():
    return StoreFile.objects.filter(kind="events", retired_at__isnull=True)


def test_merge__eight_small_files_in_a_part__one_with_the_same_rows(store):
    file_in_rounds(8)
    before = stored("events")
    old_paths = [file.path for file in queries.files("events")]

    merging.merge(LocalFolder(store), now=NOW)

    [file] = data_files()
    assert file.rows == 160
    assert file.is_merged
    assert stored("events") == before
    assert (file.min_ts, file.max_ts) == (min(r["ts"] for r in before), max(r["ts"] for r in before))
    assert all(store.joinpath(path).exists() for path in old_paths)


def test_merge__seven_small_files__left_until_they_are_quiet(store):
    file_in_rounds(7)

    merging.merge(LocalFolder(store), now=NOW + timedelta(minutes=30))
    assert data_files().count() == 7

    merging.merge(LocalFolder(store), now=NOW + timedelta(minutes=61))
    assert data_files().count() == 1


def test_merge__parts__kept_apart(store):
    for n in range(8):
        put(
            [
                event(2 * n, unit="a"),
                event(2 * n + 1, unit="a", ts="2026-03-03T10:00:00Z"),
                exposure(n, unit="a"),
            ]
        )
        put([event(n, unit="a")], environment="staging")
        services.drain(now=NOW)

    merging.merge(LocalFolder(store), now=NOW)

    assert sorted(data_files().values_list("environment", "day", "rows")) == [
        ("production", date(2026, 3, 3), 8),
        ("production", date(2026, 3, 4), 8),
        ("staging", date(2026, 3, 4), 8),
    ]
    assert len(stored("exposures")) == 8


def test_merge__large_files__not_touched(store):
    file_in_rounds(8)
    StoreFile.objects.update(rows=20_000)

    merging.merge(LocalFolder(store), now=NOW)

    assert data_files().count() == 8


def test_merge__ids_seen__merged_and_still_recognised(store):
    file_in_rounds(8)

    merging.merge(LocalFolder(store), now=NOW)

    assert StoreFile.objects.filter(kind="seen", retired_at__isnull=True).count() == 1
    put([event(5, unit="one")])
    assert services.drain(now=NOW).duplicates == 1


def test_merge__reader_who_asked_for_changes__told_nothing_new(store):
    file_in_rounds(8)
    mark = queries.last_manifest_id()

    merging.merge(LocalFolder(store), now=NOW)

    assert queries.changed_since(mark) == []


def test_merge__twice__second_does_nothing(store):
    file_in_rounds(8)
    merging.merge(LocalFolder(store), now=NOW)

    assert merging.merge(LocalFolder(store), now=NOW + timedelta(days=1)) == 0


def test_merge__two_hundred_rounds__at_least_20000_rows_a_file_where_there_are_as_many(store):
    for n in range(24):
        put([event(n * 1_000 + i, unit="one") for i in range(1_000)])
        put([event(100_000 + n * 1_000 + i, unit="one") for i in range(1_000)])
        services.drain(now=NOW)
        merging.merge(LocalFolder(store), now=NOW)
    merging.merge(LocalFolder(store), now=NOW + timedelta(hours=2))

    assert all(file.rows >= 20_000 for file in data_files())
    assert sum(file.rows for file in data_files()) == 48_000
