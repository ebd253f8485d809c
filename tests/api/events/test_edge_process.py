"""The edge as it is run: under granian, over real sockets, killed while it takes batches in."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest

from events import services
from events.models import InboxBatch
from tests.api.events.calling import batch, event, make_key
from tests.apps.embedded.watching import eventually
from tests.apps.events.building import NOW, ids, stored
from tests.apps.events.processes import ROOT, environment
from tests.mailbox import free_port

READY_WITHIN_S = 120
EVENTS_A_BATCH = 20
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store(settings, tmp_path):
    folder = tmp_path / "store"
    settings.HEADWAY_EVENT_STORE = folder.as_uri()
    return folder


class EdgeProcess:
    """granian with one worker in a session of its own, so that a kill takes both."""

    def __init__(self, store):
        self.port = free_port()
        self.environment = environment(store)
        self.process: subprocess.Popen | None = None

    def start(self):
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--no-ws"]
        command += ["--port", str(self.port), "--workers", "1", "config.edge:application"]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert eventually(lambda: self.get("/health") == 200, READY_WITHIN_S), "the edge did not come up"

    def kill(self):
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def get(self, path):
        try:
            return self.request("GET", path)[0]
        except OSError:
            return None

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class Sender(threading.Thread):
    """Sends batch after batch; one that got no answer is sent again, as an SDK does."""

    def __init__(self, edge, key, number):
        super().__init__(daemon=True)
        self.edge, self.number = edge, number
        self.headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self.stopping = threading.Event()
        self.acked: list = []
        self.retries = 0

    def run(self):
        count = 0
        while not self.stopping.is_set():
            first = self.number * 10_000_000 + count * EVENTS_A_BATCH
            events = [event(first + n) for n in range(EVENTS_A_BATCH)]
            if self._send(json.dumps(batch(events, uuid.uuid4())).encode()):
                self.acked += [sent["id"] for sent in events]
            count += 1

    def _send(self, body):
        while not self.stopping.is_set():
            try:
                status, _ = self.edge.request("POST", "/sdk/v1/events", body, self.headers)
                if status == 202:
                    return True
            except (OSError, http.client.HTTPException):
                pass
            self.retries += 1
            time.sleep(0.02)
        return False


def under_load(senders):
    """Returns in the middle of it, when every sender had some batches acknowledged."""
    before = [len(sender.acked) for sender in senders]
    enough = 3 * EVENTS_A_BATCH

    def have_sent():
        return all(len(each.acked) >= had + enough for each, had in zip(senders, before, strict=True))

    assert eventually(have_sent, 60)


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)], ids=lambda n: f"{n}-kills")
def test_edge__killed_again_and_again_under_load__every_acked_event_stored_once(store, kills):
    edge = EdgeProcess(store)
    senders = [Sender(edge, make_key(), number) for number in range(1, 4)]
    try:
        edge.start()
        for sender in senders:
            sender.start()
        for _ in range(kills):
            under_load(senders)
            edge.kill()
            edge.start()
        under_load(senders)
    finally:
        for sender in senders:
            sender.stopping.set()
        for sender in senders:
            sender.join(60)
        edge.kill()
    services.drain(now=NOW)

    acked = [name for sender in senders for name in sender.acked]
    found = ids(stored("events"))
    lost, doubled = set(acked) - set(found), len(found) - len(set(found))
    retries = sum(sender.retries for sender in senders)
    sys.stdout.write(
        f"\nkills {kills}, acked {len(acked)}, stored {len(found)}, lost {len(lost)}, doubled {doubled}\n"
    )
    assert len(acked) > kills * EVENTS_A_BATCH
    assert retries >= kills
    assert (len(lost), doubled) == (0, 0)


def test_edge__chunked_body_over_a_socket__taken_in(store):
    edge = EdgeProcess(store)
    key = make_key()
    body = json.dumps(batch([event(n) for n in range(300)])).encode()
    try:
        edge.start()
        parts = (body[start : start + 1_000] for start in range(0, len(body), 1_000))
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        status, answer = edge.request("POST", "/sdk/v1/events", parts, headers)
        lying = socket.create_connection(("127.0.0.1", edge.port), timeout=30)
        lying.sendall(b"POST /sdk/v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{")
        lying.close()
        alive = edge.get("/health")
    finally:
        edge.kill()

    assert (status, json.loads(answer)["accepted"]) == (202, 300)
    assert alive == 200
    assert InboxBatch.objects.count() == 1
