"""Performance budgets that builds were let over: recorded, shown in reviews, ended."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from governance import budgets, review_queries, services
from governance.models import BudgetWaiver
from governance.services import reviews
from ledger.models import AuditEvent
from ledger.refusals import Conflict, Refused
from tests.apps.flags import build
from tests.apps.governance import open_worlds

pytestmark = pytest.mark.django_db
NOW = timezone.now()
BY: dict = {"actor": "ada", "now": NOW}
UNTIL = (NOW + timedelta(days=30)).date()
WAIVER = {
    "budget": "bundle size of checkout",
    "limit": 170.0,
    "measured": 187.0,
    "unit": "kB",
    "flag": "checkout",
    "waived_by": "pia",
    "reason": "The new payment form comes with it.",
    "link": "https://ci.example.com/builds/812",
    "expires_on": UNTIL,
}


@pytest.fixture(autouse=True)
def flag():
    build.flag()


@pytest.fixture
def client(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("ada"))
    return client


def waived(**facts):
    return services.waive_budget(**{**WAIVER, **BY, **facts})


def found():
    return [each for each in budgets.of_launch("", "checkout", "production") if each.code == "budget_waived"]


def test_waiver__of_a_flag__a_finding_of_its_review_until_it_is_ended():
    row = waived()
    review = reviews.open_review(flag="checkout", environment="production", actor="rosa", now=NOW)

    codes = {each.code: each for each in review_queries.findings_of(review)}
    services.end_budget_waiver(id=row.id, reason="169 kB again", **BY)

    assert codes["budget_waived"].severity == "warning"
    assert "187 kB, +10 % of the 170 allowed" in codes["budget_waived"].title
    assert found() == []
    actions = list(AuditEvent.objects.filter(action__startswith="budget.").values_list("action", "subject"))
    assert actions == [("budget.waived", "flag:checkout"), ("budget.waiver_ended", "flag:checkout")]
    with pytest.raises(Conflict):
        services.end_budget_waiver(id=row.id, reason="again", **BY)


def test_waiver__day_is_past__the_finding_says_that_it_ran_out():
    waived()
    BudgetWaiver.objects.update(expires_on=NOW.date() - timedelta(days=1))

    assert "ran out on" in found()[0].title


def test_waiver__of_a_surface__a_finding_of_experiments_on_it():
    open_worlds.team()
    open_worlds.organisation.create_surface(
        key="shop", name="Shop", team="buyers", owner="rosa", actor="rosa", now=NOW
    )
    open_worlds.experiments.create(
        key="on-shop", content={"title": "On the shop", "flag": "x", "surface": "shop"}, actor="rosa", now=NOW
    )
    waived(flag="", surface="shop")

    assert len(list(budgets.of_launch("on-shop", "x", "production"))) == 1


def test_run__again__one_record():
    assert waived(run="812/size").id == waived(run="812/size", measured=190.0).id
    assert waived(run="812/size", budget="queries of checkout").id != waived(run="812/size").id


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"measured": 150.0}, "measured"),
        ({"limit": float("nan")}, "limit"),
        ({"expires_on": NOW.date()}, "expires_on"),
        ({"expires_on": NOW.date() + timedelta(days=91)}, "expires_on"),
        ({"reason": " "}, "reason"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"surface": "shop"}, "surface"),
        ({"flag": ""}, "surface"),
        ({"flag": "nowhere"}, "flag"),
        ({"budget": "x" * 201}, "budget"),
    ],
)
def test_waiver__wrong__refused_with_its_field(facts, field):
    with pytest.raises(Refused) as refused:
        waived(**facts)

    assert refused.value.problems[0].field == field
    assert not BudgetWaiver.objects.exists()


def test_api_and_page__record_show_and_end(client):
    body = {**WAIVER, "expires_on": UNTIL.isoformat(), "run": "812"}
    made = client.post("/api/v1/budget-waivers", body, content_type="application/json")
    wrong = client.post(
        "/api/v1/budget-waivers", {**body, "limit": "170", "run": "813"}, content_type="application/json"
    )
    page = client.get(reverse("budget-waivers")).content.decode()
    kept = client.post(reverse("budget-waivers"), {"budget": "kept text", "limit": 3})
    client.post(reverse("budget-waiver-end", args=[made.json()["id"]]), {"reason": "inside again"})
    listed = client.get("/api/v1/budget-waivers?about=checkout").json()["results"]

    assert (made.status_code, made.json()["state"], wrong.status_code) == (201, "waived", 422)
    assert "bundle size of checkout" in page
    assert (kept.status_code, "kept text" in kept.content.decode()) == (422, True)
    assert [row["state"] for row in listed] == ["ended"]
