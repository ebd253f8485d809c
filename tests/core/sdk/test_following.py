"""Changes as they are made: told, fetched, missed, garbled, and never in the way of an evaluation."""

import json
import os
import time

import pytest

from headway import Client, following
from headway.configuring import written
from headway.following import MAX_EVENT, Events
from headway.transport import Unreachable
from tests.core.sdk.build import document, experiment
from tests.core.sdk.faults import FaultServer, eventually

OFF = {**experiment(), "on": False}
ANSWERS = ("404", "500", "401", "403", "html", "redirect", "hang")
MID_STREAM = {
    "garbage": b"\x00\xff{]\n\n" * 50,
    "no json": b"data: {]\n\n",
    "no object": b"data: [1, 2]\n\n",
    "empty object": b"data: {}\n\n",
    "truncated": b'data: {"type": "refetch',
    "endless line": b"x" * (MAX_EVENT + 100_000),
    "ended": b"end",
}


@pytest.fixture
def server():
    made = FaultServer(document({"home": experiment()}, version=5))
    made.stream_mode = "good"
    yield made
    made.stop()


def _client(server, **options):
    return Client(server.url, "k", **{"poll_s": 60, "flush_s": 60, "timeout_s": 1.0, **options})


def _following(server, **options):
    """A client that has a configuration and an open stream."""
    client = _client(server, **options)
    assert client.wait_until_ready(60)
    assert server.wait_for_streams()
    return client


def _polls(server):
    return len([path for path, _ in server.requests if path == "/sdk/v1/config"])


def _step(client, flags, version=6, **parts):
    """The change of the document in use that a server tells of."""
    told = {"type": "refetchEvaluation", "etag": f'"{version}"', "version": version}
    return {**told, "before": client.source.etag, "flags": flags, **parts}


def _variants(client, rounds=5):
    """Of many calls; fails when 5 % of them are slow in each of some rounds."""
    for _ in range(rounds):
        variants, usual = _timed(client)
        if usual < 0.005:
            return variants
    raise AssertionError(f"95 % of the calls only stay below {usual:.3f} s")


