"""The tutorial of incidents does what it says, with a mail server and receivers on loopback."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from analysis import queries as analysis
from config.embedded.home import CHECKOUT
from events import queries as events
from flags import queries as flag_queries
from flags import services as flag_services
from governance import incident_queries as queries
from governance import services
from ledger import queries as ledger
from organisation import services as organisation
from tests.flows import test_tutorial
from tests.flows.hurrying import hurried, soon
from tests.flows.places import environment

PAGE = CHECKOUT / "docs" / "tutorial" / "trip-to-postmortem.md"
PLACE, SURFACE, OWNER = "search-shop", "search", "rosa"


def now():
    return timezone.now()


def by(actor=OWNER):
    return {"actor": actor, "now": now()}


@pytest.fixture
def surroundings(listening, stub):
    """What section 1 leaves behind: an account, a surface with an owner, keys, a receiver of the surface."""
    get_user_model().objects.update_or_create(username=OWNER, defaults={"email": "rosa@example.com"})
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


@pytest.fixture(scope="module")
def known():
    return {}


@pytest.fixture
def printed(request, connected, known, tmp_path):
    """What the commands of the tutorial printed, as its reader types them; done once."""
    if not known:
        surroundings = request.getfixturevalue("surroundings")
        with hurried():
            known["printed"] = "\n".join(test_tutorial.follow(PAGE, surroundings, tmp_path))
    return known["printed"]


def test_tutorial__as_written__from_the_trip_to_the_evidence(printed, stub):
    [trip] = [each for each in analysis.trips() if each.experiment.key == "new-ranking"]
    row = queries.incident_of_trip(trip.id)

    assert "Search time harmed in treatment of new-ranking" in printed
    [hit] = re.findall(r"^Hit most: .*$", printed, re.MULTILINE)
    assert re.search(r"device phone: \+1[3-8]\d", hit), hit  # 160 planted, 4 its error
    assert re.search(r"^Money: No amount for [\d.]+ ms on search", printed, re.MULTILINE)
    assert re.search(r"^5 sessions, the worst [0-9a-f]{16}$", printed, re.MULTILINE)
    assert "factors, line 2: should have." in printed
    assert re.search(r"would have tripped on [12] of the last 90 days, [12] true", printed)
    assert "would have tripped on this incident: True" in printed
    assert "state: closed" in printed
    assert flag_queries.holds_of("new-ranking", PLACE).exists()
    assert events.label(row.label).ended_at is not None
    assert [each.action for each in ledger.audit_of(f"incident:{row.id}")].count("incident.opened") == 1


def test_receivers__after_the_trip__each_kind_once_in_its_own_form_and_only_of_its_surface(printed, stub):
    wanted = {"guardrail.tripped", "incident.opened"}
    assert soon(lambda: set(stub.heard("mine")) >= wanted), stub.got
    assert soon(lambda: {"guardrail", "incident"} <= stub.alerts()), stub.got
    assert soon(lambda: wanted <= {each["payload"]["class"] for each in stub.pages()}), stub.got
    assert soon(lambda: any(text.startswith("Incident opened") for text in stub.chatted())), stub.got

    assert [stub.heard("mine").count(event) for event in sorted(wanted)] == [1, 1]
    assert "others" not in stub.got


def test_owner__with_an_address__got_one_mail_and_the_timeline_says_so(connected, printed):
    [row] = queries.incidents(experiment="new-ranking")

    def said():
        return [each.reason for each in ledger.audit_of(f"incident:{row.id}").filter(action="person.mailed")]

    assert soon(said) == ["mail to rosa was taken by the mail server"]
    mails = connected.mailbox.to("rosa@example.com")
    assert [each["Subject"].startswith(f"[Headway] Incident {row.id}:") for each in mails].count(True) == 1
