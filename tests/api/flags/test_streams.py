# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Changes told at once: through Redis, and found in the database when Redis told nothing."""

import json
from itertools import islice

import pytest
import redis
from django.conf import settings

from flags import keys, queries, services, streams, watching
from headway.evaluation import compile_config
from tests.api.events.calling import Caller
from tests.apps.embedded.watching import eventually
from tests.apps.flags.build import BY, NOW, document, environment, flag, key, published, split

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def edge(monkeypatch):
    """Hears of every change through Redis, before a look at the database could find it."""
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 600.0)
    environment()
    with Caller(redis_url=settings.HEADWAY_REDIS_URL) as caller:
        assert eventually(lambda: caller.call("GET", "/health").json["changes"] == "told", 60)
        yield caller


@pytest.fixture
def looking(monkeypatch):
    """An edge that looks at the database all the time."""
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.1)
    environment()
    with Caller() as caller:
        yield caller


@pytest.fixture
def quiet(monkeypatch):
    """A Redis that nobody announces anything to."""
    monkeypatch.setattr(services.environments.announcing._line, "publish", lambda where, content: None)


def told(text):
    """The parts of an event: its id and its data."""
    fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
    return fields["id"], json.loads(fields["data"])


def publish(number=1):
    services.set_coverage(flag="checkout", environment="production", rule="r1", coverage_ppm=number, **BY)


def served_flag():
    flag()
    published([split(500_000)])


def test_stream__change_published__step_with_the_changed_flag_that_makes_the_new_document(edge):
    served_flag()
    flag("other")
    before, (_, secret) = document(), key()
    with edge.stream(secret) as opened:
        first = told(opened.read())
        publish()

        name, data = told(opened.read())

    assert (opened.status, opened.headers["content-type"]) == (200, "text/event-stream")
    assert (data["type"], data["version"]) == ("refetchEvaluation", before["version"] + 1)
    assert data["before"] == first[1]["etag"]
    assert name == data["etag"].strip('"')
    assert len(json.dumps(data)) < 1_000
    updated = compile_config(before).updated(data["flags"], data["version"])
    assert updated.document["flags"] == document()["flags"]


def test_stream__archived_flag__told_as_gone(edge):
    served_flag()
    _, secret = key()
    with edge.stream(secret) as opened:
        opened.read()
        services.archive(flag="checkout", reason="done", **BY)

        _, data = told(opened.read())

    assert data["flags"] == {"checkout": None}


def test_stream__segment_changed__told_without_flags_so_that_all_is_fetched(edge):
    served_flag()
    services.create_segment(key="beta", **BY)
    _, secret = key()
    with edge.stream(secret) as opened:
        opened.read()
        when = {"attribute": "country", "op": "equals", "value": "de"}
        services.publish_segment(segment="beta", environment="production", when=when, **BY)

        _, data = told(opened.read())

    assert set(data) == {"type", "etag", "version"}


def test_stream__other_environment__hears_nothing(edge):
    served_flag()
    environment("staging", is_production=False)
    _, secret = key(environment="staging")
    with edge.stream(secret) as opened:
        opened.read()
        publish()

        assert opened.read(within_s=0.5) == ""


def test_stream__comes_back_with_what_it_knows__steps_since_then_or_nothing(edge):
    served_flag()
    _, secret = key()
    with edge.stream(secret) as opened:
        knows, _ = told(opened.read())
        for number in (1, 2):
            publish(number)
            opened.read()
    with edge.stream(secret, last_event_id=knows) as again:
        missed = again.read()
    newest, _ = told(missed.strip().split("\n\n")[-1])
    with edge.stream(secret, last_event_id=newest) as current:
        nothing = current.read(within_s=0.3)
    with edge.stream(secret, last_event_id="something else") as lost:
        whole = told(lost.read())

    assert [set(told(each)[1]["flags"]) for each in missed.strip().split("\n\n")] == [{"checkout"}] * 2
    assert nothing == ""
    assert (whole[0], "flags" in whole[1]) == (newest, False)


def test_stream__redis_told_nothing__found_in_the_database(looking, quiet):
    served_flag()
    _, secret = key()
    with looking.stream(secret) as opened:
        opened.read()
        publish()

        _, data = told(opened.read())

    assert data["version"] == document()["version"]


def test_stream__garbage_on_the_channel__goes_on(edge):
    served_flag()
    _, secret = key()
    with edge.stream(secret) as opened, redis.Redis.from_url(settings.HEADWAY_REDIS_URL) as client:
        opened.read()
        for garbage in (b"\xff{", b'["a", 1, 2, 3, 4]'):
            client.publish(edge.edge._watch._channel, garbage)
        publish()

        assert told(opened.read())[1]["version"] == document()["version"]


