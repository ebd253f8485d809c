"""Pages and API of what latency is worth: empty, refused, published, printed."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from impact import queries, services
from impact.models import Evidence
from tests.apps.impact import build
from tests.apps.impact.build import BY, COMPARED, OBSERVED

pytestmark = pytest.mark.django_db
CURVE = {
    "points": [
        {"delivered_ms": 100.0, "change": -0.003, "low": -0.004, "high": -0.002},
        {"delivered_ms": 400.0, "change": -0.02, "low": -0.022, "high": -0.018},
    ],
    "curve": {
        "delivered_ms": [0.0, 100.0, 400.0],
        "changes": [0.0, -0.003, -0.02],
        "lower": [0.0, -0.004, -0.022],
        "upper": [0.0, -0.002, -0.018],
    },
    "knee": {
        "knee_ms": 220.0,
        "knee_interval": {"lower": 150.0, "upper": 300.0},
        "before_per_100_ms": -0.003,
        "behind_per_100_ms": -0.008,
        "steepens": True,
    },
}


@pytest.fixture
def console(client):
    client.force_login(get_user_model().objects.create_user("bea"))
    return client


def text(answer):
    return answer.content.decode()


def test_price_tag__no_surface__says_what_to_do(console):
    assert "There is no surface yet" in text(console.get(reverse("impact")))


def test_price_tag__asked__answers_or_refuses_in_words(console):
    build.surface()
    refused = text(console.get(reverse("impact"), {"surface": "checkout", "ms": "100"}))
    assert "No amount for 100 ms on checkout" in refused
    assert "users in each of two arms" in refused

    build.value()
    build.accepted()
    draft = services.draft_ratio(surface="checkout", **BY)
    services.publish_ratio(surface="checkout", number=draft.number, **build.BY_BEA)
    answered = text(console.get(reverse("impact"), {"surface": "checkout", "ms": "250"}))
    assert "EUR 150 thousand a year" in answered


def test_price_tag__zero_ms__refused_and_the_form_keeps_it(console):
    build.surface()

    answer = console.get(reverse("impact"), {"surface": "checkout", "ms": "0"})

    assert answer.status_code == 422
    assert "this is no delay" in text(answer)


def test_surface__from_nothing_to_a_published_ratio__by_the_pages(console):
    build.surface()
    assert "Nothing is known yet" in text(console.get(reverse("impact-surface", args=["checkout"])))
    given = {
        "currency": "EUR",
        "revenue": "40000000",
        "revenue_error": "5",
        "surface_share": "50",
        "share_error": "0",
        "outcome": "conversion",
        "outcome_level": "5",
        "link": "1",
        "link_error": "0",
        "source": "annual report",
    }
    console.post(reverse("impact-value", args=["checkout"]), given)
    assert queries.value_model("checkout").revenue_minor == 4_000_000_000
    row = build.finding(details=CURVE)

    console.post(reverse("impact-accept", args=[row.id]), {"reason": "clean"})
    services.draft_ratio(surface="checkout", **BY)
    console.post(reverse("impact-publish", args=["checkout", 1]), {"reason": "fits"})

    page = text(console.get(reverse("impact-surface", args=["checkout"])))
    assert "EUR 60 thousand a year" in page
    assert "knee at 220 ms" in page


def test_value__wrong_currency__refused_and_keeps_what_was_typed(console):
    build.surface()

    answer = console.post(
        reverse("impact-value", args=["checkout"]), {"currency": "1", "source": "kept words"}
    )

    assert answer.status_code == 422
    assert "kept words" in text(answer)


def test_one_pager__published__one_sentence_curve_assumptions_and_a_pdf(console):
    build.published(details=CURVE)

    page = text(console.get(reverse("impact-one-pager", args=["checkout"])))
    printed = console.get(reverse("impact-one-pager-pdf", args=["checkout"]))

    assert "Slowing Checkout by 100 ms costs about EUR 60 thousand a year" in page
    assert "The loss grows steeper at about 220 ms" in page
    assert "What would change our mind" in page
    assert "It rests on one study" in page
    assert printed.content.startswith(b"%PDF")
    assert printed.content.count(b"/Type /Page\n") + printed.content.count(b"/Type /Page ") <= 1


def test_one_pager__nothing_published__refused_in_words(console):
    build.surface()

    answer = console.get(reverse("impact-one-pager", args=["checkout"]))

    assert answer.status_code == 422
    assert "no ratio that holds today" in text(answer)


def test_evidence__rejected_one__stays_in_the_list_with_its_reason(console):
    build.surface()
    row = build.finding()

    console.post(reverse("impact-reject", args=[row.id]), {"reason": "a sale ran as well"})

    assert "a sale ran as well" in text(console.get(reverse("impact-evidence")))
    assert "There is no finding like this" in text(
        console.get(reverse("impact-evidence"), {"state": "accepted"})
    )


def test_finding__entered_by_hand__grade_c_without_any_currency(console):
    build.surface()
    build.value()
    given = {
        "title": "Slow days",
        "kind": "observation",
        "outcome": "conversion",
        "change": "-3.9",
        "error": "0.2",
        "began_on": "2026-01-01",
        "ended_on": "2026-02-01",
    }

    answer = console.post(reverse("impact-enter", args=["checkout"]), given, follow=True)

    assert Evidence.objects.get().grade == "C"
    assert "outside of what randomised studies have found" in text(answer)
    assert "EUR" not in text(answer)


def test_finding__natural_without_placebos__says_what_it_lacks(console):
    build.surface()
    row = build.finding(
        build.Design(build.Kind.NATURAL, has_comparison=True), details={"has_comparison": True}
    )

    assert "60 placebo dates (it has 0)" in text(console.get(reverse("impact-finding", args=[row.id])))


def test_studies__page__shows_the_band(console):
    page = text(console.get(reverse("impact-studies")))

    assert "Google search, weeks 1 to 3" in page
    assert "−0.11" in page


def test_api__ask_findings_ratio_curve__all_answer(console):
    build.surface()
    build.value()
    as_json = {"content_type": "application/json"}
    assert "refused" in console.get("/api/v1/impact?surface=checkout&ms=100").json()
    assert console.get("/api/v1/impact?surface=checkout&ms=x").status_code == 422
    assert console.get("/api/v1/impact?surface=nowhere").status_code == 404
    body = {
        "surface": "checkout",
        "title": "Elsewhere",
        "kind": "borrowed",
        "outcome": "conversion",
        "per_100_ms": -0.01,
        "standard_error": 0.002,
        "began_on": "2026-01-01",
        "ended_on": "2026-01-31",
    }
    assert console.post("/api/v1/impact/findings", body, **as_json).json()["grade"] == "D"
    assert console.post("/api/v1/impact/findings", {**body, "kind": "ablation"}, **as_json).status_code == 422
    row = build.finding(COMPARED, details=CURVE)
    assert (
        console.post(f"/api/v1/impact/findings/{row.id}/accept", {}, **as_json).json()["state"] == "accepted"
    )
    services.draft_ratio(surface="checkout", **BY)
    made = console.post("/api/v1/impact/surfaces/checkout/ratios/1/publish", {}, **as_json).json()
    assert (made["state"], made["grade"]) == ("current", "B")
    assert console.get("/api/v1/impact?surface=checkout").json()["amount_minor_per_year"] == pytest.approx(
        6_000_000
    )
    assert console.get("/api/v1/impact/ratios").json()[0]["surface"] == "checkout"
    assert console.get("/api/v1/impact/surfaces/checkout/elasticity").json()["finding"] == row.id


def test_api__grade_c_only__no_dollar_field(console):
    build.surface()
    build.value()
    build.accepted(OBSERVED)

    answer = console.get("/api/v1/impact?surface=checkout").json()

    assert not any("minor" in name or name == "currency" for name in answer)


def test_surface__loss_that_is_put_up_with__a_budget_in_milliseconds(console):
    build.published()
    address = reverse("impact-surface", args=["checkout"])

    page = text(console.get(address, {"tolerance": "60000"}))

    assert "100 ms more, a budget of 900 ms" in page
    assert "EUR 60 thousand a year" in page


@pytest.mark.parametrize(
    "tolerance", ["", "much", "-5", "0", "nan", "inf", "1e99", "5 000 000 000 000 000 000"]
)
def test_surface__no_amount__refused_beside_the_field_which_keeps_it(console, tolerance):
    build.published()

    answer = console.get(reverse("impact-surface", args=["checkout"]), {"tolerance": tolerance})

    assert answer.status_code == 422
    assert "Give an amount, for example 50000" in text(answer)
    assert f'value="{tolerance}"' in text(answer)
