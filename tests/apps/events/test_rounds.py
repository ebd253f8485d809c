"""From the inbox to the store: every accepted event once, everything else counted and kept."""

import hashlib
import random
import uuid
from datetime import date, timedelta

import pytest

from events import queries, services
from events.layout import bucket_of
from events.models import InboxBatch, IngestCount, RefusedEvent, StoreFile, StoreKey
from tests.apps.events.building import NOW, event, exposure, ids, put, stored

pytestmark = pytest.mark.django_db


def counts(environment="production"):
    return dict(IngestCount.objects.filter(environment=environment).values_list("kind", "count"))


def test_drain__waiting_batches__rows_with_all_columns():
    put([event(1, session=None, value=None, dims={}), exposure(2)])

    services.drain(now=NOW)

    unit = services.unit_hash("user", "user-1", now=NOW)
    [row] = stored("events")
    assert row["unit"] == unit
    assert row["session"] is None
    assert row["value"] is None
    assert row["dims"] == []
    assert row["received_at"] == NOW
    [shown] = stored("exposures")
    assert shown["unit"] == services.unit_hash("user", "user-2", now=NOW)
    assert (shown["flag"], shown["variant"], shown["experiment"], shown["version"], shown["forced"]) == (
        "checkout",
        "control",
        "checkout-prefetch",
        3,
        False,
    )
    assert shown["dims"] == [("country", "de")]


def test_drain__optional_members_left_out__defaults():
    bare = exposure(1)
    for name in ("version", "experiment", "forced", "dims"):
        del bare[name]
    put([bare])

    services.drain(now=NOW)

    [row] = stored("exposures")
    assert (row["version"], row["experiment"], row["forced"], row["dims"]) == (0, None, False, [])


def test_drain__gzip_batch__same_rows_as_plain():
    put([event(n) for n in range(50)], zipped=True)

    services.drain(now=NOW)

    assert len(stored("events")) == 50


def test_drain__done__inbox_keeps_receipts_only():
    put([event(1)])

    services.drain(now=NOW)

    row = InboxBatch.objects.get()
    assert row.payload is None
    assert row.compacted_at == NOW
    assert services.drain(now=NOW).batches == 0


