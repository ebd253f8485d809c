"""Launch reviews: who signs, what blocks, when an answer stops to count."""

import json

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from analysis import queries as analysis
from analysis import services as analysis_services
from analysis.models import ReportSnapshot
from experiments import services as experiments
from experiments.models import Experiment
from governance import review_queries as queries
from governance import reviewing
from governance.models import LaunchReview, ReviewFlag, SignOff
from governance.services import claiming, guardrails, reviews
from ledger.models import AuditEvent
from ledger.refusals import Conflict, Refused
from organisation.models import RoleGrant
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db
NOW = timezone.now()
NO = {question.key: False for question in reviewing.QUESTIONS}
HARMLESS, HARMED = 0.0, 0.17


def measured(slowdown=HARMLESS, **changes):
    """An experiment that ran long enough, with one report."""
    world.started(**changes)
    Experiment.objects.update(backup_owner="otto")
    world.write(*world.traffic(800, slowdown=slowdown))
    world.look(hours=24 * 9)


def opened(**answers):
    made = reviews.open_review(experiment=world.KEY, actor="rosa", now=NOW)
    reviews.answer_risks(id=made.id, answers={**NO, **answers}, actor="rosa", now=NOW)
    return made


def sign(review, by="pia", answer="approved", discipline="performance", note="I read it"):
    asked = {"discipline": discipline, "answer": answer, "note": note}
    return reviews.sign(id=review.id, actor=by, now=NOW, **asked)


def standing(review):
    return queries.standing(queries.review(review.id))


def says(verdict="SHIP"):
    """The newest report, as if it had recommended this; its hash is that of the new text."""
    snapshot = analysis.latest_snapshot(world.KEY)
    document = json.loads(snapshot.document)
    document["verdict"]["code"] = verdict
    ReportSnapshot.objects.filter(id=snapshot.id).update(verdict=verdict, document=json.dumps(document))


