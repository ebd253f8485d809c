"""Receivers of every kind on one loopback server, and what arrived there."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest
from django.utils import timezone

from governance import queries, services
from governance.outbound.formats import Kind

KINDS = (Kind.WEBHOOK, Kind.SLACK, Kind.PAGERDUTY, Kind.ALERTMANAGER)
ROUTING_KEY = "routing-key"


class Stub:
    """What arrived, by path: each kind of receiver has its own."""

    def __init__(self):
        self.got = {}
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stub.got.setdefault(self.path.strip("/"), []).append(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def heard(self, path):
        """The events a webhook at this path was told of."""
        return [each["event"] for each in self.got.get(path, [])]

    def pages(self):
        """What PagerDuty was asked to trigger."""
        return [each for each in self.got.get("pagerduty", []) if each["event_action"] == "trigger"]

    def chatted(self):
        """The texts of the chat channel."""
        return [each["text"] for each in self.got.get("slack", [])]

    def alerts(self):
        """The names of the alerts that the alert manager got."""
        batches = self.got.get("alertmanager", [])
        return {alert["labels"]["alertname"] for batch in batches for alert in batch}


@pytest.fixture(scope="session")
def stub():
    found = Stub()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def listening(connected, stub, settings):
    """A receiver of each kind for everything that follows a trip."""
    settings.HEADWAY_OUTBOUND_ALLOW = (ip_network("127.0.0.1/32"),)
    names = {receiver.name for receiver in queries.receivers()}
    for kind in KINDS:
        if f"flow {kind}" not in names:
            services.create_receiver(
                name=f"flow {kind}",
                kind=kind.value,
                address=f"{stub.url}/{kind.value}",
                secret=ROUTING_KEY if kind is Kind.PAGERDUTY else "",
                events=["ramp.*", "guardrail.*", "review.*", "incident.*", "action_item.*"],
                actor="rosa",
                now=timezone.now(),
            )
    return connected
