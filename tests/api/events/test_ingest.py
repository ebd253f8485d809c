"""POST /sdk/v1/events, from the request to the row: nothing is acknowledged that is not stored."""

import gzip
import json
import uuid
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from events import inbox, queries, services
from events.models import InboxBatch, IngestCount
from events.wire import MAX_BODY
from flags import keys
from flags.services.keys import revoke_key
from tests.api.events.calling import NOW, Caller, batch, event, exposure, make_key
from tests.apps.events.building import stored
from tests.core.events.hostile import BAD_EVENTS, WHOLE_BODIES

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/sdk/v1/events"
AWAY = "host=127.0.0.1 port=1 dbname=nothing user=nobody"


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.HEADWAY_EVENT_STORE = (tmp_path / "store").as_uri()


@pytest.fixture
def key():
    return make_key()


@pytest.fixture
def edge():
    with Caller() as caller:
        yield caller


def turned_away():
    return sum(IngestCount.objects.filter(kind="turned_away").values_list("count", flat=True))


def test_post__good_batch__202_and_committed_row(edge, key):
    answer = edge.post(key, batch([event(1), exposure(2)], dropped=4))

    assert (answer.status, answer.json) == (202, {"accepted": 2, "refused": []})
    assert answer.headers["cache-control"] == "no-store"
    row = InboxBatch.objects.get()
    assert (row.environment, row.accepted, row.refused, row.dropped, row.sdk) == (
        "production",
        2,
        0,
        4,
        "python/0.1.0",
    )
    assert row.key is not None


def test_post__one_bad_event_in_a_hundred__99_accepted_one_refused_with_field_value_reason_fix(edge, key):
    bad = event(50, value="12.5")

    answer = edge.post(key, batch([bad if n == 50 else event(n) for n in range(100)]))

    assert (answer.status, answer.json["accepted"]) == (202, 99)
    [refused] = answer.json["refused"]
    assert (refused["index"], refused["field"], refused["value"]) == (50, "value", "'12.5'")
    assert refused["reason"]
    assert refused["fix"]
    services.drain(now=datetime.now(UTC))
    assert len(stored("events")) == 99


def test_post__same_batch_again__same_answer_and_nothing_new(edge, key):
    body = batch([event(1), event(2, value="x")])

    answers = [edge.post(key, body) for _ in range(3)]
    services.drain(now=datetime.now(UTC))
    answers.append(edge.post(key, body))
    services.drain(now=datetime.now(UTC))

    assert {(answer.status, answer.body) for answer in answers} == {(202, answers[0].body)}
    assert InboxBatch.objects.count() == 1
    assert len(stored("events")) == 1


def test_post__same_batch_from_eight_sides_at_once__one_row_and_eight_equal_answers(edge, key):
    body = json.dumps(batch([event(n) for n in range(20)])).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    answers = edge.together(*[("POST", PATH, body, headers)] * 8)

    assert [answer.status for answer in answers] == [202] * 8
    assert len({answer.body for answer in answers}) == 1
    assert InboxBatch.objects.count() == 1


def test_post__other_events_under_the_same_batch_id__409_and_nothing_changed(edge, key):
    name = uuid.uuid4()
    edge.post(key, batch([event(1)], name))

    answer = edge.post(key, batch([event(2)], name))

    assert answer.status == 409
    assert "batch_id" in answer.json["detail"]
    assert InboxBatch.objects.count() == 1


def test_post__many_batches_at_once__every_one_committed(edge, key):
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    bodies = [json.dumps(batch([event(n)])).encode() for n in range(100)]

    answers = edge.together(*[("POST", PATH, body, headers) for body in bodies])

    assert {answer.status for answer in answers} == {202}
    assert InboxBatch.objects.count() == 100


def test_post__same_batch_id_in_two_environments__two_batches(edge, key):
    body = batch([event(1)])

    assert edge.post(key, body).status == 202
    assert edge.post(make_key(environment="staging"), body).status == 202
    assert InboxBatch.objects.count() == 2


