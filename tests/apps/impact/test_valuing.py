"""Latency in money in reports, incidents, margins, budgets: beside the outcome, never added or stale."""

import json
from datetime import timedelta

import pytest

from analysis import queries as analysis
from experiments.models import Experiment
from impact import services
from metrics import services as metrics
from tests.apps.analysis import world
from tests.apps.impact import build

pytestmark = pytest.mark.django_db
TODAY = build.NOW.date()
LATENCY = """
key = "page-latency"
title = "Latency"
question = "How long does a request take?"
kind = "mean"
unit = "ms"
direction = "down"
owner = "rosa"
tier = "beta"
hypothesis = "Slow pages sell less."
[source]
event = "request"
value = "value"
"""


def reported(**value):
    """The block of money in the report of an experiment on a surface with a ratio."""
    build.surface()
    build.value(outcome="orders", latency_metric="page-latency", **value)
    build.accepted(outcome="orders")
    draft = services.draft_ratio(surface="checkout", **build.BY)
    services.publish_ratio(surface="checkout", number=draft.number, **build.BY_BEA)
    metrics.load_definitions(texts={"l.toml": LATENCY}, actor="rosa", now=world.START)
    world.started(bind=("orders", "page-latency"), guardrails=())
    Experiment.objects.filter(key=world.KEY).update(surface_id="checkout")
    world.write(*world.traffic())
    done = world.look(hours=48)
    assert done.state == "succeeded", done.failure
    return json.loads(analysis.latest_snapshot(world.KEY).document)["worth"]


def test_report__outcome_and_speed__beside_each_other_with_version_and_never_added():
    found = reported()

    assert found["measured"] is not None
    assert found["modelled"] is not None
    assert found["model"] == "speed ratio v1 of checkout, grade A"
    assert "Not added" in found["text"]


def test_report__no_value_model__no_dollar_model():
    world.started()
    world.write(*world.traffic())
    world.look(hours=48)

    assert json.loads(analysis.latest_snapshot(world.KEY).document)["worth"]["text"] == "No dollar model."


def test_week__of_an_incident__a_week_of_the_yearly_price():
    ratio = build.published()

    found = services.cost_per_week(surface="checkout", ms=250, today=TODAY)

    assert found.value_minor == pytest.approx(ratio.price_minor * 2.5 * 7 / 365.25)
    assert found.low_minor < found.value_minor < found.high_minor
    assert "grade A" in found.words


def test_margin__money_into_time_and_back__the_same():
    build.published()
    ms = services.milliseconds_worth(surface="checkout", amount_minor=1_000_000, today=TODAY)

    assert services.ask(surface="checkout", ms=ms, today=TODAY).price.value == pytest.approx(1_000_000)


def test_budget__tolerance__latency_at_which_the_loss_reaches_it():
    build.published()

    found = services.budget_of(surface="checkout", tolerance_minor=6_000_000, today=TODAY)

    more = services.milliseconds_worth(surface="checkout", amount_minor=6_000_000, today=TODAY)
    assert found == pytest.approx(800 + more)


def test_past_its_date__no_amount_anywhere():
    ratio = build.published()
    late = ratio.valid_until + timedelta(days=1)

    assert services.cost_per_week(surface="checkout", ms=100, today=late) is None
    assert services.milliseconds_worth(surface="checkout", amount_minor=100, today=late) is None
    assert services.budget_of(surface="checkout", tolerance_minor=100, today=late) is None
    assert "EUR" not in services.ask(surface="checkout", ms=60, today=late).comment()


def test_comment__on_a_change__its_price_and_what_it_rests_on():
    build.published()

    lines = services.ask(surface="checkout", ms=60, today=TODAY).comment("https://x.example/i").splitlines()

    assert lines[:2] == ["<!-- headway-impact:checkout -->", "### +60 ms on Checkout"]
    assert lines[3].startswith("**Slowing Checkout by 60 ms costs about EUR 36 thousand a year")
    assert "| each 100 ms | −0.30% of the outcome (−0.38% to −0.22%) |" in lines
    assert lines[-1] == "[Where this is from](https://x.example/i)"


def test_comment__nobody_knows__no_currency_and_the_smallest_study():
    build.surface()
    build.value()
    build.finding(build.OBSERVED, title="Slow *days* @everyone <b>", per_100_ms=-0.039)

    said = services.ask(surface="checkout", ms=-50, today=TODAY).comment()

    assert "### −50 ms on Checkout" in said
    assert "The smallest study that would tell: 480,000 users" in said
    assert "- Slow \\*days\\* @\u2060everyone \\<b\\>" in said
    assert "EUR" not in said


ENTERED = {
    "surface": "checkout",
    "title": "Seen in March",
    "kind": "observation",
    "outcome": "conversion",
    "per_100_ms": -0.003,
    "standard_error": 0.001,
    "began_on": "2026-02-01",
    "ended_on": "2026-02-21",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("per_100_ms", "-0.003"),
        ("per_100_ms", True),
        pytest.param("standard_error", 10**400, id="standard_error-beyond a float"),
        ("link", "javascript:alert(1)"),
        ("link", f"https://example.com/{'a' * 500}"),
        ("units", 10**30),
        ("outcome", "a" * 64),
    ],
)
def test_finding__entered_over_the_api_with_something_odd__refused_with_its_field(browser, field, value):
    answer = browser.post(
        "/api/v1/impact/findings", {**ENTERED, field: value}, content_type="application/json"
    )

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["problems"]] == [field]
