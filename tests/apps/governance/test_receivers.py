"""Receivers: news become one delivery each, are sent until they arrive, and can be sent again."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from experiments import queries as experiments
from governance import queries, services
from governance.models import Delivery, DeliveryAttempt, Receiver
from governance.outbound import signing
from governance.services import delivering
from ledger import audit, jobs
from ledger.models import Job, JobState
from ledger.refusals import Conflict, Refused
from organisation import services as organisation
from tests.apps.analysis import world
from tests.apps.analysis.test_trips import started

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
BY = {"actor": "ada", "now": NOW}


class Inbox:
    """A real HTTP server on loopback that keeps what it gets and answers as it is told."""

    def __init__(self):
        self.got, self.answers = [], []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.got.append((self.path, dict(self.headers), body))
                status, headers = inbox.answers.pop(0) if inbox.answers else (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def inbox(settings):
    settings.HEADWAY_OUTBOUND_ALLOW = (ip_network("127.0.0.1/32"),)
    found = Inbox()
    yield found
    found.server.shutdown()
    found.server.server_close()


def receiver(address, **facts):
    return services.create_receiver(
        **{"name": "ours", "kind": "webhook", "address": address, "events": ["guardrail.*"], **BY, **facts}
    )


def happened(action="trip.opened", subject="experiment:home", **after):
    with transaction.atomic():
        audit.record(now=NOW, actor="monitor", action=action, subject=subject, after=after, reason="it rose")


def listening(address, **facts):
    """A receiver, with the trail read up to now."""
    made = receiver(address, **facts)
    services.spread_news(now=NOW)
    return made


def work(*, forced=False):
    """Do the jobs that are due; `forced` also those that wait for their next try."""
    found = Job.objects.filter(kind="outbound.deliver", state=JobState.QUEUED)
    if forced:
        found.update(run_after=timezone.now() - timedelta(seconds=1))
    for job in list(found):
        jobs.run(job.id)


def test_news__of_before_the_first_run__told_to_nobody(inbox):
    happened()
    listening(inbox.url)

    services.spread_news(now=NOW)

    assert not Delivery.objects.exists()


def test_news__wanted__one_delivery_however_often_the_trail_is_read(inbox):
    listening(inbox.url)
    happened(trip=3, metric="p95", estimate=0.2)
    happened("flag.version.published", "flag:home")

    made = [services.spread_news(now=NOW) for _ in range(3)]

    assert made == [1, 0, 0]
    assert Delivery.objects.get().notice["ids"] == {"trip": 3, "metric": "p95"}


def test_news__receiver_paused__not_put_down(inbox):
    made = listening(inbox.url)
    services.pause_receiver(id=made.id, **BY)
    happened()

    assert services.spread_news(now=NOW) == 0


def test_delivery__sent__signed_and_logged(inbox):
    made = listening(inbox.url)
    happened(trip=3)
    services.spread_news(now=NOW)

    work()

    path, headers, body = inbox.got[0]
    sent = Delivery.objects.get()
    assert (path, json.loads(body)["event"], sent.state) == ("/hook", "guardrail.tripped", "delivered")
    assert headers["Headway-Delivery"] == str(sent.id) == json.loads(body)["id"]
    assert signing.is_genuine(
        headers[signing.HEADER], services.signing_secret(made), body, now=timezone.now()
    )
    assert list(sent.log.values_list("status", "detail")) == [(200, "ok")]


def test_delivery__other_side_is_down__tried_again_until_it_arrives(inbox):
    listening(inbox.url)
    inbox.answers = [(503, {}), (429, {}), (200, {})]
    happened()
    services.spread_news(now=NOW)

    work()
    work()
    assert len(inbox.got) == 1
    work(forced=True)
    work(forced=True)

    assert Delivery.objects.get().state == "delivered"
    assert list(DeliveryAttempt.objects.values_list("status", flat=True)) == [503, 429, 200]
    assert len({json.loads(body)["id"] for _, _, body in inbox.got}) == 1


@pytest.mark.parametrize("status", [301, 400, 404, 410])
def test_delivery__other_side_refuses__given_up_at_once_and_no_redirect_followed(inbox, status):
    listening(inbox.url)
    inbox.answers = [(status, {"Location": inbox.url + "/elsewhere"})]
    happened()
    services.spread_news(now=NOW)

    work()

    assert Delivery.objects.get().state == "failed"
    assert len(inbox.got) == 1


def test_delivery__nobody_answers_for_a_day__given_up_and_replay_sends_it_again(inbox):
    listening(inbox.url)
    inbox.answers = [(500, {})] * (len(delivering.PAUSES) + 1)
    happened()
    services.spread_news(now=NOW)
    for _ in range(len(delivering.PAUSES) + 1):
        work(forced=True)
    given_up = Delivery.objects.get()
    assert (given_up.state, given_up.attempts) == ("failed", len(delivering.PAUSES) + 1)

    services.replay(id=given_up.id, **BY)
    work()

    assert Delivery.objects.get().state == "delivered"


def test_replay__while_it_is_on_its_way__conflict(inbox):
    listening(inbox.url)
    happened()
    services.spread_news(now=NOW)

    with pytest.raises(Conflict):
        services.replay(id=Delivery.objects.get().id, **BY)


def test_delivery__address_has_become_private__not_sent(inbox, settings):
    listening(inbox.url)
    happened()
    services.spread_news(now=NOW)
    settings.HEADWAY_OUTBOUND_ALLOW = ()

    work()

    assert inbox.got == []
    detail = DeliveryAttempt.objects.get().detail
    assert "not a public address" in detail
    assert "/hook" not in detail


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"address": "http://127.0.0.1/"}, "address"),
        ({"address": "http://169.254.169.254/latest/"}, "address"),
        ({"kind": "pigeon"}, "kind"),
        ({"kind": "pagerduty"}, "secret"),
        ({"kind": "mail", "address": "a@example.com"}, "kind"),
        ({"events": []}, "events"),
        ({"events": ["NOT A PATTERN"]}, "events"),
        ({"name": " "}, "name"),
    ],
)
def test_receiver__wrong_fact__refused_with_its_field(facts, field):
    with pytest.raises(Refused) as refused:
        receiver(**{"address": "http://93.184.216.34/", **facts})

    assert refused.value.problems[0].field == field
    assert not Receiver.objects.exists()


def test_mail__site_has_a_server__sent_to_every_address(settings):
    settings.EMAIL_HOST = "mail.example.com"
    listening("a@example.com, b@example.com", kind="mail")
    happened()
    services.spread_news(now=NOW)

    work()

    assert mail.outbox[0].to == ["a@example.com", "b@example.com"]
    assert Delivery.objects.get().state == "delivered"


def test_mail__malformed_address__refused(settings):
    settings.EMAIL_HOST = "mail.example.com"

    with pytest.raises(Refused) as refused:
        receiver("a@example.com, nonsense", kind="mail")

    assert refused.value.problems[0].value == "'nonsense'"


def test_secret__renewed__other_one_and_never_in_the_audit(inbox):
    made = listening(inbox.url)
    before = services.signing_secret(made)

    after = services.renew_secret(id=made.id, **BY)

    assert after != before
    assert not any(before in str(row.after) or after in str(row.after) for row in ledger_rows())


def test_slack_address__secret_in_its_path__masked_on_pages_and_in_the_audit(client, inbox):
    made = receiver(inbox.url + "/T000/B000/verysecretpart", kind="slack")
    client.force_login(get_user_model().objects.create_user("ada"))

    page = client.get(reverse("receiver", args=[made.id])).content.decode()

    assert "verysecret" not in page
    assert not any("verysecret" in str(row.after) for row in ledger_rows())


def test_signing_secret__of_a_webhook__shown_to_admins_only(client, inbox):
    people, made = get_user_model().objects, receiver(inbox.url)
    for name, role in (("ada", "admin"), ("vera", "viewer")):
        people.create_user(name)
        organisation.grant(user=name, role=role, **BY)

    def shown(name):
        client.force_login(people.get(username=name))
        return services.signing_secret(made) in client.get(reverse("receiver", args=[made.id])).text

    assert (shown("ada"), shown("vera")) == (True, False)


def ledger_rows():
    from ledger import queries as ledger

    return ledger.audit_events()


def test_pages__make_test_pause_resume_remove__all_work(client, inbox):
    client.force_login(get_user_model().objects.create_user("ada"))
    assert "Nobody is told" in client.get(reverse("receivers")).content.decode()
    bad = client.post(
        reverse("receivers"), {"name": "kept name", "kind": "webhook", "address": "x", "events": "*"}
    )
    assert bad.status_code == 422
    assert "kept name" in bad.content.decode()
    client.post(
        reverse("receivers"), {"name": "ours", "kind": "webhook", "address": inbox.url, "events": "*"}
    )
    made = Receiver.objects.get()

    client.post(reverse("receiver-test", args=[made.id]))
    work()
    sent = Delivery.objects.get()
    assert "200" in client.get(reverse("delivery", args=[sent.id])).content.decode()
    client.post(reverse("delivery-replay", args=[sent.id]))
    client.post(reverse("receiver-pause", args=[made.id]))
    assert "paused" in client.get(reverse("receivers")).content.decode()
    client.post(reverse("receiver-resume", args=[made.id]))
    client.post(reverse("receiver", args=[made.id]), {"events": "incident.*", "address": "", "secret": ""})
    assert queries.receiver(made.id).events == ["incident.*"]
    client.post(reverse("receiver-remove", args=[made.id]))
    assert not queries.receivers().exists()


def test_api__make_read_test_replay_remove__all_work(client, inbox):
    client.force_login(get_user_model().objects.create_user("ada"))
    body = {"name": "ours", "kind": "webhook", "address": inbox.url, "events": ["*"]}
    made = client.post("/api/v1/receivers", body, content_type="application/json")
    assert made.status_code == 201
    assert made.json()["signing_secret"].startswith("whsec_")
    one = f"/api/v1/receivers/{made.json()['id']}"
    assert "signing_secret" not in client.get(one).json()

    sent = client.post(f"{one}/test").json()
    work()
    detail = client.get(f"/api/v1/deliveries/{sent['id']}").json()
    assert detail["log"][0]["status"] == 200
    assert client.post(f"/api/v1/deliveries/{sent['id']}/replay").status_code == 202
    assert client.get("/api/v1/deliveries?state=waiting").json()["results"][0]["id"] == sent["id"]
    assert client.delete(one).status_code == 204


def test_news__receiver_of_a_surface__hears_only_what_concerns_it(inbox):
    organisation.create_team(key="shop", name="Shop", owner="ada", **BY)
    for key in ("home", "search"):
        organisation.create_surface(key=key, name=key, team="shop", owner="ada", **BY)
    listening(inbox.url, name="all", events=["incident.*", "guardrail.*", "flag.*"])
    listening(inbox.url, name="of home", events=["incident.*", "guardrail.*", "flag.*"], surface="home")
    started()
    services.spread_news(now=NOW)
    experiments.experiments(flag=world.KEY).update(surface="home")
    before = Delivery.objects.filter(receiver__name="of home").count()

    happened("incident.opened", "incident:7", incident=7, surface="home")
    happened("incident.opened", "incident:8", incident=8, surface="search")
    happened("incident.opened", "incident:9", incident=9)
    happened("trip.opened", f"experiment:{world.KEY}", trip=1)
    happened("flag.archived", f"flag:{world.KEY}")
    services.spread_news(now=NOW)

    told = Delivery.objects.filter(receiver__name="of home")
    assert before == 0
    assert sorted(told.values_list("subject", flat=True)) == [
        f"experiment:{world.KEY}",
        f"flag:{world.KEY}",
        "incident:7",
    ]
    assert Delivery.objects.filter(receiver__name="all", subject="incident:8").exists()