@pytest.fixture(autouse=True)
def mutable(django_db_setup, monkeypatch):
    """Reports are insert-only in the database; these tests ask what follows from what a report says."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")


def test_review__report_says_ship__one_sign_off_of_performance_approves():
    measured()
    says("SHIP")
    review = opened()
    assert standing(review).required == ("performance",)

    sign(review)

    assert standing(review).state == "approved"
    assert LaunchReview.objects.get().state == "approved"
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {
        "review.opened",
        "review.answered",
        "signoff.requested",
        "signoff.given",
        "review.approved",
    } <= actions


def test_review__against_the_rule__needs_a_reason_and_a_second_person():
    measured()
    says("DECIDE")
    review = opened()
    with pytest.raises(Refused, match="needs a reason"):
        sign(review, note="")

    sign(review)
    assert standing(review).state == "in_review"
    sign(review, by="paul")

    assert standing(review).state == "approved"


@pytest.mark.parametrize(
    ("question", "disciplines"),
    [
        ("failure", ("performance", "quality")),
        ("measurement", ("performance", "data")),
        ("personal_data", ("performance", "privacy")),
        ("promises", ("performance", "legal", "product")),
    ],
)
def test_answer__yes__asks_the_disciplines_of_the_question(question, disciplines):
    measured()

    review = opened(**{question: True})

    assert standing(review).required == disciplines


def test_answer__one_question_open__refused():
    measured()
    made = reviews.open_review(experiment=world.KEY, actor="rosa", now=NOW)

    with pytest.raises(Refused, match="not answered"):
        reviews.answer_risks(id=made.id, answers={"slower": True}, actor="rosa", now=NOW)


def test_sign__requester__refused_by_the_service_and_by_the_database():
    measured()
    review = opened()

    with pytest.raises(Refused, match="cannot sign"):
        sign(review, by="rosa")
    given = sign(review)
    with pytest.raises(IntegrityError), transaction.atomic():
        SignOff.objects.filter(id=given.id).update(by="rosa")


def test_sign__owner_of_the_experiment_where_somebody_else_asked__refused_and_not_waited_for():
    measured()
    review = opened()
    Experiment.objects.update(owner="pia")

    with pytest.raises(Refused, match="owner of an experiment cannot sign"):
        sign(review)
    assert queries.waiting_for("pia") == []
    sign(review, by="paul")


def test_sign__reviewer_of_another_discipline__refused():
    measured()
    review = opened()
    RoleGrant.objects.create(user="pia", role="reviewer", discipline="legal", granted_by="a", granted_at=NOW)

    with pytest.raises(Refused, match="reviewer of performance"):
        sign(review)


def test_sign__trip_is_open__approval_refused_and_a_no_is_possible():
    measured(HARMED)
    review = opened()
    assert standing(review).state == "blocked"

    with pytest.raises(Conflict, match="latency-p95"):
        sign(review)
    sign(review, answer="rejected")

    assert standing(review).state == "blocked"


def test_sign__older_report_was_read__refused():
    measured()
    review = opened()

    with pytest.raises(Conflict, match="newer report"):
        reviews.sign(
            id=review.id, discipline="performance", answer="approved", sha256="0" * 64, actor="pia", now=NOW
        )


def test_report__changes_materially__sign_off_ends_and_the_review_is_open_again_once():
    measured()
    says("SHIP")
    review = opened()
    sign(review)

    says("KEEP RUNNING")

    assert standing(review).state == "in_review"
    assert reviews.refresh_reviews(now=NOW) == 1
    assert reviews.refresh_reviews(now=NOW) == 0
    assert SignOff.objects.get().ended_because == "the report changed materially after it was given"
    assert AuditEvent.objects.filter(action="signoff.expired").count() == 1


def test_report__only_numbers_moved__sign_off_holds():
    measured()
    document = json.loads(analysis.latest_snapshot(world.KEY).document)
    before = reviewing.material(document)

    document["results"][0]["arms"][0]["value"] = 0.123

    assert reviewing.material(document) == before


@pytest.mark.parametrize("change", ["state", "verdict", "check", "plan"])
def test_report__what_is_material__changes_the_hash(change):
    measured()
    document = json.loads(analysis.latest_snapshot(world.KEY).document)
    before = reviewing.material(document)

    if change == "state":
        document["results"][0]["arms"][0]["state"] = "harm"
    elif change == "verdict":
        document["verdict"]["code"] = "ROLL BACK"
    elif change == "check":
        document["trust"]["checks"][0]["stops_use"] = True
    else:
        document["experiment"]["plan_version"] += 1

    assert reviewing.material(document) != before


def test_trip__claimed_twice__raised_once_and_the_review_is_blocked():
    measured()
    says("SHIP")
    review = opened()
    sign(review)
    world.write(*world.traffic(1500, seed=2, slowdown=0.5))
    world.look(hours=24 * 9 + 12)

    assert claiming.claim_trips(now=NOW) == 1
    assert claiming.claim_trips(now=NOW) == 0

    assert ReviewFlag.objects.get().review_id == review.id
    assert LaunchReview.objects.get().state == "blocked"
    assert AuditEvent.objects.filter(action="review.flagged").count() == 1
    assert AuditEvent.objects.filter(action="review.blocked").count() == 1


def test_trip__worker_dies_while_claiming__nothing_is_half_done_and_the_next_one_claims(monkeypatch):
    measured(HARMED)
    review = opened()

    def die(**named):
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(claiming, "refresh", die)
        with pytest.raises(SystemExit):
            claiming.claim_trips(now=NOW)
    assert not ReviewFlag.objects.exists()

    assert claiming.claim_trips(now=NOW) == 1
    assert ReviewFlag.objects.get().review_id == review.id


def test_waive_trip__not_of_the_performance_discipline_or_the_owner__refused():
    measured(HARMED)
    trip = analysis.unsettled_trips().get()
    RoleGrant.objects.create(user="lea", role="reviewer", discipline="legal", granted_by="a", granted_at=NOW)
    for user in ("pia", "rosa"):
        RoleGrant.objects.create(
            user=user, role="reviewer", discipline="performance", granted_by="a", granted_at=NOW
        )

    for actor, said in (("lea", "performance discipline only"), ("rosa", "owner of an experiment")):
        with pytest.raises(Refused, match=said):
            analysis_services.waive_trip(trip_id=trip.id, reason="fine", actor=actor, now=NOW)
    analysis_services.waive_trip(trip_id=trip.id, reason="fine", actor="pia", now=NOW)

    assert not analysis.unsettled_trips().exists()


def test_withdraw__then_open_again__second_review_begins_from_the_start():
    measured()
    first = opened()
    with pytest.raises(Conflict, match="open review"):
        reviews.open_review(experiment=world.KEY, actor="rosa", now=NOW)

    reviews.withdraw_review(id=first.id, reason="not now", actor="rosa", now=NOW)
    second = reviews.open_review(experiment=world.KEY, actor="rosa", now=NOW)

    assert standing(second).state == "open"


def test_waiting__reviewer__sees_it_and_the_requester_does_not():
    measured()
    review = opened()

    assert [(row.id, wanted) for row, wanted in queries.waiting_for("pia")] == [(review.id, ["performance"])]
    assert queries.waiting_for("rosa") == []


def test_price_and_policy__surface_with_a_set__performance_is_asked_without_a_metric_of_speed():
    world.metrics.load_definitions(
        texts={f"{m}.toml": text for m, text in world.METRICS.items()}, actor="rosa", now=NOW
    )
    guardrails.create_guardrail_set(name="all", members=[{"metric": "errors"}], actor="pia", now=NOW)
    experiments.create(key="plain", content={"title": "Plain"}, actor="rosa", now=NOW)

    made = reviews.open_review(experiment="plain", actor="rosa", now=NOW)

    found = standing(made)
    assert found.required == ("performance",)
    assert [each.code for each in found.blocking] == ["no_report"]


def test_trip_page__hold_acted_and_resolved__timeline_with_numbers_and_the_way_back(
    client, django_user_model
):
    measured(HARMED)
    claiming.claim_trips(now=NOW)
    trip = analysis.unsettled_trips().get()
    client.force_login(django_user_model.objects.create_user("pia"))

    before = client.get(f"/reviews/trips/{trip.id}/").content.decode()
    analysis_services.resolve_trip(trip_id=trip.id, reason="cache was cold", actor="pia", now=NOW)
    after = client.get(f"/reviews/trips/{trip.id}/").content.decode()

    assert "Guardrail tripped" in before
    assert "Raised with the launch review" in before
    assert "Waive" in before
    assert "Money at risk" in before
    assert "there is no price tag for it" in before
    assert "cache was cold" in after
    assert "Waive" not in after
    assert client.get("/reviews/trips/?state=resolved").content.decode().count("data-row") == 1
