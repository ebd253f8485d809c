"""The tutorial of incidents does what it says, with receivers on loopback; workers that die change nothing.

A trip, the held flag, the flagged review, the mails and messages, the incident, the postmortem, the evidence:
on a real worker, Redis and PostgreSQL.
"""

import json
import os
import re
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest
import redis
from django.conf import settings as configured
from django.contrib.auth import get_user_model
from django.utils import timezone

from analysis import queries as analysis
from analysis import services as looks
from config.embedded.home import CHECKOUT
from events import queries as events
from flags import queries as flag_queries
from flags import services as flag_services
from governance import incident_queries as queries
from governance import queries as governance
from governance import services
from governance.outbound.formats import Kind
from ledger import queries as ledger
from organisation import services as organisation
from tests.apps.embedded.watching import eventually
from tests.flows import planting, test_tutorial
from tests.flows.places import environment

PAGE = CHECKOUT / "docs" / "tutorial" / "trip-to-postmortem.md"
PLACE, SURFACE, OWNER = "search-shop", "search", "rosa"
KINDS = (Kind.WEBHOOK, Kind.SLACK, Kind.PAGERDUTY, Kind.ALERTMANAGER)


class Stub:
    """Every kind of receiver on one loopback server; what arrived, by path."""

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


def now():
    return timezone.now()


def by(actor=OWNER):
    return {"actor": actor, "now": now()}


@pytest.fixture(scope="module")
def stub():
    found = Stub()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def listening(connected, stub, settings):
    """A receiver of each kind."""
    settings.HEADWAY_OUTBOUND_ALLOW = (ip_network("127.0.0.1/32"),)
    names = {receiver.name for receiver in governance.receivers()}
    for kind in KINDS:
        if f"flow {kind}" not in names:
            secret = "routing-key" if kind is Kind.PAGERDUTY else ""
            services.create_receiver(
                name=f"flow {kind}",
                kind=kind.value,
                address=f"{stub.url}/{kind.value}",
                secret=secret,
                events=["ramp.*", "guardrail.*", "incident.*", "action_item.*"],
                **by(),
            )
    return connected


def kill_worker(platform):
    """Kill the worker where it stands; the process manager starts another."""
    pid = platform.pid("worker")
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: platform.pid("worker") not in (None, pid), within_s=60)


def test_trip__worker_killed_again_and_again_and_redis_flushed__everything_exactly_once(listening, stub):
    environment("killed")
    planting.plant(listening.edge_url, "killed", harm_ms=60.0)
    looks.request_look(experiment="killed", trigger="manual", actor=OWNER, now=now())
    assert eventually(lambda: analysis.unsettled_trips("killed").exists(), within_s=90)
    kill_worker(listening)
    with redis.Redis.from_url(configured.HEADWAY_REDIS_URL) as server:
        server.flushall()
    assert eventually(lambda: flag_queries.holds_of("killed", "killed").exists(), within_s=90)
    kill_worker(listening)
    [trip] = analysis.unsettled_trips("killed")

    assert eventually(lambda: queries.incident_of_trip(trip.id), within_s=120)
    row = queries.incident_of_trip(trip.id)
    assert eventually(lambda: queries.incident(row.id).gathered_at is not None, within_s=120)
    assert eventually(lambda: told(stub, "incident.opened", row.id), within_s=120)

    said = [each.action for each in ledger.audit_of("experiment:killed")]
    assert (said.count("trip.opened"), said.count("trip.acted")) == (1, 1)
    assert [each.action for each in ledger.audit_of(f"incident:{row.id}")].count("incident.opened") == 1
    assert flag_queries.holds_of("killed", "killed").count() == 1
    assert events.labels(kind="incident").filter(origin=f"incident:{row.id}").count() == 1
    assert len(told(stub, "incident.opened", row.id)) == 1