def test_post__gzip_in_chunks__stored_as_received(edge, key):
    packed = gzip.compress(json.dumps(batch([event(n) for n in range(50)])).encode())
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": "application/json; charset=utf-8",
        "content-encoding": "gzip",
    }
    chunks = [packed[start : start + 100] for start in range(0, len(packed), 100)]

    answer = edge.call("POST", PATH, headers=headers, chunks=chunks)

    assert (answer.status, answer.json["accepted"]) == (202, 50)
    assert bytes(InboxBatch.objects.get().payload or b"") == packed


def test_post__connection_ends_before_the_body__nothing_stored_and_no_answer(edge, key):
    body = json.dumps(batch([event(1)])).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    answer = edge.call("POST", PATH, headers=headers, chunks=[body[:50], None])

    assert answer.status is None
    assert not InboxBatch.objects.exists()


UNTAKEN = [
    (b"x" * (MAX_BODY + 1), {}, 413, "1,000,000"),
    (gzip.compress(b" " * 50_000_000), {"content_encoding": "gzip"}, 413, "5,000,000"),
    (gzip.compress(b"{}")[:-5], {"content_encoding": "gzip"}, 400, "middle"),
    (gzip.compress(b"{}") + b"rest", {"content_encoding": "gzip"}, 400, "after the end"),
    (b"no gzip", {"content_encoding": "gzip"}, 400, "not gzip"),
    (zlib.compress(b"{}"), {"content_encoding": "gzip"}, 400, "not gzip"),
    (gzip.compress(gzip.compress(b"{}")), {"content_encoding": "gzip"}, 400, "compressed"),
    (b"{}", {"content_encoding": "br"}, 415, "gzip"),
    (b"{}", {"content_encoding": "gzip, gzip"}, 415, "gzip"),
    (b"{}", {"content_type": "text/plain"}, 415, "application/json"),
    (b"{}", {"content_type": "application/json; charset=utf-7"}, 415, "UTF-8"),
    (b"{}", {"content_type": ""}, 415, "application/json"),
]


def test_post__body_that_cannot_be_taken__told_why(edge, key):
    for body, headers, status, words in UNTAKEN:
        answer = edge.post(key, body, **headers)

        assert (answer.status, words in answer.json["detail"]) == (status, True), words
        assert answer.headers["content-type"] == "application/problem+json"
    assert not InboxBatch.objects.exists()


def test_post__hostile_bodies__400_or_413_each_with_a_problem_and_the_edge_lives(edge, key):
    for name, (body, words) in WHOLE_BODIES.items():
        answer = edge.post(key, body)
        assert answer.status in {400, 413}, name
        assert words in json.dumps(answer.json, ensure_ascii=False), name

    assert edge.call("GET", "/health").status == 200
    edge.runner.run(edge.edge._turned_away.write())
    assert turned_away() == len(WHOLE_BODIES)


def test_post__hostile_events__202_with_a_refusal_each_and_all_filed(edge, key):
    texts = b", ".join([json.dumps(event(1)).encode(), *(bad for bad, _ in BAD_EVENTS.values())])
    name = str(uuid.uuid4()).encode()

    answer = edge.post(key, b'{"batch_id": "' + name + b'", "events": [' + texts + b"]}")
    services.drain(now=datetime.now(UTC))

    assert answer.status == 202
    assert len(answer.json["refused"]) + answer.json["accepted"] == len(BAD_EVENTS) + 1
    assert len(stored("events")) == 1
    assert queries.refused_events().count() == len(BAD_EVENTS)


MALFORMED = (
    "",
    "Bearer",
    "Bearer ",
    "Basic dXNlcjpwdw==",
    "Bearer x",
    "Bearer \x00",
    "Bearer a b c",
    "hw_ingest_x",
)
SCOPES = {"server": 202, "client": 202, "ingest": 202, "admin": 403, "read": 403}


