"""Ids of events: drawn anew unless the host makes them from the content, as a replay does."""

import gzip
import json
from datetime import UTC, datetime

from headway.counting import Counters
from headway.outbox import Outbox

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


def test_ids__made_from_the_content__the_same_for_the_same_event():
    ids = ids_sent(filled(event_id=lambda event: f"{event['unit']}/{event['name']}"))

    assert ids == ["u-1/opened", "u-1/opened"]