def _timed(client, number=200):
    """Variants and the time that 95 % of the calls stay below, in seconds."""
    times, variants = [], []
    for unit in range(number):
        start = time.perf_counter()
        variants.append(client.evaluate("home", f"user-{unit % 20}", default="own").variant)
        times.append(time.perf_counter() - start)
    return variants, sorted(times)[number * 95 // 100]


def test_step__of_the_document_in_use__used_as_told_and_nothing_fetched(server):
    with _following(server) as client:
        polls = _polls(server)
        server.tell(_step(client, {"home": OFF}))

        assert eventually(lambda: client.evaluate("home", "u").reason == "DISABLED")
        assert (client.source.version, client.source.etag, client.counters["changes"]) == (6, '"6"', 1)
        assert _polls(server) == polls


def test_step__flag_gone__not_found(server):
    with _following(server) as client:
        server.tell(_step(client, {"home": None}))

        assert eventually(lambda: client.evaluate("home", "u").reason == "FLAG_NOT_FOUND")


@pytest.mark.parametrize(
    "parts",
    [
        {"before": '"another"'},
        {"flags": {"home": {"on": "perhaps"}}},
        {"flags": [1]},
        {"flags": None, "before": None},
        {"version": 7.5},
    ],
    ids=["other-document", "invalid-flag", "no-flags", "notice-only", "odd-version"],
)
def test_step__cannot_be_used__whole_document_fetched_by_its_etag(server, parts):
    with _following(server) as client:
        server.document = document({"home": OFF}, version=9)
        server.tell({**_step(client, {"home": experiment()}), **parts})

        assert eventually(lambda: client.source.version == 9)
        assert client.evaluate("home", "u").reason == "DISABLED"


def test_event__of_another_kind_or_of_what_is_in_use__nothing_happens(server):
    with _following(server) as client:
        polls = _polls(server)
        server.tell({"type": "weather", "etag": "x", "version": 1})
        server.tell({"type": "refetchEvaluation", "etag": client.source.etag, "version": 5})
        server.tell(b"event: other\nid: 7\n: a remark\n\n")
        time.sleep(0.2)

        assert (_polls(server), client.source.version, len(server.streams)) == (polls, 5, 1)


@pytest.mark.parametrize("fault", ANSWERS)
def test_stream__answers_wrong__polls_keep_flags_fresh_and_nobody_waits(server, fault, monkeypatch):
    monkeypatch.setattr("headway.backoff.FIRST_S", 600.0)
    monkeypatch.setattr("headway.backoff.LONGEST_S", 600.0)
    server.stream_mode = fault
    with _client(server, poll_s=0.05) as client:
        assert client.wait_until_ready(60)
        variants = _variants(client)
        server.document = document({"home": OFF}, version=6)

        assert eventually(lambda: client.evaluate("home", "u").reason == "DISABLED")
        assert variants[:20] * 10 == variants
        assert len(server.streams) <= 1, "a stream that failed is tried again later"
    assert server.paths_elsewhere == []


@pytest.mark.parametrize("content", MID_STREAM.values(), ids=MID_STREAM)
def test_stream__breaks_in_the_middle__flags_unchanged_and_polled_for(server, content, monkeypatch):
    monkeypatch.setattr(following, "_ENDED_S", 0.05)
    with _following(server, poll_s=0.1) as client:
        before = [client.evaluate("home", f"user-{unit}").variant for unit in range(20)]
        server.tell(content)
        server.tell(b"end")
        variants = _variants(client)
        server.document = document({"home": OFF}, version=6)

        assert variants == before * 10
        assert eventually(lambda: client.source.version == 6)
        assert client.counters["errors"] == 0


@pytest.mark.parametrize("fault", ["kill", "500", "401", "garbage", "hang"])
def test_server__fails_while_streaming__last_good_flags_stay(server, fault):
    with _following(server, poll_s=0.05) as client:
        before = [client.evaluate("home", f"user-{unit}").variant for unit in range(20)]
        server.stream_mode = fault if fault in ANSWERS else "html"
        server.tell(b"end")
        server.fail(fault)
        time.sleep(0.3)

        variants = _variants(client)

        assert variants == before * 10


def test_stream__drips__bounded_and_polls_go_on(server):
    with _following(server, poll_s=0.05) as client:
        for _ in range(20):
            server.tell(b"d")
        server.document = document({"home": OFF}, version=6)

        assert eventually(lambda: client.source.version == 6)


def test_stream__silent_for_too_long__opened_again(server, monkeypatch):
    monkeypatch.setattr(following, "QUIET_S", 0.2)
    monkeypatch.setattr("headway.backoff.FIRST_S", 0.05)
    with _following(server):
        assert eventually(lambda: len(server.streams) > 1)


def test_stream__opened_again__says_what_it_knows(server, monkeypatch):
    monkeypatch.setattr(following, "_ENDED_S", 0.05)
    with _following(server) as client:
        server.tell(_step(client, {"home": OFF}))
        assert eventually(lambda: client.source.version == 6)
        server.tell(b"end")

        assert eventually(lambda: server.streams[-1].get("Last-Event-Id") == "6")
        assert server.streams[-1]["Authorization"] == "Bearer k"


def test_cold__stream_tells_before_anything_was_fetched__fetched(server):
    server.fail("500")
    with _client(server) as client:
        assert server.wait_for_streams()
        server.mode = "good"
        server.tell({"type": "refetchEvaluation", "etag": '"5"', "version": 5})

        assert client.wait_until_ready(60)


def test_changes__told__kept_on_disk_when_the_client_closes(server, tmp_path):
    path = str(tmp_path / "flags")
    with _following(server, cache_file=path) as client:
        server.tell(_step(client, {"home": OFF}))
        assert eventually(lambda: client.source.version == 6)
    server.stop()

    with Client(server.url, "k", cache_file=path, timeout_s=0.2) as later:
        assert later.evaluate("home", "u").reason == "DISABLED"
        assert (later.source.name, later.source.version, later.source.etag) == ("disk", 6, '"6"')


def test_poll__under_way_while_a_newer_change_is_told__change_stays_and_nothing_is_refused(server):
    with _following(server, poll_s=0.05) as client:
        server.tell(_step(client, {"home": OFF}))
        assert eventually(lambda: client.source.version == 6)
        time.sleep(0.3)

        assert client.evaluate("home", "u").reason == "DISABLED"
        assert client.counters["configs_refused"] == 0


def test_close__stream_open__ends_at_once(server):
    client = _following(server)
    start = time.monotonic()

    client.close(60)

    assert time.monotonic() - start < 30
    assert eventually(lambda: server.tell(b": still here\n\n") or not server._open_streams)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork__child_follows_for_itself__and_the_parent_goes_on(server):
    with _following(server) as client:
        child = os.fork()
        if child == 0:
            heard = eventually(lambda: client.evaluate("home", "u").reason == "DISABLED")
            os._exit(0 if heard else 1)
        both = server.wait_for_streams(2)
        server.tell(_step(client, {"home": OFF}))

        assert both
        assert eventually(lambda: client.evaluate("home", "u").reason == "DISABLED")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_signed__step_told__fetched_and_checked_instead(server):
    server.signing_key = "hws_x"
    with _following(server, signing_key="hws_x") as client:
        server.document = document({"home": OFF}, version=6)
        server.tell(_step(client, {"home": None}))

        assert eventually(lambda: client.evaluate("home", "u").reason == "DISABLED")


@pytest.mark.parametrize("key", [None, "hws_other"])
def test_signed__signature_missing_or_of_another__document_refused(server, key):
    server.signing_key = key
    with _client(server, signing_key="hws_x") as client:
        assert eventually(lambda: client.counters["configs_refused"] > 0)
        assert client.evaluate("home", "u", default="own").value == "own"


def test_stream_false__no_stream(server):
    with _client(server, stream=False) as client:
        assert client.wait_until_ready(60)

    assert server.streams == []


def test_seen__flags_asked_for__told_at_the_end_once(server):
    with _following(server) as client:
        client.evaluate("home", "u")
        client.evaluate("nothing", "u")
        client.close(60)

    assert server.seen == [["home"]]


def test_events__in_pieces_with_any_line_end__whole():
    events = Events()
    raw = b": a\r\nid: 1\r\ndata: one\r\ndata: two\r\n\r\ndata:three\n\n"

    found = [data for byte in raw for data in events.feed(bytes([byte]))]

    assert found == [b"one\ntwo", b"three"]


def test_events__larger_than_allowed__refused():
    with pytest.raises(Unreachable, match="larger than"):
        list(Events().feed(b"data: " + b"x" * (MAX_EVENT + 1) + b"\n"))


def test_written__document__reads_back_the_same(server):
    with _following(server) as client:
        server.tell(_step(client, {"home": OFF}))
        eventually(lambda: client.source.version == 6)
        whole = client.config.document

        assert json.loads(written(whole)) == {**whole, "flags": dict(whole["flags"])}
