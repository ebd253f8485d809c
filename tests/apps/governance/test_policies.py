"""Guardrail sets attach themselves to experiments; only the performance discipline takes one off."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from experiments import preflight, preflight_queries
from experiments import queries as experiment_queries
from experiments import services as experiments
from governance import policy_queries as queries
from governance import review_queries
from governance.models import GuardrailSet, Waiver, WaiverState
from governance.services import guardrails, reviews, waivers
from impact import services as impact
from impact.grades import Design, Kind
from ledger.models import AuditEvent
from ledger.refusals import Refused
from metrics import services as metrics
from organisation import services as organisation
from organisation.models import RoleGrant
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db
NOW = timezone.now()
BY = {"actor": "pia", "now": NOW}
P95 = {"metric": "latency-p95", "margin": 10.0}
ERRORS = {"metric": "errors", "blocking": False}


@pytest.fixture(autouse=True)
def places():
    metrics.load_definitions(
        texts={f"{name}.toml": text for name, text in world.METRICS.items()}, actor="rosa", now=NOW
    )
    organisation.create_team(key="buyers", name="Buyers", owner="rosa", actor="rosa", now=NOW)
    organisation.create_surface(
        key="checkout", name="Checkout", team="buyers", owner="rosa", actor="rosa", now=NOW
    )


def policy(*members, name="fast", **scope):
    return guardrails.create_guardrail_set(name=name, members=members, **scope, **BY)


def experiment(key="prefetch", **content):
    content = {"title": "Prefetch", "surface": "checkout", **content}
    return experiments.create(key=key, content=content, actor="rosa", now=NOW)


def bindings(key="prefetch"):
    owner = experiment_queries.experiment(key)
    version = experiment_queries.newest_version(owner)
    return {each.metric: each for each in experiment_queries.planned_bindings(version)}


def waiver(**changes):
    asked = {"experiment": "prefetch", "metric": "latency-p95", "reason": "no page is touched", **changes}
    return waivers.request_waiver(
        **{"expires_on": (NOW + timedelta(days=7)).date(), "actor": "rosa", "now": NOW, **asked}
    )


def test_create__surface_with_a_set__its_guardrails_are_bound_as_the_policy_says():
    policy(P95, ERRORS, surface="checkout")

    experiment()

    bound = bindings()
    assert (bound["latency-p95"].blocking, bound["latency-p95"].margin.value) == (True, 0.1)
    assert (bound["errors"].blocking, bound["errors"].margin.value) == (False, 0.02)
    assert AuditEvent.objects.filter(action="experiment.guardrails.attached").count() == 1


def test_edit__moved_onto_the_surface__attached_then():
    policy(P95, surface="checkout")
    experiment(surface="")
    assert bindings() == {}

    experiments.edit(key="prefetch", content={"surface": "checkout"}, actor="rosa", now=NOW)

    assert bindings()["latency-p95"].role == "guardrail"


@pytest.mark.parametrize("scope", [{}, {"team": "buyers"}])
def test_create__set_of_everybody_or_of_the_surfaces_team__attached(scope):
    policy(P95, **scope)

    experiment()

    assert "latency-p95" in bindings()


def test_create__ablation__nothing_attached_because_it_slows_on_purpose():
    policy(P95)

    experiment(kind="ablation")

    assert bindings() == {}


def test_bind__looser_than_the_policy__policy_stands():
    policy(P95, surface="checkout")
    experiment()
    loose = {"metric": "latency-p95", "role": "guardrail", "blocking": False}

    experiments.bind_metric(
        key="prefetch", content={**loose, "margin": {"value": 0.9, "relative": True}}, actor="rosa", now=NOW
    )

    assert (bindings()["latency-p95"].blocking, bindings()["latency-p95"].margin.value) == (True, 0.1)


def test_unbind__attached__refused_and_a_granted_waiver_lets_it_go_until_its_day():
    policy(P95, surface="checkout")
    experiment()
    take_off = {"key": "prefetch", "metric": "latency-p95", "actor": "rosa"}
    with pytest.raises(Refused, match="attached by surface Checkout"):
        experiments.unbind_metric(**take_off, now=NOW)

    granted = waivers.approve_waiver(id=waiver().id, actor="pia", now=NOW)
    experiments.unbind_metric(**take_off, now=NOW)
    assert bindings() == {}

    assert waivers.expire_waivers(now=NOW + timedelta(days=9)) == 1
    assert waivers.expire_waivers(now=NOW + timedelta(days=9)) == 0
    granted.refresh_from_db()
    assert granted.state == WaiverState.EXPIRED
    experiments.edit(key="prefetch", content={"title": "Again"}, actor="rosa", now=NOW)
    assert "latency-p95" in bindings()


@pytest.mark.parametrize("actor", ["rosa", "otto"])
def test_approve_waiver__requester_or_owner__refused_by_the_service_and_by_the_database(actor):
    policy(P95, surface="checkout")
    experiment(owner="otto")
    asked = waiver()

    with pytest.raises(Refused):
        waivers.approve_waiver(id=asked.id, actor=actor, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Waiver.objects.filter(id=asked.id).update(approver=actor, owner="otto", state=WaiverState.APPROVED)


def test_approve_waiver__not_of_the_performance_discipline__refused():
    policy(P95, surface="checkout")
    experiment()
    asked = waiver()
    RoleGrant.objects.create(
        user="pia", role="reviewer", discipline="legal", granted_by="rosa", granted_at=NOW
    )

    with pytest.raises(Refused, match="performance discipline"):
        waivers.approve_waiver(id=asked.id, actor="pia", now=NOW)


def test_waiver__longer_than_ninety_days_or_of_what_nobody_attached__refused():
    policy(P95, surface="checkout")
    experiment()

    with pytest.raises(Refused, match="90 days"):
        waiver(expires_on=(NOW + timedelta(days=91)).date())
    with pytest.raises(Refused, match="no guardrail set"):
        waiver(metric="orders")


def test_attached__same_metric_in_two_sets__the_more_specific_one_speaks():
    policy({**P95, "margin": 20.0}, name="all")
    policy(P95, name="checkout", surface="checkout")

    [found] = queries.attached(surface="checkout")

    assert (found.of, found.margin.value) == ("surface Checkout", 0.1)


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ({"metric": "nothing"}, "no metric"),
        ({"metric": "errors", "margin": -1}, "above zero"),
        ({"metric": "errors", "margin": float("nan")}, "above zero"),
        ({"metric": "errors", "margin": 5, "margin_unit": "apples"}, "no such unit"),
        ({"metric": "errors", "blocking": "yes"}, "true or false"),
        ({"metric": "orders"}, "neither the set nor the metric"),
        ({"metric": "latency-p95", "margin": 5000, "margin_unit": "money"}, "no current price"),
    ],
)
def test_create_set__bad_member__refused_with_words(member, said):
    with pytest.raises(Refused, match=said):
        policy(member, surface="checkout")

    assert not GuardrailSet.objects.exists()


def test_create_set__money_without_a_surface__refused():
    with pytest.raises(Refused, match="prices belong to surfaces"):
        policy({**P95, "margin_unit": "money"})


MONEY = {"metric": "latency-p95", "margin": 100_000.0, "margin_unit": "money"}
"""Euros a year."""


def price():
    """A stored price of 100 ms on the checkout, accepted and published by a second person."""
    impact.set_value(
        surface="checkout", currency="EUR", revenue_minor=40_000_000_00, surface_share=0.5,
        outcome="conversion", outcome_level=0.05, source="annual report", actor="ada", now=NOW,
    )  # fmt: skip
    found = impact.record(
        surface="checkout", title="Delay in March", outcome="conversion", design=Design(Kind.ABLATION),
        per_100_ms=-0.003, standard_error=0.0005, began_on=NOW.date() - timedelta(days=30),
        ended_on=NOW.date() - timedelta(days=10), units=1_200_000, method="GLS", actor="ada", now=NOW,
    )  # fmt: skip
    impact.accept(id=found.id, actor="bea", now=NOW)
    draft = impact.draft_ratio(surface="checkout", baseline_ms=800.0, actor="ada", now=NOW)
    return impact.publish_ratio(surface="checkout", number=draft.number, actor="bea", now=NOW)


def test_money__stored_price__bound_as_the_delay_that_costs_it_and_locked_with_the_plan():
    ratio = price()
    policy(MONEY, surface="checkout")

    experiment()

    bound = bindings()["latency-p95"].margin
    assert bound.relative is False
    assert bound.value == pytest.approx(100_000 / (ratio.price_minor / 100) * 100)
    assert bound.value * ratio.price_minor / 100 / 100 == pytest.approx(100_000)


def test_money__price_has_run_out__nothing_starts_and_the_checklist_says_why():
    price()
    policy(MONEY, surface="checkout")
    impact.expire_ratios(now=NOW + timedelta(days=800))
    owner = experiment()

    version = experiment_queries.newest_version(owner)
    items = preflight.checklist(preflight_queries.context(owner, version))
    [line] = [each for each in items if "latency-p95" in each.detail and each.status == "missing"]

    assert "no price of 100 ms holds on checkout today" in line.detail
    with pytest.raises(Refused, match="no price of 100 ms holds"):
        experiments.start(key="prefetch", actor="rosa", now=NOW)
    with pytest.raises(Refused, match="no current price"):
        policy(MONEY, name="another", surface="checkout")


def test_review__attached_and_not_watched__says_whether_it_was_waived():
    experiment(backup_owner="otto")
    policy(P95)
    review = reviews.open_review(experiment="prefetch", actor="rosa", now=NOW)
    assert found_in(review, "latency-p95") == {"unwatched": "blocking"}
    made = waiver()

    waivers.approve_waiver(id=made.id, **BY)
    assert found_in(review, "latency-p95") == {"waiver": "warning"}
    assert waivers.expire_waivers(now=NOW + timedelta(days=8)) == 1

    assert found_in(review, "latency-p95") == {"waiver_expired": "blocking"}
    assert Waiver.objects.get().state == WaiverState.EXPIRED


def found_in(review, metric):
    found = review_queries.findings_of(review_queries.review(review.id))
    return {each.code: each.severity.value for each in found if each.title.count(metric)}


def test_withdraw_waiver__somebody_else__refused_and_the_page_offers_it_to_those_who_may(
    client, django_user_model
):
    experiment()
    policy(P95)
    for user, role, discipline in (
        ("rosa", "experimenter", ""),
        ("eva", "experimenter", ""),
        ("pia", "reviewer", "performance"),
    ):
        RoleGrant.objects.create(user=user, role=role, discipline=discipline, granted_by="a", granted_at=NOW)
    made = waiver()

    with pytest.raises(Refused, match="not yours"):
        waivers.withdraw_waiver(id=made.id, actor="eva", now=NOW)
    shown = {}
    for user in ("rosa", "eva", "pia"):
        client.force_login(django_user_model.objects.create_user(user))
        page = client.get("/reviews/guardrails/").content.decode()
        shown[user] = (">Grant<" in page, ">Withdraw<" in page)
    assert shown == {"rosa": (False, True), "eva": (False, False), "pia": (True, False)}
    client.post(f"/reviews/waivers/{made.id}/refuse/", {"note": ""})
    assert "Refusing needs a reason" in client.get("/reviews/guardrails/").content.decode()
