"""Pages and API of incidents and what follows them: they keep what was typed and say what is missing."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from governance import digest_queries, document_findings, documents, services
from governance.models import Delivery, Digest, Incident
from ledger import jobs
from ledger.models import Job
from ledger.refusals import Refused
from tests.apps.analysis import world
from tests.core.governance.test_performance_section import GOOD

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 3, 9, 8, 30, tzinfo=UTC)


def by(actor="ada", now=None):
    return {"actor": actor, "now": now or timezone.now()}


@pytest.fixture
def ada(client):
    client.force_login(get_user_model().objects.create_user("ada"))
    return client


@pytest.fixture
def row():
    return services.open_incident(title="Checkout <hangs>", summary="It hung.", **by())


@pytest.mark.parametrize(
    "name",
    [
        "incidents",
        "incident-open",
        "postmortems",
        "actions",
        "design-documents",
        "design-document-new",
        "digests",
    ],
)
def test_page__nothing_there__says_so(ada, name):
    answer = ada.get(reverse(name))

    assert answer.status_code == 200
    assert b'aria-label="Reviews"' in answer.content


def test_incident__opened_in_the_console__its_page_escapes_what_was_typed(ada):
    answer = ada.post(reverse("incident-open"), {"title": "Checkout <hangs>"}, follow=True)

    page = answer.content.decode()
    assert "Checkout &lt;hangs&gt;" in page
    assert "A worker is reading the event store" in page
    assert "retro-guardrail" in page


def test_incident__refused__keeps_what_was_typed(ada):
    world.metrics.load_definitions(
        texts={"a": world.METRICS["latency-p95"]}, actor="rosa", now=timezone.now()
    )
    answer = ada.post(reverse("incident-open"), {"title": "Slow", "metric": "latency-p95", "summary": "kept"})

    assert answer.status_code == 422
    assert b"kept" in answer.content
    assert b"which way the metric" in answer.content


def test_incident__every_step_in_the_console__and_close_says_what_is_missing(ada, row):
    for step, facts in (("acknowledge", {}), ("mitigate", {"reason": "rolled back"}), ("close", {})):
        ada.post(reverse(f"incident-{step}", args=[row.id]), facts)

    assert Incident.objects.get().state == "mitigated"
    assert b"no retro-guardrail" in ada.get(reverse("incident", args=[row.id])).content


def test_action__form_on_the_incident__opened_and_settled_on_its_page(ada, row):
    due = (timezone.now() + timedelta(days=3)).date().isoformat()
    page = reverse("incident", args=[row.id])
    refused = ada.post(
        page, {"form": "action", "title": "kept title", "owner": "ada", "due_on": "2020-01-01"}
    )
    assert (refused.status_code, b"kept title" in refused.content) == (422, True)

    ada.post(page, {"form": "action", "title": "Warm caches", "owner": "ada", "due_on": due})
    [made] = row.actions.all()
    ada.post(reverse("action-finish", args=[made.id]), {"note": "deployed"})

    made.refresh_from_db()
    assert (made.state, made.settled_by) == ("done", "ada")


def test_postmortem__saved_with_blame__words_pointed_out(ada, row):
    address = reverse("postmortem", args=[row.id])
    ada.post(address, {"summary": "s", "causes": "Ada was careless."})

    page = ada.get(address).content.decode()
    assert "<q>Ada</q>" in page
    assert "stops the review" in page


def test_document__registered__checked_and_versioned(ada):
    world.started()
    services.register_document(title="Link", experiment=world.KEY, link="https://example.com/d", **by())
    assert documents.findings(world.KEY).state == "link only"

    ada.post(reverse("design-document-new"), {"title": "T", "experiment": world.KEY, "text": GOOD})

    found = documents.findings(world.KEY)
    assert (found.state, found.document.number, found.missing) == ("pass", 2, ())
    page = ada.get(reverse("design-document", args=[found.document.id])).content.decode()
    assert "section on performance is complete" in page


def test_document__incomplete__the_launch_review_says_what_it_lacks():
    world.started()
    services.register_document(
        title="T", experiment=world.KEY, text=GOOD.replace("Roll-out", "Later"), **by()
    )

    [found] = document_findings.of_launch(world.KEY, "", "production")

    assert (found.severity, found.evidence["missing"]) == ("warning", ["rollout"])
    assert "Roll-out: 1 %" in found.fix


def test_document__of_nothing__refused_and_kept(ada):
    answer = ada.post(reverse("design-document-new"), {"title": "T", "text": "kept text", "link": "ftp://x"})

    assert answer.status_code == 422
    assert b"kept text" in answer.content
    assert documents.findings("nothing").state == "missing"


def test_document__about_two_things__everything_said():
    with pytest.raises(Refused) as refused:
        services.register_document(title="", experiment="a", flag="b", **by())

    assert {each.field for each in refused.value.problems} == {"title", "experiment", "text"}


def test_digest__quiet_week__says_so_once_and_freezes(ada):
    made = services.make_due_digest(now=MONDAY)

    assert services.make_due_digest(now=MONDAY + timedelta(hours=1)) is None
    assert (made.week, digest_queries.as_text(made)) == ("2026-W10", digest_queries.QUIET)
    assert b"A quiet week" in ada.get(reverse("digests")).content
    with pytest.raises(DatabaseError), transaction.atomic():
        Digest.objects.update(document="{}")


def test_digest__before_eight_on_monday__of_the_week_before():
    assert services.make_due_digest(now=MONDAY - timedelta(hours=1)).week == "2026-W09"


def test_digest__a_week_with_an_incident__told_to_those_who_want_it(settings):
    settings.EMAIL_HOST = "mail.example.com"
    services.create_receiver(
        name="everybody", kind="mail", address="all@example.com", events=["digest.made"], **by(now=MONDAY)
    )
    monday = MONDAY - timedelta(days=4)
    opened = services.open_incident(title="Checkout hangs", **by(now=monday))
    made = services.make_due_digest(now=MONDAY)
    for job in Job.objects.filter(kind="outbound.deliver"):
        jobs.run(job.id)

    [message] = mail.outbox
    assert f"Incident {opened.id}: Checkout hangs" in message.body
    assert json.loads(made.document)["is_quiet"] is False
    assert Delivery.objects.get().fact == "digest:2026-W10"


@pytest.mark.parametrize("path", ["incidents", "postmortems", "action-items", "design-documents", "digests"])
def test_api__lists__answer(ada, row, path):
    assert ada.get(f"/api/v1/{path}").status_code == 200


def test_api__life_of_an_incident__as_on_the_pages(ada):
    body = {"title": "Slow", "began_at": "2026-03-01T10:00:00Z"}
    made = ada.post("/api/v1/incidents", body, content_type="application/json")
    number = made.json()["id"]

    mitigated = ada.post(
        f"/api/v1/incidents/{number}/mitigate", {"reason": "held"}, content_type="application/json"
    )
    closed = ada.post(f"/api/v1/incidents/{number}/close", {}, content_type="application/json")

    assert (made.status_code, mitigated.json()["state"]) == (201, "mitigated")
    assert (closed.status_code, closed.headers["Content-Type"]) == (409, "application/problem+json")
    assert ada.get(f"/api/v1/incidents/{number}/timeline").json()[0]["what"] == "Incident opened"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("incidents", {"title": "Slow", "began_at": "yesterday"}),
        ("incidents", {"title": 7}),
        ("action-items", {"incident": 1, "title": "x", "owner": "ada", "due_on": "soon"}),
        ("design-documents", {"title": "x", "experiment": "a", "nonsense": 1}),
    ],
)
def test_api__bad_values__problem_with_the_field(ada, row, path, body):
    if "incident" in body:
        body = {**body, "incident": row.id}
    answer = ada.post(f"/api/v1/{path}", body, content_type="application/json")

    assert answer.status_code in {400, 422}
    assert answer.json()["problems"][0]["field"]
