# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""The planning tools on stored looks: pages, API and the line of the checklist."""

import pytest

from analysis.planning import history
from experiments import preflight_queries, services
from metrics import services as metric_services
from tests.apps.experiments.build import KEY, NOW, content, drafted, started
from tests.apps.metrics.texts import metric_text
from tests.apps.planning import build

pytestmark = pytest.mark.django_db


@pytest.fixture
def looked():
    started()
    build.looked()


def text(answer):
    return " ".join(answer.content.decode().split())


@pytest.mark.usefixtures("looked")
def test_history__newest_look__value_spread_and_arrivals():
    found = history.baseline("orders")

    assert (found.value, found.unit_variance) == (10.0, pytest.approx(280.0))
    assert "7,000 units" in found.reads
    assert history.arrivals(KEY).per_day == 1000
    assert history.baseline("no-such") is None
    assert history.comparable("other", "production", "user") == KEY


@pytest.mark.usefixtures("looked")
def test_duration__metric_and_traffic_with_history__days_as_a_range(browser):
    shown = text(browser.get(f"/experiments/tools/duration/?metric=orders&effect=5&traffic_of={KEY}"))

    assert "With this traffic:" in shown
    assert "units in all arms together" in shown
    assert "metric=orders&amp;planned_units=" in shown


@pytest.mark.usefixtures("looked")
def test_duration__opened_with_history__answers_for_the_newest_look(browser):
    shown = text(browser.get("/experiments/tools/duration/"))

    assert "With this traffic:" in shown
    assert f'<option value="{KEY}" selected>' in shown


def test_duration__nothing_known__form_says_what_to_type(browser):
    shown = text(browser.get("/experiments/tools/duration/"))

    assert "No look has read a metric yet" in shown


@pytest.mark.parametrize(
    "query",
    ["effect=", "effect=x", "effect=5", "effect=5&metric=no-such", "effect=5&value=1&spread=-1", "power=200"],
)
def test_duration__impossible_question__says_why_and_keeps_what_was_typed(browser, query):
    answer = browser.get(f"/experiments/tools/duration/?{query}&per_day=777")

    assert answer.status_code == 422
    assert "This cannot be computed" in text(answer)
    assert 'value="777"' in text(answer)


def test_split__uneven__cost_and_best_share(browser):
    shown = text(browser.get("/experiments/tools/split/?control=90&treatments=10&units=10000"))

    assert "2.78 ×" in shown
    assert "50.0" in shown


@pytest.mark.parametrize("query", ["control=90&treatments=20", "treatments=a,b", "control=0", "units=0"])
def test_split__shares_that_do_not_add_up__refused_in_words(browser, query):
    assert browser.get(f"/experiments/tools/split/?{query}").status_code == 422


@pytest.mark.usefixtures("looked")
def test_sizing__running_plan__power_days_waiting_and_split(browser):
    shown = text(browser.get(f"/experiments/{KEY}/sizing/"))

    assert "With your traffic:" in shown
    assert "What waiting buys" in shown
    assert "no loss beyond 5 %" in shown
    assert "3 more days" in shown


def test_sizing__draft_without_history__says_what_is_missing(browser):
    drafted()

    shown = text(browser.get(f"/experiments/{KEY}/sizing/"))

    assert "No traffic is known" in shown
    assert "no look has read it yet" in shown


def test_checklist__no_history__power_is_unknown_and_only_advice():
    drafted()

    line = next(item for item in preflight_queries.checklist(KEY) if item.code == "power")

    assert line.status == "advice"
    assert "unknown for" in line.detail


@pytest.mark.usefixtures("looked")
def test_checklist__history__says_how_long_it_takes():
    drafted("second", flag="second")

    line = next(item for item in preflight_queries.checklist("second") if item.code == "power")

    assert f"with the traffic of {KEY} it takes" in line.detail


@pytest.mark.usefixtures("looked")
def test_window__metric_that_waits_a_week__days_include_it_on_pages_and_api(browser):
    asked = {"metric": "orders", "effect": "5", "traffic_of": KEY}
    at_once = browser.get("/api/v1/planning/duration", asked).json()["size"]
    extra = 'tier = "beta"\ngain = { value = 0.01, relative = true }\nwindow = { days = 7 }'
    texts = {"orders.toml": metric_text("orders", extra=extra)}
    metric_services.load_definitions(texts=texts, actor="rosa", now=NOW)
    build.looked(look=2, days=14.1)
    services.create(key="second", content=content(flag="second"), actor="rosa", now=NOW)
    bound = {"metric": "orders", "role": "primary"}
    services.bind_metric(key="second", content=bound, actor="rosa", now=NOW)

    size = browser.get("/api/v1/planning/duration", asked).json()["size"]
    line = browser.get("/api/v1/experiments/second/sizing").json()["lines"][0]

    assert (size["units"], size["window_days"]) == (at_once["units"], 7)
    assert (size["first_day"], size["last_day"]) == (at_once["first_day"] + 7, at_once["last_day"] + 7)
    assert "7 days after it came: the days include that wait" in text(
        browser.get("/experiments/tools/duration/", asked)
    )
    assert line["window_days"] == 7
    assert "7 of them for the window" in text(browser.get("/experiments/second/sizing/")).replace(
        '<br><span class="muted small">', " "
    )


@pytest.mark.usefixtures("looked")
def test_api__same_answers__json(browser):
    asked = {"metric": "orders", "effect": "5", "traffic_of": KEY}
    found = browser.get("/api/v1/planning/duration", asked).json()
    sized = browser.get(f"/api/v1/experiments/{KEY}/sizing").json()
    split = browser.get("/api/v1/planning/split", {"control": "90", "treatments": "10"}).json()

    assert found["size"]["units"] > 1000
    assert found["days"].endswith("days")
    assert [line["metric"] for line in sized["lines"]] == ["Orders", "Errors"]
    assert split["arms"][0]["factor"] == pytest.approx(2.778, abs=1e-3)
    assert browser.get("/api/v1/planning/duration", {"effect": "x"}).status_code == 422
