"""Postmortems stop at names and blame, are reviewed by somebody else and freeze; actions are reminded of."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, transaction
from django.utils import timezone

from governance import incident_queries as queries
from governance import services
from governance.models import BacktestState, Postmortem, RetroGuardrail
from governance.services.actions import today
from governance.services.postmortems import remarks
from ledger.models import AuditEvent, Job
from ledger.refusals import Conflict, Refused

pytestmark = pytest.mark.django_db
WHOLE = {
    "summary": "The checkout hung for an hour.",
    "impact": "4 % of visitors waited 3 s longer.",
    "causes": "The cache was cold after the deploy.",
    "factors": "No warm-up step.\nThe check looked at the mean.",
    "detection": "The guardrail on p95.",
}


def by(actor="ada"):
    return {"actor": actor, "now": timezone.now()}


@pytest.fixture
def row():
    for name in ("ada", "rosa"):
        get_user_model().objects.create_user(name)
    return services.open_incident(title="Checkout hangs", **by()).postmortem


def with_action(row):
    due = timezone.now().date() + timedelta(days=3)
    return services.open_action(id=row.incident_id, title="Warm the cache", owner="rosa", due_on=due, **by())


def replayed(row):
    """What would have stopped it, as it stands after the worker replayed it."""
    RetroGuardrail.objects.create(
        incident_id=row.incident_id,
        metric="latency",
        metric_version=1,
        margin=30.0,
        is_relative=False,
        window_days=1,
        requested_by="ada",
        requested_at=timezone.now(),
        state=BacktestState.DONE,
        result={"tripped": [row.incident.began_at.date().isoformat()]},
    )


def fields(refused):
    return [each.field for each in refused.value.problems]


def test_review__draft_as_it_is_made__everything_missing(row):
    with pytest.raises(Conflict) as refused:
        services.review_postmortem(id=row.incident_id, **by("rosa"))

    assert {"causes", "factors", "actions"} <= set(fields(refused))


def test_review__by_its_last_editor__refused(row):
    with_action(row)
    services.edit_postmortem(id=row.incident_id, **WHOLE, **by())

    with pytest.raises(Conflict) as refused:
        services.review_postmortem(id=row.incident_id, **by())
    assert fields(refused) == ["reviewer"]
    with pytest.raises(DatabaseError), transaction.atomic():
        Postmortem.objects.filter(id=row.id).update(reviewed_by="ada")


def test_review__name_among_the_causes__refused_with_a_suggestion(row):
    with_action(row)
    services.edit_postmortem(id=row.incident_id, **{**WHOLE, "causes": "Rosa forgot the cache."}, **by())

    with pytest.raises(Conflict) as refused:
        services.review_postmortem(id=row.incident_id, **by("rosa"))

    assert fields(refused) == ["causes"]
    assert [each.words for each in remarks(queries.postmortem(row.incident_id))] == ["Rosa", "forgot"]


def test_life__edited_reviewed_published__frozen(row):
    with_action(row)
    services.edit_postmortem(id=row.incident_id, **WHOLE, **by())
    services.review_postmortem(id=row.incident_id, **by("rosa"))
    with pytest.raises(Conflict, match="no retro-guardrail"):
        services.publish_postmortem(id=row.incident_id, **by())
    replayed(row)
    services.publish_postmortem(id=row.incident_id, **by())

    with pytest.raises(Conflict):
        services.edit_postmortem(id=row.incident_id, summary="other", **by())
    with pytest.raises(DatabaseError), transaction.atomic():
        Postmortem.objects.filter(id=row.id).update(causes="other")


def test_edit__after_the_review__a_draft_again(row):
    with_action(row)
    services.edit_postmortem(id=row.incident_id, **WHOLE, **by())
    services.review_postmortem(id=row.incident_id, **by("rosa"))

    changed = services.edit_postmortem(id=row.incident_id, lessons="Warm caches.", **by())

    assert (changed.state, changed.reviewed_by) == ("draft", "")


def test_publish__draft__refused(row):
    with pytest.raises(Conflict):
        services.publish_postmortem(id=row.incident_id, **by())


def test_overdue__reminded_once_a_day(row):
    made = with_action(row)
    day = datetime.combine(made.due_on, datetime.min.time(), UTC)

    said = [
        services.remind_overdue(now=day + timedelta(days=days, hours=hours))
        for days, hours in ((0, 12), (1, 9), (1, 10), (2, 9))
    ]

    assert said == [0, 1, 0, 1]
    assert AuditEvent.objects.filter(action="action_item.overdue").count() == 2


def test_action__done__not_overdue_and_not_settled_twice(row):
    made = with_action(row)
    services.finish_action(id=made.id, note="deployed", **by("rosa"))

    assert services.remind_overdue(now=timezone.now() + timedelta(days=30)) == 0
    with pytest.raises(Conflict):
        services.drop_action(id=made.id, note="late", **by())


def test_action__unknown_owner_and_a_day_that_is_over__both_said(row):
    with pytest.raises(Refused) as refused:
        services.open_action(
            id=row.incident_id,
            title="x",
            owner="nobody",
            due_on=timezone.now().date() - timedelta(days=1),
            **by(),
        )

    assert set(fields(refused)) == {"owner", "due_on"}


def test_action__due_within_two_days__owner_gets_one_mail_for_that_day(row):
    day = today(timezone.now())
    asked = {"id": row.incident_id, "owner": "ada", "actor": "ada", "now": timezone.now()}
    for title, due in (("soon", 2), ("later", 3)):
        services.open_action(title=title, due_on=day + timedelta(days=due), **asked)

    for _ in range(2):
        services.remind_soon(now=timezone.now())

    [mail] = Job.objects.filter(kind="person.mail", payload__subject__startswith="Due ")
    assert (mail.payload["user"], mail.payload["subject"].endswith("soon")) == ("ada", True)


def test_action__handed_over__new_owner_is_told_and_it_is_on_record(row):
    made = services.open_action(
        id=row.incident_id,
        title="Page on it",
        owner="ada",
        due_on=today(timezone.now()),
        actor="ada",
        now=timezone.now(),
    )
    given = {"id": made.id, "actor": "ada", "now": timezone.now()}
    for owner, reason, said in (("nobody", "x", "can log in"), ("ada", "x", "already"), ("rosa", " ", "why")):
        with pytest.raises(Refused, match=said):
            services.hand_over_action(owner=owner, reason=reason, **given)

    services.hand_over_action(owner="rosa", reason="changed teams", **given)

    told = AuditEvent.objects.get(action="action_item.handed_over")
    assert (told.before, told.after["owner"], told.reason) == ({"owner": "ada"}, "rosa", "changed teams")
    assert (
        Job.objects.filter(kind="person.mail", payload__subject__startswith="Yours now").get().payload["user"]
        == "rosa"
    )
    services.finish_action(note="done", **given)
    with pytest.raises(Conflict):
        services.hand_over_action(owner="ada", reason="back", **given)
