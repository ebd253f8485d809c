"""Refused events that are taken in after all."""

import json

import pytest

from events import services
from events.models import InboxBatch, RefusedEvent
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from tests.apps.events.building import NOW, event, put, stored

pytestmark = pytest.mark.django_db


def refuse(*events):
    put(list(events))
    services.drain(now=NOW)
    return RefusedEvent.objects.get()


def replay(row, raw=None):
    return services.replay(refused_id=row.id, raw=raw, actor="rosa", now=NOW)


def test_replay__corrected__stored_once_under_the_same_key(sdk_key):
    key = sdk_key()
    put([event(1, value="12")], key=key)
    services.drain(now=NOW)

    batch = replay(RefusedEvent.objects.get(), json.dumps(event(1, value=12)).encode())
    services.drain(now=NOW)

    assert batch.key == key
    assert [row["value"] for row in stored("events")] == [12.0]
    assert RefusedEvent.objects.get().replayed_at == NOW


def test_replay__event_that_came_too_late__taken_in_as_it_is():
    row = refuse(event(1, ts="2026-01-01T10:00:00Z"))
    assert row.field == "ts"

    replay(row)
    services.drain(now=NOW)

    assert len(stored("events")) == 1


def test_replay__still_wrong__refused_and_nothing_changed():
    row = refuse(event(1, value="12"))

    with pytest.raises(Refused) as refused:
        replay(row)

    assert refused.value.problems[0].field == "value"
    assert RefusedEvent.objects.get().replayed_at is None
    assert InboxBatch.objects.count() == 1


def test_replay__twice__conflict():
    row = refuse(event(1, ts="2026-01-01T10:00:00Z"))
    replay(row)

    with pytest.raises(Conflict):
        replay(row)


def test_replay__id_that_is_taken__needs_another_one():
    put([event(1)])
    row = refuse(event(1, value=99))

    with pytest.raises(Conflict):
        replay(row)
    replay(row, json.dumps(event(2, value=99)).encode())
    services.drain(now=NOW)

    assert len(stored("events")) == 2


def test_replay__event_that_was_cut__conflict():
    row = refuse(event(1, unit="x" * 10_000))

    with pytest.raises(Conflict):
        replay(row)


def test_replay__two_events_in_one_text__refused():
    row = refuse(event(1, value="12"))
    good = json.dumps(event(1)).encode()

    with pytest.raises(Refused):
        replay(row, good + b"," + good)


def test_replay__audit__says_who_and_why_and_holds_no_unit():
    row = refuse(event(1, ts="2026-01-01T10:00:00Z", unit="canary-unit"))

    replay(row)

    [audit] = ledger_queries.audit_of(f"refused-event:{row.id}")
    after = audit.after or {}
    assert (audit.actor, after["was_edited"]) == ("rosa", False)
    assert "canary" not in repr([audit.before, after])


def test_replay__no_such_event__not_found():
    with pytest.raises(NotFound):
        services.replay(refused_id=5, actor="rosa", now=NOW)