def test_drain__files__partitioned_by_day_and_bucket_with_checksums(store):
    put(
        [event(n) for n in range(200)] + [event(n, ts="2026-03-01T23:59:59.999999Z") for n in range(200, 300)]
    )

    services.drain(now=NOW)

    files = queries.files("events")
    assert {file.day for file in files} == {date(2026, 3, 1), date(2026, 3, 4)}
    assert sum(file.rows for file in files) == 300
    for file in files:
        content = store.joinpath(file.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256
        assert f"kind={file.kind}" not in file.path
        assert f"day={file.day}/bucket={file.bucket:02d}/" in file.path
    rows = stored("events")
    by_bucket = {file.bucket for file in files}
    assert by_bucket == {bucket_of(row["unit"]) for row in rows}


def test_drain__same_event_again__one_row_and_a_duplicate_counted():
    put([event(1), event(2)])
    services.drain(now=NOW)
    put([event(2), event(3), event(3)], received_at=NOW + timedelta(minutes=1))

    drained = services.drain(now=NOW + timedelta(minutes=2))

    assert len(stored("events")) == 3
    assert (drained.stored, drained.duplicates, drained.conflicting) == (1, 2, 0)
    assert counts() == {"event": 3, "duplicate": 2}


def test_drain__time_in_another_zone_and_other_order_of_dims__still_the_same_event():
    first = event(1, ts="2026-03-04T11:30:00Z", dims={"a": "1", "b": "2"}, value=1)
    again = event(1, ts="2026-03-04T12:30:00+01:00", dims={"b": "2", "a": "1"}, value=1.0)
    put([first])
    put([again])

    assert services.drain(now=NOW).duplicates == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"value": 2.0},
        {"unit": "other"},
        {"name": "refund"},
        {"dims": {}},
        {"session": None},
        {"unit_type": "device"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_drain__same_id_other_content__conflicting_counted_and_kept_with_reason(changed):
    put([event(1)])
    services.drain(now=NOW)
    put([event(2), event(1, **changed)])

    drained = services.drain(now=NOW)

    assert (drained.stored, drained.conflicting) == (1, 1)
    assert counts() == {"event": 2, "conflicting": 1}
    kept = RefusedEvent.objects.get()
    assert (kept.index, kept.field) == (1, "id")
    assert str(uuid.UUID(int=2)) in kept.value
    assert "other content" in kept.reason


def test_drain__exposure_with_the_id_of_an_event__conflicting():
    put([event(1)])
    put([exposure(1, id=event(1)["id"])])

    assert services.drain(now=NOW).conflicting == 1
    assert stored("exposures") == []


def test_drain__same_id_in_another_environment__both_stored():
    put([event(1)])
    put([event(1)], environment="staging")

    services.drain(now=NOW)

    assert len(stored("events")) == len(stored("events", "staging")) == 1


def test_drain__repeated_six_days_later__still_a_duplicate():
    put([event(1)])
    services.drain(now=NOW)
    later = NOW + timedelta(days=6, hours=23)
    put([event(1)], received_at=NOW)

    assert services.drain(now=later).duplicates == 1


def test_drain__one_bad_event_in_a_hundred__99_stored_one_kept_with_its_reason():
    bad = event(50, value="12.5")
    put([bad if n == 50 else event(n) for n in range(100)])

    drained = services.drain(now=NOW)

    assert (drained.stored, drained.refused) == (99, 1)
    kept = RefusedEvent.objects.get()
    assert (kept.index, kept.field, kept.value) == (50, "value", "'12.5'")
    assert kept.reason
    assert kept.is_whole
    assert b'"value": "12.5"' in bytes(kept.raw)


def test_drain__body_that_was_not_quite_json__rest_stored_and_raw_event_kept_as_sent():
    put([event(1), b'{"id": "x", "value": NaN}', event(2)])

    services.drain(now=NOW)

    assert len(stored("events")) == 2
    assert bytes(RefusedEvent.objects.get().raw) == b'{"id": "x", "value": NaN}'


def test_drain__refused_event_of_100_kb__cut():
    put([event(1), event(2, unit="x" * 100_000)])

    services.drain(now=NOW)

    kept = RefusedEvent.objects.get()
    assert len(kept.raw) == 8_000
    assert not kept.is_whole


def test_drain__payload_that_cannot_be_read_any_more__kept_and_counted_and_others_stored():
    broken = put([event(1)])
    InboxBatch.objects.filter(id=broken.id).update(payload=b"\x1f\x8b rubbish", codec="gzip")
    put([event(2)])

    services.drain(now=NOW)

    assert ids(stored("events")) == [event(2)["id"]]
    assert "cannot be read" in RefusedEvent.objects.get().reason


def test_drain__dropped_by_the_sdk__counted():
    put([event(1)], dropped=17)
    put([event(2)], dropped=3)

    services.drain(now=NOW)

    assert counts()["dropped"] == 20


def test_drain__batches_of_two_days__counted_by_day_of_receipt():
    put([event(1)], received_at=NOW - timedelta(days=1))
    put([event(2)])

    services.drain(now=NOW)

    days = dict(IngestCount.objects.values_list("day", "count"))
    assert days == {date(2026, 3, 3): 1, date(2026, 3, 4): 1}


def test_drain__nothing_waits__nothing_written(store):
    assert services.drain(now=NOW).batches == 0
    assert not store.exists()


def test_files__any__no_unit_or_session_id_in_clear(store):
    planted = "canary-4711@example.org"
    put([event(1, unit=planted, session=f"s-{planted}"), exposure(2, unit=planted)])

    services.drain(now=NOW)

    written = [path.read_bytes() for path in store.rglob("*.parquet")]
    assert written
    assert not any(b"canary" in content for content in written)
    rows = [*stored("events"), *stored("exposures")]
    assert planted not in repr(rows)


def test_store_key__two_draws__same_secret_for_ever():
    first = services.unit_hash("user", "7", now=NOW)
    StoreKey.objects.get()

    assert services.unit_hash("user", "7", now=NOW + timedelta(days=1)) == first
    assert services.unit_hash("device", "7", now=NOW) != first


def test_manifest__seen_files__not_listed_as_data():
    put([event(1)])

    services.drain(now=NOW)

    assert StoreFile.objects.filter(kind="seen").count() == 1
    assert len(queries.changed_since(0)) == 1


def clean_and_dirty():
    """The same events twice: in order, and duplicated, shuffled, split otherwise and partly late."""
    made = [event(n) for n in range(3_000)] + [exposure(n) for n in range(1_000)]
    chance = random.Random(5)
    dirty = made + chance.sample(made, 200)
    chance.shuffle(dirty)
    late, dirty = dirty[:40], dirty[40:]
    return made, dirty, late


def test_drain__duplicated_shuffled_split_and_late__same_contents_as_clean():
    made, dirty, late = clean_and_dirty()
    for start in range(0, len(made), 1_000):
        put(made[start : start + 1_000], environment="clean")
    services.drain(now=NOW)
    for start in range(0, len(dirty), 173):
        put(dirty[start : start + 173], environment="dirty", zipped=start % 2 == 0)
        if start % 519 == 0:
            services.drain(now=NOW)
    put(late, environment="dirty")
    services.drain(now=NOW + timedelta(days=6))

    for kind in ("events", "exposures"):
        assert stored(kind, "dirty") == stored(kind, "clean")
    assert counts("dirty")["duplicate"] == 200