def told(stub, event, incident):
    """The ids of messages of this event that the webhook got for the incident."""
    got = stub.got.get("webhook", [])
    return {each["id"] for each in got if each["event"] == event and each["data"].get("incident") == incident}


@pytest.fixture
def surroundings(listening, stub):
    """What section 1 leaves behind: an account, a surface with an owner, keys, a receiver of the surface."""
    get_user_model().objects.get_or_create(username=OWNER, defaults={"email": "rosa@example.com"})
    organisation.create_team(key="finding", name="Finding", owner=OWNER, **by())
    organisation.create_surface(key=SURFACE, name="Search", team="finding", owner=OWNER, **by())
    for surface, kind in ((SURFACE, "mine"), ("elsewhere", "others")):
        if surface != SURFACE:
            organisation.create_surface(key=surface, name="Elsewhere", team="finding", owner=OWNER, **by())
        services.create_receiver(
            name=f"of {surface}",
            kind="webhook",
            address=f"{stub.url}/{kind}",
            events=["guardrail.*", "incident.*"],
            surface=surface,
            **by(),
        )
    place = environment(PLACE)
    made = {
        name: flag_services.create_key(
            environment=place, name=name, scope=name, accepts_history=name == "server", **by()
        )[1]
        for name in ("admin", "server")
    }
    return {**listening.environment, "ADMIN_KEY": made["admin"], "SERVER_KEY": made["server"]}


@pytest.fixture
def printed(surroundings, tmp_path):
    """What the commands of the tutorial printed, as its reader types them."""
    return "\n".join(test_tutorial.follow(PAGE, surroundings, tmp_path))


def test_tutorial__as_written__from_the_trip_to_the_evidence(printed, stub):
    [trip] = [each for each in analysis.trips() if each.experiment.key == "new-ranking"]
    row = queries.incident_of_trip(trip.id)

    assert "Search time harmed in treatment of new-ranking" in printed
    assert re.search(r"^Hit most: device phone: \+1[5-6]\d", printed, re.MULTILINE)
    assert re.search(r"^Money: No amount for [\d.]+ ms on search", printed, re.MULTILINE)
    assert re.search(r"^5 sessions, the worst [0-9a-f]{16}$", printed, re.MULTILINE)
    assert "factors, line 2: should have." in printed
    assert re.search(r"would have tripped on [12] of the last 90 days, [12] true", printed)
    assert "state: closed" in printed
    assert flag_queries.holds_of("new-ranking", PLACE).exists()
    assert events.label(row.label).ended_at is not None
    assert [each.action for each in ledger.audit_of(f"incident:{row.id}")].count("incident.opened") == 1


def test_receivers__after_the_trip__each_kind_once_in_its_own_form_and_only_of_its_surface(stub):
    wanted = {"guardrail.tripped", "incident.opened"}
    assert eventually(lambda: set(heard(stub, "mine")) >= wanted, within_s=120), stub.got
    assert eventually(lambda: {"guardrail", "incident"} <= alerts(stub), within_s=60)
    assert eventually(lambda: wanted <= {each["payload"]["class"] for each in pages(stub)}, within_s=60)
    assert eventually(lambda: any(each["text"].startswith("Incident opened") for each in stub.got["slack"]))

    assert [heard(stub, "mine").count(event) for event in sorted(wanted)] == [1, 1]
    assert "others" not in stub.got


def heard(stub, path):
    return [each["event"] for each in stub.got.get(path, [])]


def pages(stub):
    return [each for each in stub.got.get("pagerduty", []) if each["event_action"] == "trigger"]


def alerts(stub):
    return {each[0]["labels"]["alertname"] for each in stub.got.get("alertmanager", [])}


def test_owner__without_a_mail_server__the_timeline_says_why_no_mail(connected):
    [row] = queries.incidents(experiment="new-ranking")

    said = [each.reason for each in ledger.audit_of(f"incident:{row.id}").filter(action="person.not_mailed")]
    assert said == ["rosa got no mail: this site has no mail server"]
