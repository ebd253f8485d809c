"""Ids of events: drawn anew unless the host makes them from the content, as a replay does."""

import gzip
import json
import time
from datetime import UTC, datetime
from uuid import UUID

from headway.counting import Counters
from headway.outbox import Outbox, new_id

EVENT = {"kind": "event", "unit": "u-1", "name": "opened", "ts": datetime(2026, 3, 1, tzinfo=UTC)}


def ids_sent(outbox):
    batch = outbox.next_batch()
    assert batch is not None
    return [event["id"] for event in json.loads(gzip.decompress(batch.body))["events"]]


def filled(**options):
    outbox = Outbox(10, "sdk/1", Counters(), **options)
    outbox.put(EVENT)
    outbox.put(EVENT)
    return outbox


def test_ids__nothing_said__no_two_alike():
    first, second = ids_sent(filled())

    assert first != second


def test_new_id__drawn_now__random_behind_the_time():
    before = time.time_ns() // 1_000_000
    drawn = [UUID(new_id()) for _ in range(1_000)]
    after = time.time_ns() // 1_000_000

    assert len(set(drawn)) == 1_000
    assert {name.version for name in drawn} == {7}
    assert all(before <= name.int >> 80 <= after for name in drawn)


def test_ids__made_from_the_content__the_same_for_the_same_event():
    ids = ids_sent(filled(event_id=lambda event: f"{event['unit']}/{event['name']}"))

    assert ids == ["u-1/opened", "u-1/opened"]
