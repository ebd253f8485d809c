"""The replay's events have ids of their own that a second replay draws again."""

from datetime import UTC, datetime
from uuid import UUID

from demo import replay, shop

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)


def recorded():
    """Every event of the replay, as the SDK hands it to `event_id`."""
    latencies = shop.endless_latencies_ms()["control"]
    for session in shop.sessions(until=UNTIL):
        yield {"kind": "exposure", "unit": session.visitor, "ts": session.at}
        for happening in shop.visit(session, latencies):
            yield {
                "kind": "event",
                "unit": session.visitor,
                "name": happening.name,
                "ts": happening.at,
            }


def test_event_ids__whole_replay__no_two_alike_and_the_same_again():
    first = [replay.event_id(event) for event in recorded()]
    again = [replay.event_id(event) for event in recorded()]

    assert len(set(first)) == len(first) > 50_000
    assert again == first
    assert UUID(first[0]).version == 5