def test_config__heard_of_a_newer_document__never_answered_with_the_old_one(edge, quiet):
    served_flag()
    _, secret = key()
    headers = {"authorization": f"Bearer {secret}"}
    old = edge.call("GET", "/sdk/v1/config", headers=headers).headers["etag"]
    publish()
    etag = document_etag()

    answer = edge.call("GET", f"/sdk/v1/config?etag={etag}", headers={**headers, "if-none-match": old})

    assert (answer.status, answer.headers["etag"]) == (200, f"W/{etag}")


def document_etag():
    return queries.config_document(queries.environment("production")).etag


@pytest.mark.parametrize(
    ("scope", "status"), [("server", 200), ("client", 200), ("ingest", 403), ("read", 403)]
)
def test_stream__scope__who_may_listen(edge, scope, status):
    _, secret = key(scope=scope)
    with edge.stream(secret) as opened:
        assert opened.status == status


def test_stream__client_key__told_that_something_changed_and_not_what(edge):
    served_flag()
    _, secret = key(scope="client")
    with edge.stream(secret) as opened:
        opened.read()
        publish()

        _, data = told(opened.read())

    assert set(data) == {"type", "etag", "version"}


def test_stream__ticket_from_an_evaluation__opens_it_until_the_key_is_revoked(edge):
    served_flag()
    made, secret = key(scope="client")
    answer = edge.call("POST", "/ofrep/v1/evaluate/flags", b"{}", {"authorization": f"Bearer {secret}"})
    [stream] = answer.json["eventStreams"]
    where = stream["endpoint"]["requestUri"]
    with edge.stream(path=where) as opened:
        publish()
        assert told(opened.read())[1]["type"] == "refetchEvaluation"
    services.revoke_key(prefix=made.prefix, **BY)
    with edge.stream(path=where) as revoked, edge.stream(path="/sdk/v1/stream?ticket=a.b") as forged:
        assert (stream["type"], opened.status) == ("sse", 200)
        assert secret not in where
        assert [revoked.status, forged.status] == [401, 401]


def test_stream__key_revoked__ends(looking):
    made, secret = key()
    with looking.stream(secret) as opened:
        opened.read()
        services.revoke_key(prefix=made.prefix, **BY)

        assert opened.read() is None


def test_stream__nothing_happens__heartbeat_and_an_end_after_its_life(edge, monkeypatch):
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)
    _, secret = key()
    with edge.stream(secret) as opened:
        opened.read()
        assert opened.read().startswith(":")
    monkeypatch.setattr(streams, "LIFE_S", 0.2)
    with edge.stream(secret) as short:
        heard = list(islice(iter(short.read, None), 100))

    assert len(heard) < 100


def test_stream__client_gone__counted_as_gone(edge):
    _, secret = key()
    _, reader = key(scope="read")
    with edge.stream(secret) as opened:
        opened.read()
        during = metrics(edge, reader)
    after = metrics(edge, reader)

    assert ("headway_edge_streams_open 1" in during, "headway_edge_streams_open 0" in after) == (True, True)
    assert "headway_edge_subscribed 1" in after
    assert edge.call("GET", "/metrics").status == 401


def metrics(edge, secret):
    return edge.call("GET", "/metrics", headers={"authorization": f"Bearer {secret}"}).body.decode()


def test_stream__head__answered_and_over(edge):
    _, secret = key()

    answer = edge.call("HEAD", "/sdk/v1/stream", headers={"authorization": f"Bearer {secret}"})

    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert len(edge.edge._hub) == 0


def test_stream__too_many__503_with_a_time_to_wait(edge, monkeypatch):
    monkeypatch.setattr(streams, "MAX_STREAMS", 1)
    _, secret = key()
    with edge.stream(secret), edge.stream(secret) as second:
        assert (second.status, second.headers["retry-after"]) == (503, "30")


def test_stream__reader_falls_behind__newest_state_only(edge):
    served_flag()
    _, secret = key()
    with edge.stream(secret) as opened:
        opened.read()
        hub = edge.edge._hub
        [stream] = hub._streams[environment().id]
        for number in range(streams.MAX_WAITING + 1):
            stream.tell(b"data: step\n\n", b"data: newest %d\n\n" % number)

        assert opened.read() == f"data: newest {streams.MAX_WAITING}\n\n"


def test_key__expired__not_let_in(edge):
    made, secret = key()
    services.rotate_key(prefix=made.prefix, actor="ada", now=NOW, overlap_hours=0)

    with edge.stream(secret) as opened:
        assert opened.status == 401


def test_ticket__of_one_key__does_not_fit_another():
    text = keys.ticket("abcdefgh", "d" * 64, "site")

    assert keys.is_ticket(text, "abcdefgh", "d" * 64, "site")
    assert not keys.is_ticket(text, "abcdefgh", "e" * 64, "site")
    assert not keys.is_ticket(text, "bbcdefgh", "d" * 64, "site")
    assert not keys.is_ticket("abcdefgh.ü", "abcdefgh", "d" * 64, "site")
