"""Long outages in short time: nothing changes for a month, and what happened meanwhile arrives once."""

import subprocess
import sys
import textwrap
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headway import Client, backoff, configuring
from tests.core.sdk.build import document, experiment
from tests.core.sdk.faults import FaultServer, eventually

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def server():
    made = FaultServer(document({"home": experiment()}, version=5))
    yield made
    made.stop()


@pytest.fixture
def impatient(monkeypatch):
    """Waits between tries are a hundredth of the real ones."""
    monkeypatch.setattr(backoff, "FIRST_S", 0.01)
    monkeypatch.setattr(backoff, "LONGEST_S", 0.05)


class Days:
    """A clock that is put forward."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.mark.parametrize("fault", ["kill", "500", "garbage"])
def test_server_gone__thirty_days__same_values_and_each_day_its_exposures(
    server, fault, monkeypatch, impatient
):
    days = Days()
    monkeypatch.setattr(configuring.time, "time", lambda: days.now.timestamp())
    client = Client(server.url, "k", poll_s=0.05, flush_s=0.01, clock=days)
    assert client.wait_until_ready(60)
    units = [f"user-{number}" for number in range(20)]
    before = _asked(client, units)
    server.fail(fault)
    assert eventually(lambda: client.counters["poll_failures"] + client.counters["configs_refused"] > 2)

    for day in range(1, 31):
        days.now += timedelta(days=1)
        assert eventually(lambda: _asked(client, units) == before and _exposed(client) == 20 * (day + 1))  # noqa: B023

    assert client.source.version == 5
    assert client.source.age_s >= 29 * 86_400
    server.recover()
    assert eventually(lambda: client.flush(1))
    client.close(60)
    noted = Counter((event["unit"], event["ts"][:10]) for event in server.events)
    assert len(noted) == 20 * 31
    assert set(noted.values()) == {1}


def _asked(client, units):
    return {unit: client.evaluate("home", unit).variant for unit in units}


def _exposed(client):
    return client.counters["exposures"]


def test_outage__two_thousand_events_during_it__none_lost_none_doubled(server, impatient):
    """Twelve seconds of 503 for a client that waits a second; here a hundredth of both."""
    with Client(server.url, "k", poll_s=60, flush_s=0.01) as client:
        client.wait_until_ready(60)
        server.fail("500")
        for number in range(2_000):
            client.track("view", f"user-{number}")
        assert eventually(lambda: client.counters["retries"] >= 3)
        server.recover()

        assert eventually(lambda: client.flush(1))

    assert sorted(event["unit"] for event in server.events) == sorted(f"user-{n}" for n in range(2_000))
    assert client.counters["dropped"] == 0


def test_answers_lost__two_hundred_events__each_counted_once(server, impatient):
    with Client(server.url, "k", poll_s=60, flush_s=0.01) as client:
        client.wait_until_ready(60)
        server.event_answers = [("lost", {}, None)] * 3
        for number in range(200):
            client.track("view", f"user-{number}")

        assert eventually(lambda: client.flush(1))

    ids = Counter(event["id"] for event in server.events)
    assert len(ids) == 200
    assert set(ids.values()) == {1}


def test_burst__thirty_thousand_events_at_once__what_is_over_the_bound_is_counted_and_reported(server):
    with Client(server.url, "k", poll_s=60, flush_s=60, timeout_s=0.5) as client:
        client.wait_until_ready(60)
        server.fail("hang")
        for number in range(30_000):
            client.track("view", f"user-{number}")
        server.recover()
        assert eventually(lambda: client.flush(2))
        client.track("view", "last")
        assert client.flush(60)

    dropped = client.counters["dropped"]
    assert len(server.events) + dropped == 30_001
    assert len(server.events) >= 10_000
    assert sum({batch["batch_id"]: batch["dropped"] for batch in server.batches}.values()) == dropped
    assert server.events[-1]["unit"] == "last"


EXITING = """
import headway
client = headway.Client({url!r}, "k", poll_s=60, flush_s=60, timeout_s=60)
client.wait_until_ready(60)
client.track("view", "user-1")
print("ready", flush=True)
input()
"""


def test_process_ends__server_hangs__not_held_up(server):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(EXITING.format(url=server.url))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT / "sdk/python/src")},
    )
    assert process.stdout.readline() == b"ready\n"
    server.fail("hang")
    start = time.monotonic()

    process.communicate(b"\n", timeout=60)

    assert process.returncode == 0
    assert time.monotonic() - start < 20, "the server hangs for a minute"
