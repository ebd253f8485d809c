"""Whatever the server does, flags keep their values, no call raises and none waits."""

import json
import time
from itertools import pairwise

import pytest

from headway import Client, backoff, transport
from tests.core.sdk.build import document, experiment
from tests.core.sdk.faults import FAULTS, FaultServer, eventually

CALLS, ROUNDS = 300, 5
USUAL_S, SLOWEST_S = 0.005, 0.5
"""Whoever waited for the network would wait for a second, in every round; a busy machine may put a thread
aside in one."""


@pytest.fixture(autouse=True)
def _drips_for_a_second(monkeypatch):
    """An answer that drips is given up after a minute; here after a second."""
    monkeypatch.setattr(transport, "_WHOLE_S", 1.0)


@pytest.fixture
def server():
    made = FaultServer(document({"home": experiment()}, version=5))
    yield made
    made.stop()


def _client(server, **options):
    return Client(server.url, "k", **{"poll_s": 0.05, "flush_s": 0.05, "timeout_s": 1.0, **options})


def _has_failed(client):
    return client.counters["poll_failures"] + client.counters["configs_refused"] > 0


def _answers(client):
    """Those of a round of calls in which nobody waited; fails when somebody waited in each of some rounds."""
    for _ in range(ROUNDS):
        answers, usual, slowest = _timed(client)
        if usual < USUAL_S and slowest < SLOWEST_S:
            return answers
    raise AssertionError(f"95 % of the calls stay below {usual:.3f} s and the longest takes {slowest:.3f} s")


def _timed(client):
    """The answers of many calls, the time that 95 % of them stay below and the longest, in seconds."""
    answers, times = [], []
    for number in range(CALLS):
        start = time.perf_counter()
        answers.append(client.evaluate("home", f"user-{number % 20}", {"country": "de"}, default="own"))
        client.track("view", f"user-{number % 20}")
        times.append(time.perf_counter() - start)
    times.sort()
    return answers, times[CALLS * 95 // 100], times[-1]


@pytest.mark.parametrize("fault", FAULTS)
def test_warm__any_fault__flags_unchanged_nothing_raised_nobody_waits(server, fault, caplog):
    with _client(server) as client:
        assert client.wait_until_ready(60)
        before = {f"user-{number}": client.evaluate("home", f"user-{number}").variant for number in range(20)}
        server.fail(fault)
        assert eventually(lambda: _has_failed(client) or "refused the key" in caplog.text)

        answers = _answers(client)

        assert [answer.variant for answer in answers] == [before[f"user-{n % 20}"] for n in range(CALLS)]
        assert {answer.reason for answer in answers} == {"SPLIT"}
        assert client.source.version == 5


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "older"])
def test_cold__any_fault__defaults_nothing_raised_nobody_waits(server, fault):
    server.fail(fault)
    with _client(server) as client:
        assert not client.wait_until_ready(0.3)

        answers = _answers(client)

        assert {(answer.value, answer.reason) for answer in answers} == {("own", "ERROR")}


@pytest.mark.parametrize("fault", ["kill", "500", "garbage", "truncated", "empty", "html"])
def test_recovered__after_a_fault__new_configuration_and_every_event_arrive(server, fault):
    with _client(server) as client:
        client.wait_until_ready(60)
        server.fail(fault)
        for number in range(50):
            client.evaluate("home", f"user-{number}")
            client.track("view", f"user-{number}")
        time.sleep(0.2)
        server.document = document({"home": {**experiment(), "on": False}}, version=6)
        server.recover()

        assert eventually(lambda: client.source.version == 6)
        assert eventually(lambda: client.counters["waiting"] == 0 and client.flush(1))

    units = sorted((event["kind"], event["unit"]) for event in server.events)
    assert units == sorted((kind, f"user-{n}") for n in range(50) for kind in ("exposure", "event"))
    assert client.evaluate("home", "user-1").reason == "DISABLED"
    assert client.counters["dropped"] == 0


@pytest.mark.parametrize("where", ["the same host", "another host"])
def test_redirect__never_followed__key_goes_nowhere_else(server, where):
    other = FaultServer(document())
    server.redirects_to = other.url if where == "another host" else server.url
    server.fail("redirect")
    with _client(server) as client:
        assert eventually(lambda: client.counters["poll_failures"] > 1)
        client.track("view", "user-1")
        time.sleep(0.2)

    other.stop()
    assert server.paths_elsewhere == []
    assert other.requests == []


def test_key_refused__one_line_and_no_more_requests_until_another_key(server, caplog):
    server.fail("401")
    with _client(server) as client:
        assert eventually(lambda: client.counters["poll_failures"] > 0)
        client.track("view", "user-1")
        time.sleep(0.5)
        asked = len(server.requests)
        assert asked <= 2
        server.recover()
        client.use_key("a better one")

        assert client.wait_until_ready(60)
        assert client.flush(60)

    assert len([record for record in caplog.records if "refused the key" in record.message]) == 1
    assert [event["name"] for event in server.events] == ["view"]


def test_batch__answer_lost__sent_again_under_the_same_id(server):
    with _client(server) as client:
        client.wait_until_ready(60)
        server.event_answers = [("lost", {}, None)]
        client.track("purchase", "user-1")

        assert eventually(lambda: len(server.batches) == 2)

    first, second = server.batches
    assert first == second
    assert len(server.events) == 1


def test_batch__too_large_for_the_server__halved_until_it_fits(server):
    with _client(server, flush_s=60) as client:
        client.wait_until_ready(60)
        server.event_answers = [(413, {}, None)] * 2
        for number in range(100):
            client.track("view", f"user-{number}")

        assert client.flush(60)

    assert sorted(len(batch["events"]) for batch in server.batches) == [25, 25, 50]
    assert {event["unit"] for event in server.events} == {f"user-{number}" for number in range(100)}


