"""What the health checks of an analysis are told about the way events took."""

from datetime import UTC, date, datetime, timedelta

import pytest

from events import queries, services
from tests.apps.events.building import NOW, event, exposure, put

pytestmark = pytest.mark.django_db
SINCE = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_data_flow__days_with_and_without_events__silent_ones_named():
    put([event(1, ts="2026-03-01T10:00:00Z"), exposure(1, ts="2026-03-03T10:00:00Z")])
    services.drain(now=NOW)

    flow = queries.data_flow("production", SINCE, NOW)

    assert flow.silent_days == (date(2026, 3, 2), date(2026, 3, 4))
    assert flow.days == 4


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        ("2026-03-01T12:00", "2026-03-02T11:59", 1),
        ("2026-03-01T12:01", "2026-03-02T11:59", 0),
        ("2026-03-01T00:00", "2026-03-02T12:00", 2),
        ("2026-03-02T00:00", "2026-03-01T00:00", 0),
    ],
)
def test_data_flow__half_days__counted_from_twelve_hours_on(since, until, days):
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (since, until))

    assert queries.data_flow("production", begin, end).days == days


def test_data_flow__other_environment__does_not_break_the_silence():
    put([event(1)], environment="staging")
    services.drain(now=NOW)

    flow = queries.data_flow("production", NOW - timedelta(hours=12), NOW)

    assert flow.silent_days == (date(2026, 3, 4),)
    assert flow.accepted == 0


def test_data_flow__accepted_and_refused__counted_since_the_start():
    put([event(1), event(2, value="x"), exposure(3)])
    put([event(4)], received_at=NOW - timedelta(days=5))
    services.drain(now=NOW)

    flow = queries.data_flow("production", NOW - timedelta(days=1), NOW)

    assert (flow.accepted, flow.refused) == (2, 1)


def test_data_flow__batches_in_the_inbox__waiting_when_they_came_before_the_cut(sdk_key):
    put([event(1)], key=sdk_key(), received_at=NOW - timedelta(minutes=5))
    put([event(2)], key=sdk_key(), received_at=NOW + timedelta(minutes=5))

    assert queries.data_flow("production", SINCE, NOW).waiting == 1
    services.drain(now=NOW)
    assert queries.data_flow("production", SINCE, NOW).waiting == 0


def test_data_flow__later_batch_that_may_hold_history__waiting(sdk_key):
    put([event(1)], key=sdk_key(accepts_history=True), received_at=NOW + timedelta(days=900))

    assert queries.data_flow("production", SINCE, NOW).waiting == 1


def test_event_names__stored_events__listed_once_per_environment():
    put([event(1), event(2, name="search"), event(3, name="search"), exposure(4)])
    put([event(1, name="other")], environment="staging")
    services.drain(now=NOW)

    assert queries.event_names("production") == ["purchase", "search"]