def test_post__malformed_authorization__401(edge, key):
    for header in (
        *MALFORMED,
        "Bearer \xe9" * 40,
        f"Bearer {key}x",
        f"Bearer {key[:-1]}",
        f"Bearer{key}",
        key,
    ):
        sent = {"authorization": header, "content-type": "application/json"}

        answer = edge.call("POST", PATH, b"{}", sent)

        assert (answer.status, answer.headers.get("www-authenticate")) == (401, "Bearer"), header


def test_post__scope_of_the_key__decides(edge):
    found = {scope: edge.post(make_key(scope), batch([event(1)])).status for scope in SCOPES}

    assert found == SCOPES


def test_post__key_in_the_address__not_looked_at(edge, key):
    assert edge.call("POST", f"{PATH}?key={key}", b"{}").status in {401, 404}


def test_post__key_revoked__401_after_five_seconds_at_most(key):
    prefix = InboxBatch._meta.get_field("key").related_model.objects.get().prefix
    with Caller() as edge:
        assert edge.post(key, batch([event(1)])).status == 202
    revoke_key(prefix=prefix, actor="rosa", now=NOW)
    with Caller() as edge:
        assert edge.post(key, batch([event(2)])).status == 401


def test_post__key_with_history__takes_events_of_years_ago(edge):
    old = event(1, ts="2019-11-24T10:00:00Z")

    ordinary = edge.post(make_key(), batch([old]))
    historic = edge.post(make_key(accepts_history=True), batch([old]))

    assert ordinary.json["accepted"] == 0
    assert "accepts history" in ordinary.json["refused"][0]["fix"]
    assert historic.json["accepted"] == 1


def test_post__inbox_full__429_with_retry_after_and_then_again_202(edge, key, monkeypatch):
    monkeypatch.setattr(inbox, "MAX_WAITING_BATCHES", 1)
    monkeypatch.setattr(inbox, "DEPTH_TRUSTED_FOR", timedelta(0))
    body = batch([event(2)])

    assert edge.post(key, batch([event(1)])).status == 202
    full = edge.post(key, body)
    services.drain(now=datetime.now(UTC))

    assert (full.status, full.headers["retry-after"]) == (429, "5")
    assert edge.post(key, body).status == 202


def test_post__database_away__503_with_retry_after_at_once():
    with Caller(AWAY) as edge:
        started = datetime.now(UTC)
        answer = edge.post(keys.mint("ingest").secret, batch([event(1)]))
        took = datetime.now(UTC) - started
        health = edge.call("GET", "/health")

    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert health.status == 503
    assert took < timedelta(seconds=20), "a second on a quiet machine"


def test_post__connections_cut_in_between__batch_stored_when_it_is_sent_again(edge, key):
    assert edge.post(key, batch([event(1)])).status == 202
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )

    body = batch([event(2)])
    answers = []
    while not answers or (answers[-1] == 503 and len(answers) < 5):
        answers.append(edge.post(key, body).status)

    assert answers[-1] == 202
    assert InboxBatch.objects.count() == 2


def test_options__from_a_browser__any_origin_may_post(edge):
    answer = edge.call("OPTIONS", PATH)

    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"]


def test_post__answer_to_a_browser__may_be_read(edge, key):
    assert edge.post(key, batch([event(1)])).headers["access-control-allow-origin"] == "*"
    assert edge.post(key, b"").headers["access-control-allow-origin"] == "*"


def test_other_methods_and_paths__any__405_or_404():
    with Caller(AWAY) as edge:
        for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE"):
            answer = edge.call(method, PATH)
            assert (answer.status, "POST" in answer.headers["allow"]) == (405, True), method
        for path in ("/", "/sdk/v1/event", f"{PATH}/", "/sdk/v1/../v1/events", "/%00", "/" + "x" * 9_000):
            assert edge.call("GET", path).status == 404, path
