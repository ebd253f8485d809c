"""Forked workers: fresh flags, no exposure lost, none doubled."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from headway import Client
from tests.core.sdk.build import document, experiment
from tests.core.sdk.faults import FaultServer, eventually

ROOT = Path(__file__).resolve().parents[3]
NEWER = document({"home": {**experiment(), "on": False}}, version=2)


@pytest.fixture
def server():
    made = FaultServer(document({"home": experiment()}))
    yield made
    made.stop()


def _in_child(work):
    """Run something in a forked child; whether it returned true."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork__child__polls_by_itself_and_sends_its_own(server):
    client = Client(server.url, "k", poll_s=0.1, flush_s=0.1)
    client.wait_until_ready(60)
    client.evaluate("home", "parent")

    def work():
        client.evaluate("home", "parent")
        client.evaluate("home", "child")
        client.track("view", "child")
        delivered = client.flush(60)
        server_is_newer.set()
        return delivered and eventually(lambda: client.evaluate("home", "child").reason == "DISABLED")

    server_is_newer = multiprocessing.get_context("fork").Event()
    pid_is_fine = []

    def publish():
        server_is_newer.wait(60)
        server.document = NEWER

    import threading

    publisher = threading.Thread(target=publish)
    publisher.start()
    pid_is_fine.append(_in_child(work))
    publisher.join()
    client.close(60)

    assert pid_is_fine == [True]
    counted = Counter((event["kind"], event["unit"]) for event in server.events)
    assert counted == {("exposure", "parent"): 1, ("exposure", "child"): 1, ("event", "child"): 1}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork__parent_has_unsent_events__parent_alone_sends_them(server):
    client = Client(server.url, "k", poll_s=60, flush_s=60)
    client.wait_until_ready(60)
    for number in range(100):
        client.evaluate("home", f"before-{number}")

    for child in range(4):
        assert _in_child(lambda child=child: _expose(client, f"child-{child}"))
    client.close(60)

    counted = Counter(event["unit"] for event in server.events)
    assert set(counted.values()) == {1}
    assert len(counted) == 100 + 4 * 100


def _expose(client, name):
    for number in range(100):
        client.evaluate("home", f"before-{number}")
        client.evaluate("home", f"{name}-{number}")
    client.close(60)
    return client.counters["waiting"] == 0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork__while_other_threads_use_the_client__no_child_hangs(server):
    import threading

    client = Client(server.url, "k", poll_s=0.05, flush_s=0.05)
    client.wait_until_ready(60)
    stop = threading.Event()

    def busy(name):
        number = 0
        while not stop.is_set():
            number += 1
            client.evaluate("home", f"{name}-{number}")
            client.track("view", f"{name}-{number}")

    threads = [threading.Thread(target=busy, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    try:
        results = [
            _in_child(lambda: client.evaluate("home", "in-child").reason == "SPLIT") for _ in range(10)
        ]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        client.close()

    assert results == [True] * 10


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork__that_python_is_not_told_about__noticed_at_the_next_exposure(server):
    client = Client(server.url, "k", poll_s=60, flush_s=60)
    client.wait_until_ready(60)
    client.evaluate("home", "parent")
    client._pid = -1

    client.evaluate("home", "child")

    assert client._pid == os.getpid()
    assert client.counters["exposures"] == 1
    client.close(60)
    assert [event["unit"] for event in server.events] == ["child"]


def test_process_ends__without_close__events_are_delivered(server):
    script = f"""
    import headway
    client = headway.Client({server.url!r}, "k", flush_s=60)
    client.wait_until_ready(60)
    client.evaluate("home", "user-1")
    client.track("bye", "user-1")
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "sdk/python/src")}

    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=environment, check=True, timeout=120)

    assert Counter(event["kind"] for event in server.events) == {"exposure": 1, "event": 1}


@pytest.mark.parametrize("statement", ["import headway", "import headway.evaluation"])
def test_import__no_threads_and_no_http(statement):
    script = f"""
    import sys, threading
    {statement}
    assert threading.active_count() == 1
    loaded = {{"http.client", "ssl", "logging", "urllib.request", "socket"}} & set(sys.modules)
    assert not loaded, loaded
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "sdk/python/src")}

    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=environment, check=True, timeout=120)
