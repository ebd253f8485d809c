"""The door of the inbox: commits that serve many, and batches that do not harm their neighbours."""

import asyncio
import uuid
from datetime import UTC, datetime

import psycopg
import pytest

from events import ingest
from events.inbox import Batch, Receipt, TurnedAway
from events.models import InboxBatch, IngestCount
from flags import queries
from tests.api.events.calling import NOW, Caller, batch, event, make_key
from tests.api.events.test_ingest import AWAY, PATH

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key():
    return make_key()


@pytest.fixture
def edge():
    with Caller() as caller:
        yield caller


def row(**fields):
    made = {
        "environment": "production",
        "key": None,
        "batch_id": uuid.uuid4(),
        "received_at": NOW,
        "sdk": "",
        "dropped": 0,
        "accepted": 1,
        "refusals": [],
        "digest": b"0" * 16,
        "codec": "json",
        "payload": b"{}",
    }
    return Batch(**{**made, **fields})


def store(edge, *batches):
    async def all_of_them():
        stored = (edge.edge._inbox.store(each) for each in batches)
        return await asyncio.gather(*stored, return_exceptions=True)

    return edge.runner.run(all_of_them())


def test_store__one_batch_that_the_database_refuses__the_others_of_its_group_stored(edge):
    good = [row() for _ in range(5)]

    outcomes = store(edge, *good[:3], row(key=4711), *good[3:])

    assert [type(outcome) for outcome in outcomes[:3] + outcomes[4:]] == [Receipt] * 5
    assert isinstance(outcomes[3], psycopg.errors.ForeignKeyViolation)
    assert InboxBatch.objects.count() == 5


def test_store__a_hundred_at_once__few_transactions(edge):
    store(edge, *(row() for _ in range(100)))

    stamps = InboxBatch.objects.raw("SELECT id, xmin::text AS transaction FROM events_inboxbatch")
    assert len({stamp.transaction for stamp in stamps}) <= 8
    assert InboxBatch.objects.count() == 100


def test_store__sender_gone_in_the_middle__the_others_get_their_answers(edge):
    async def one_gives_up():
        tasks = [asyncio.create_task(edge.edge._inbox.store(row())) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    outcomes = edge.runner.run(one_gives_up())

    assert [type(outcome) for outcome in outcomes] == [Receipt, asyncio.CancelledError, Receipt]


def test_ingest__too_many_requests_open__503_at_once(edge, key, monkeypatch):
    monkeypatch.setattr(ingest, "MAX_IN_FLIGHT", 0)

    answer = edge.post(key, batch([event(1)]))

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_turned_away__database_away__counted_later(edge, key):
    day = datetime.now(UTC)
    number = queries.sdk_keys().get().id

    async def count_while_away():
        with_away = Caller(AWAY)
        counter = TurnedAway(with_away.edge._pool)
        await with_away.edge.open()
        await counter.add("production", number, day)
        await with_away.edge._pool.close()
        counter.pool = edge.edge._pool
        await counter.write()

    edge.runner.run(count_while_away())

    assert IngestCount.objects.get().count == 1


def test_turned_away__requests_refused_whole__counted_when_the_edge_stops(key):
    with Caller() as edge:
        for body in (b"", b"{", b"x" * 1_000_001):
            edge.post(key, body)
        edge.post("hw_ingest_nobody", b"{}")

    counted = IngestCount.objects.get()
    assert (counted.kind, counted.count, counted.environment) == ("turned_away", 3, "production")


def test_health__database_there__ok(edge):
    told = edge.call("GET", "/health").json

    assert told["status"] == "ok"
    assert told["changes"] in {"told", "looked for"}
    assert edge.call("HEAD", "/health").body == b""
    assert edge.call("GET", PATH).status == 405
