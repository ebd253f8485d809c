"""Who may open, answer, sign and withdraw a review: by role, and in the environment of the launch."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from governance import review_queries as queries
from governance import reviewing
from governance.models import SignOff
from governance.services import asking, conditions, reviews
from ledger.models import AuditEvent, Job
from ledger.refusals import Conflict, Refused
from organisation.models import RoleGrant
from tests.apps.flags import build

pytestmark = pytest.mark.django_db
NOW = timezone.now()
PERFORMANCE = {**{question.key: False for question in reviewing.QUESTIONS}, "slower": True}
ROLES = (
    ("eva", "experimenter", "", ""),
    ("ann", "admin", "", "production"),
    ("sam", "experimenter", "", "staging"),
    ("viv", "viewer", "", ""),
    ("pia", "reviewer", "performance", ""),
    ("paul", "reviewer", "performance", "production"),
    ("rex", "reviewer", "performance", "staging"),
    ("lea", "reviewer", "legal", ""),
)


@pytest.fixture(autouse=True)
def roles():
    build.flag()
    RoleGrant.objects.bulk_create(
        RoleGrant(
            user=user, role=role, discipline=discipline, environment=place, granted_by="a", granted_at=NOW
        )
        for user, role, discipline, place in ROLES
    )


def opened(actor="eva"):
    made = reviews.open_review(flag="checkout", environment="production", actor=actor, now=NOW)
    reviews.answer_risks(id=made.id, answers=PERFORMANCE, actor=actor, now=NOW)
    return made


def sign(review, by="pia", answer="approved", note="I read it"):
    asked = {"discipline": "performance", "answer": answer, "note": note}
    return reviews.sign(id=review.id, actor=by, now=NOW, **asked)


def codes(review):
    return [each.code for each in queries.standing(queries.review(review.id)).findings]


@pytest.mark.parametrize("actor", ["viv", "sam", "nobody"])
def test_review__somebody_who_only_looks_there__neither_opens_answers_nor_withdraws(actor):
    with pytest.raises(PermissionDenied):
        opened(actor)
    review = opened()

    with pytest.raises(PermissionDenied):
        reviews.answer_risks(id=review.id, answers=PERFORMANCE, actor=actor, now=NOW)
    with pytest.raises(PermissionDenied, match="in production"):
        reviews.withdraw_review(id=review.id, reason="no", actor=actor, now=NOW)


def test_review__over_http_by_a_viewer__refused_at_page_and_api(client, django_user_model):
    review = opened()
    client.force_login(django_user_model.objects.create_user("viv"))
    body = {"content_type": "application/json"}

    answers = [
        client.post("/api/v1/reviews", {"flag": "checkout", "environment": "production"}, **body),
        client.post(f"/api/v1/reviews/{review.id}/answers", {"answers": PERFORMANCE}, **body),
        client.post(f"/api/v1/reviews/{review.id}/withdraw", {"reason": "no"}, **body),
        client.post("/reviews/open/", {"flag": "checkout", "environment": "production"}),
        client.post(f"/reviews/{review.id}/answer/", dict.fromkeys(PERFORMANCE, "no")),
        client.post(f"/reviews/{review.id}/withdraw/", {"reason": "no"}),
    ]

    assert [answer.status_code for answer in answers[:3]] == [403, 403, 403]
    assert queries.review(review.id).state == "in_review"
    assert queries.review(review.id).answers == PERFORMANCE


def test_sign__reviewer_of_another_environment__refused_and_not_waiting_there():
    review = opened()

    with pytest.raises(Refused, match="reviewer of performance in production"):
        sign(review, by="rex")

    assert [len(queries.waiting_for(user)) for user in ("rex", "paul", "pia", "eva")] == [0, 1, 1, 0]
    sign(review, by="paul")
    assert queries.standing(queries.review(review.id)).state == "approved"


def test_withdraw__a_no_stands__only_the_discipline_that_said_it():
    review = opened()
    sign(review, answer="rejected", note="too slow")

    for actor in ("eva", "ann", "lea"):
        with pytest.raises(Refused, match="pia said no for performance"):
            reviews.withdraw_review(id=review.id, reason="start over", actor=actor, now=NOW)
    reviews.withdraw_review(id=review.id, reason="given up", actor="paul", now=NOW)

    assert queries.review(review.id).state == "withdrawn"


def test_conditions__until_met__a_finding_then_on_record_with_the_words():
    review = opened()
    sign(review, answer="approved_with_conditions", note="p95 is watched for a week")
    assert queries.standing(queries.review(review.id)).state == "approved"
    assert "conditions" in codes(review)

    for actor, said in (("eva", "cannot sign"), ("lea", "reviewer of performance")):
        with pytest.raises(Refused, match=said):
            meet(review, actor)
    with pytest.raises(Refused, match="how the conditions were met"):
        meet(review, "paul", note=" ")
    meet(review, "paul")

    assert "conditions" not in codes(review)
    assert queries.review(review.id).sign_offs.get().met_by == "paul"
    row = AuditEvent.objects.get(action="signoff.conditions_met")
    assert (row.actor, row.reason, row.after["conditions"]) == (
        "paul",
        "monitor 7",
        "p95 is watched for a week",
    )
    with pytest.raises(Conflict, match="no condition"):
        meet(review, "pia")


def meet(review, actor, note="monitor 7"):
    conditions.meet_conditions(id=review.id, discipline="performance", note=note, actor=actor, now=NOW)


def test_conditions__met_by_the_requester_or_where_none_are__database_refuses():
    given = sign(opened(), answer="approved_with_conditions", note="watch it")

    for change in ({"met_by": "eva"}, {"met_at": NOW, "met_note": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            SignOff.objects.filter(id=given.id).update(**change)


def test_page__conditions_open__who_may_calls_them_met(client, django_user_model):
    review = opened()
    sign(review, answer="approved_with_conditions", note="watch it")
    address = f"/reviews/{review.id}/"
    client.force_login(django_user_model.objects.create_user("lea"))
    assert "Conditions met" not in client.get(address).content.decode()
    client.force_login(django_user_model.objects.create_user("paul"))
    assert "Conditions met" in client.get(address).content.decode()

    words = {"discipline": "performance", "note": "monitor 7"}
    client.post(f"{address}conditions-met/", words)

    assert "monitor 7" in client.get(address).content.decode()


def test_blockers__page__says_where_each_may_block_who_no_longer_and_what_nobody_can(
    client, django_user_model
):
    people = [django_user_model.objects.create_user(name) for name in ("pia", "paul", "rex", "lea")]
    sign(opened(), answer="rejected", note="too slow")
    RoleGrant.objects.filter(user="pia").update(revoked_at=NOW, revoked_by="root")
    client.force_login(people[0])

    shown = " ".join(client.get("/reviews/blockers/").content.decode().split())

    assert 'rex</a> <span class="muted">in staging only' in shown
    assert 'pia</a> <span class="pill pill-muted">no longer' in shown
    assert "too slow" in shown
    assert "a launch that asks for privacy cannot be approved" in shown
    assert "a launch that asks for legal cannot be approved" not in shown


def test_reviewers__asked_by_mail_at_once_and_again_after_three_days__only_those_who_may_sign(
    django_user_model,
):
    for user, *_ in ROLES:
        django_user_model.objects.create_user(user)
    review = opened()

    for days in (0, 1, 3, 4):
        asking.remind_reviewers(now=NOW + timedelta(days=days))

    mails = Job.objects.filter(kind="person.mail")
    assert sorted(mails.values_list("payload__user", flat=True)) == ["paul", "paul", "pia", "pia"]
    sign(review)
    asking.remind_reviewers(now=NOW + timedelta(days=30))
    assert mails.count() == 4
