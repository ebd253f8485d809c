"""From a trip to an incident: opened once with what is known, lived through, closed with a guardrail."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.utils import timezone

from analysis.models import GuardrailTrip
from analysis.services import tripping
from events import queries as events
from governance import incident_queries as queries
from governance import services
from governance.models import Incident, IncidentState
from governance.services import gathering, harm, mailing, opening
from governance.timeline import timeline
from ledger import jobs
from ledger.models import AuditEvent, Job, JobState
from ledger.refusals import Conflict, Refused
from organisation import services as organisation_services
from tests.apps.analysis import world
from tests.apps.analysis.test_trips import CONFIRMED, HARM, LAST_LOOK_HOURS, started
from tests.apps.impact import build

pytestmark = pytest.mark.django_db
USER = get_user_model()


def by(actor="rosa"):
    return {"actor": actor, "now": timezone.now()}


def work(*kinds):
    """Do the queued jobs of these kinds."""
    for job in list(Job.objects.filter(kind__in=kinds, state=JobState.QUEUED).order_by("id")):
        jobs.run(job.id)


@pytest.fixture
def tripped():
    """The first run of the feed has been, then a guardrail trips."""
    services.follow_trips(now=timezone.now())
    started()
    world.write(*world.traffic(800, slowdown=HARM))
    world.look(hours=LAST_LOOK_HOURS)
    return GuardrailTrip.objects.get()


def opened(trip):
    services.follow_trips(now=timezone.now())
    work(opening.KIND)
    return queries.incident_of_trip(trip.id)


def test_trip__followed__one_incident_with_slice_money_postmortem_and_evidence(tripped):
    row = opened(tripped)

    assert (row.metric, row.arm, row.direction, row.state) == ("latency-p95", "treatment", "up", "open")
    assert row.slice["sentence"]
    assert row.money == {
        "state": "unknown",
        "sentence": "No amount: fast-checkout names no surface, so there is no price tag for it.",
    }
    assert row.postmortem.state == "draft"
    label = events.label(row.label)
    assert (label.kind, label.expected, label.origin) == (
        "incident",
        {"latency-p95": "up"},
        f"incident:{row.id}",
    )


def test_trip__followed_again_and_jobs_run_twice__still_one(tripped):
    opened(tripped)
    services.follow_trips(now=timezone.now())
    Job.objects.filter(kind=opening.KIND).update(state=JobState.QUEUED, attempt=0)
    work(opening.KIND)

    assert Incident.objects.count() == 1
    assert AuditEvent.objects.filter(action="incident.opened").count() == 1
    assert events.labels(kind="incident").count() == 1


def test_trip__job_dies_before_its_end__nothing_is_half_done(tripped, monkeypatch):
    def dies(*given, **named):
        raise RuntimeError("killed")

    services.follow_trips(now=timezone.now())
    with monkeypatch.context() as patch:
        patch.setattr(opening, "follow_up", dies)
        work(opening.KIND)
    assert not Incident.objects.exists()

    Job.objects.filter(kind=opening.KIND).update(run_after=timezone.now())
    work(opening.KIND)
    assert Incident.objects.count() == 1


def test_trip__before_the_first_run_of_the_feed__opened_when_unsettled():
    started()
    world.write(*world.traffic(800, slowdown=HARM))
    world.look(hours=LAST_LOOK_HOURS)

    services.follow_trips(now=timezone.now())
    work(opening.KIND)

    assert Incident.objects.count() == 1


def test_trip__alarm_only__no_incident():
    services.follow_trips(now=timezone.now())
    started(blocking=False)
    world.write(*world.traffic(800, slowdown=CONFIRMED))
    world.look(hours=LAST_LOOK_HOURS)

    services.follow_trips(now=timezone.now())
    work(opening.KIND)

    assert GuardrailTrip.objects.get().action == "alarm"
    assert not Incident.objects.exists()


def test_incident__store_read__sessions_of_the_arm_and_the_detection_gap(tripped):
    row = opened(tripped)
    work(opening.GATHER)

    row = queries.incident(row.id)
    values = [each["value"] for each in row.exemplars["sessions"]]
    assert 1 <= len(values) <= gathering.TOP
    assert all(first >= second for first, second in pairwise(values))
    assert row.gap["metrics"][0]["metric"] == "latency-p95"
    assert row.gathered_at is not None


def test_incident__owners_with_an_address__get_one_mail_each(tripped, settings):
    settings.EMAIL_HOST = "mail.example.com"
    USER.objects.create_user("rosa", email="rosa@example.com")
    type(tripped.experiment).objects.update(owner="rosa", backup_owner="diaz")
    row = opened(tripped)

    work(mailing.KIND)
    work(mailing.KIND)

    assert [message.to for message in mail.outbox] == [["rosa@example.com"]]
    said = set(AuditEvent.objects.filter(subject=f"incident:{row.id}").values_list("action", flat=True))
    assert {"person.mailed", "person.not_mailed"} <= said


def test_incident__timeline__facts_in_the_order_of_time(tripped):
    row = opened(tripped)
    for job in Job.objects.filter(kind=tripping.KIND):
        jobs.run(job.id)
    services.add_note(id=row.id, text="Support had 14 calls", **by())

    found = timeline(row, now=timezone.now())
    assert {"Guardrail tripped", "The monitor acted", "Incident opened", "Note"} <= {e.what for e in found}
    assert all(first.at <= second.at for first, second in pairwise(found))


def test_money__price_tag_of_the_surface__for_everybody_and_for_those_who_have_it_now(tripped):
    build.published()
    type(tripped.experiment).objects.update(surface="checkout")
    tripped.refresh_from_db()

    found = harm.money_at_risk(tripped, today=build.NOW.date())

    a_week = 60_000_00 * tripped.estimate / 100 * 7 / 365.25
    assert found["week_minor"] == pytest.approx(a_week)
    assert found["low_minor"] < a_week < found["high_minor"]
    assert found["share"] == pytest.approx(0.25)
    assert "grade A" in found["sentence"]


def by_hand(**facts):
    return services.open_incident(title="Checkout hangs", **facts, **by())


STEPS = {
    IncidentState.ACKNOWLEDGED: services.acknowledge_incident,
    IncidentState.MITIGATED: lambda **given: services.mitigate_incident(reason="rolled back", **given),
    IncidentState.CLOSED: services.close_incident,
}
ALLOWED = {
    ("open", "acknowledged"),
    ("open", "mitigated"),
    ("acknowledged", "mitigated"),
    ("mitigated", "closed"),
}


@pytest.mark.parametrize("target", list(STEPS))
@pytest.mark.parametrize("state", list(IncidentState))
def test_states__every_pair__only_the_table(state, target, monkeypatch):
    monkeypatch.setattr(queries, "missing_to_close", lambda row: [])
    row = by_hand()
    Incident.objects.filter(id=row.id).update(
        state=state, closed_at=timezone.now() if state == "closed" else None
    )

    if (state.value, target.value) in ALLOWED or state == target:
        assert STEPS[target](id=row.id, **by()).state == target
    else:
        with pytest.raises(Conflict):
            STEPS[target](id=row.id, **by())


def test_mitigated__evidence_ends_and_acknowledged_is_filled(tripped):
    row = opened(tripped)
    services.mitigate_incident(id=row.id, reason="the flag is held", **by("diaz"))

    row = queries.incident(row.id)
    assert (row.acknowledged_by, row.mitigated_by) == ("diaz", "diaz")
    assert events.label(row.label).ended_at is not None


def test_close__without_a_replayed_guardrail__says_what_is_missing():
    row = by_hand()
    services.mitigate_incident(id=row.id, reason="rolled back", **by())

    with pytest.raises(Conflict) as refused:
        services.close_incident(id=row.id, **by())

    assert "retro-guardrail" in str(refused.value)
    assert "detection gap" in str(refused.value)


def test_open__unknown_metric_and_no_direction__everything_said_at_once():
    with pytest.raises(Refused) as refused:
        by_hand(metric="nope", began_at=timezone.now() + timedelta(hours=1))

    assert {each.field for each in refused.value.problems} == {"metric", "direction", "began_at"}


def test_open__before_what_the_database_can_hold__refused_and_the_list_still_opens(client):
    client.force_login(USER.objects.create_user("ada"))
    body = {"title": "Slow", "began_at": "0001-01-01T00:00:00+14:00"}

    answer = client.post("/api/v1/incidents", body, content_type="application/json")

    assert answer.json()["problems"][0]["field"] == "began_at"
    assert client.get("/reviews/incidents/").status_code == 200


def test_note__of_a_time_that_cannot_be_shown__refused(client):
    client.force_login(USER.objects.create_user("ada"))
    row = by_hand()

    answer = client.post(
        f"/api/v1/incidents/{row.id}/notes",
        {"at": "0001-01-01T00:00:00+14:00", "text": "It began."},
        content_type="application/json",
    )

    assert answer.json()["problems"][0]["field"] == "at"


def test_viewer__may_not_open():
    USER.objects.create_superuser("admin")
    USER.objects.create_user("vera")
    organisation_services.grant(user="vera", role="viewer", **by("admin"))

    with pytest.raises(PermissionDenied):
        services.open_incident(title="Slow", **by("vera"))


def test_note__changed_in_the_database__refused():
    row = by_hand()
    note = services.add_note(id=row.id, text="first", **by())

    with pytest.raises(DatabaseError), transaction.atomic():
        type(note).objects.filter(id=note.id).update(text="second")