def test_batch__more_events_than_one_holds__several_batches_in_order(server):
    with _client(server, flush_s=60) as client:
        client.wait_until_ready(60)
        for number in range(2500):
            client.track("view", f"user-{number}")

        assert client.flush(60)

    assert max(len(batch["events"]) for batch in server.batches) == 1000
    assert [event["unit"] for event in server.events] == [f"user-{number}" for number in range(2500)]


def test_batch__of_long_events__stays_below_a_megabyte(server):
    dims = {f"dim-{number}": "x" * 256 for number in range(32)}
    with _client(server, flush_s=60) as client:
        client.wait_until_ready(60)
        for number in range(300):
            client.track("view", f"user-{number}", dims=dims)

        assert client.flush(60)

    assert max(len(json.dumps(batch)) for batch in server.batches) < 1_000_000
    assert len(server.events) == 300


def test_batch__refused_for_good__dropped_and_reported_with_the_next(server, caplog):
    with _client(server) as client:
        client.wait_until_ready(60)
        server.event_answers = [(400, {}, {"detail": "no"})]
        client.track("one", "user-1")
        assert eventually(lambda: client.counters["dropped"] == 1)
        client.track("two", "user-1")
        assert client.flush(60)

    assert [(batch["dropped"], len(batch["events"])) for batch in server.batches] == [(1, 1)]
    assert "a batch was refused (400)" in caplog.text


def test_batch__some_events_refused__counted_and_logged_once(server, caplog):
    refusal = {"index": 0, "field": "name", "value": "x", "reason": "no", "fix": ""}
    with _client(server) as client:
        client.wait_until_ready(60)
        server.event_answers = [(202, {}, {"accepted": 1, "refused": [refusal]})] * 2
        for name in ("one", "two"):
            client.track(name, "user-1")
            client.track(name, "user-2")
            assert client.flush(60)

    assert (client.counters["refused"], client.counters["sent"]) == (2, 2)
    assert len([record for record in caplog.records if "were refused" in record.message]) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_batch__server_asks_for_time__gets_it(server, status):
    with _client(server) as client:
        client.wait_until_ready(60)
        server.event_answers = [(status, {"Retry-After": "1"}, {})]
        start = time.monotonic()
        client.track("view", "user-1")

        assert eventually(lambda: server.batches)

    assert time.monotonic() - start >= 1.0


def test_batch__two_hundred_from_something_else__kept_and_sent_again(server):
    server.event_answers = [(202, {}, {"ok": True})]
    with _client(server) as client:
        client.track("view", "user-1")

        assert eventually(lambda: len(server.batches) == 2)

    assert client.counters["sent"] == 1


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_close__server_never_ends_its_answer__ends_in_time(server, fault, monkeypatch):
    monkeypatch.setattr(transport, "_WHOLE_S", 30.0)
    client = _client(server, timeout_s=30, poll_s=60, flush_s=60)
    client.wait_until_ready(60)
    server.fail(fault)
    client.track("view", "user-1")
    start = time.monotonic()

    client.close(timeout_s=0.5)

    assert time.monotonic() - start < 15, "the answer never ends"


def test_configuration__older_than_the_one_in_use__never_used(server, caplog):
    with _client(server) as client:
        client.wait_until_ready(60)
        server.fail("older")

        assert eventually(lambda: client.counters["configs_refused"] > 0)

        assert client.source.version == 5
    assert "version 4 is older than 5" in caplog.text


def test_configuration__refused__bad_one_is_not_fetched_again_and_the_good_one_stays(server, caplog):
    with _client(server) as client:
        client.wait_until_ready(60)
        server.document = document({"home": {**experiment(), "type": "date"}}, version=6)

        assert eventually(lambda: client.counters["configs_refused"] == 1)
        polls = client.counters["polls"]
        client.refresh(60)

        assert client.counters["polls"] > polls
        assert client.counters["configs_refused"] == 1
        assert client.source.version == 5
    assert "flags.home.type = 'date': there is no such type" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf{}",
        b"null",
        b"[]",
        b'{"schema": 1, "schema": 1}',
        b'{"schema": 1, "version": NaN}',
        b"[" * 100_000,
        b"1" * 10_000,
        b'"\\ud800"',
        json.dumps(document()).encode().replace(b'"flags": {}', b'"flags": {"a": {}, "a": {}}'),
    ],
)
def test_configuration__odd_body__refused_and_the_good_one_stays(server, body):
    with _client(server) as client:
        client.wait_until_ready(60)
        server.document = body

        assert eventually(lambda: client.counters["configs_refused"] > 0)

        assert client.evaluate("home", "user-1").reason == "SPLIT"


def test_polls__while_the_server_fails__further_and_further_apart(server, monkeypatch):
    """After a fifth of a second at least half of that, then of twice and four times as much."""
    monkeypatch.setattr(backoff, "FIRST_S", 0.2)
    server.fail("500")
    with _client(server, poll_s=0.05) as client:
        start = time.monotonic()
        assert eventually(lambda: client.counters["poll_failures"] == 4)

    assert time.monotonic() - start >= 0.1 + 0.2 + 0.4


def test_poll__intervals__jittered(server):
    """Twenty polls of 50 ms: none is longer than asked, and they differ."""
    times = []
    with _client(server, poll_s=0.05) as client:
        step = client._configuration.step
        delays = [step() for _ in range(20)]
    times = sorted(delays)

    assert times[0] >= 0.04
    assert times[-1] <= 0.05
    assert all(low <= high for low, high in pairwise(times))
    assert len({round(delay, 6) for delay in delays}) > 10
