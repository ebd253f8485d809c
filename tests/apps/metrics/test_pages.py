"""The metric pages."""

from datetime import UTC, datetime

import pytest

from metrics import queries, services, usage
from tests.apps.metrics.texts import metric_text

NOW = datetime(2026, 3, 4, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def orders():
    for direction in ("up", "down"):
        text = metric_text("orders", title="Orders per user", direction=direction)
        services.load_text(text=text, actor="amir", now=NOW)


def test_registry__anonymous__sent_to_the_login(client):
    assert client.get("/metrics/").status_code == 302


def test_registry__no_metrics__says_how_to_add_one(browser):
    assert "python manage.py load_metrics" in browser.get("/metrics/").text


@pytest.mark.usefixtures("orders")
def test_registry__metrics__listed_with_owner_and_version(browser):
    page = browser.get("/metrics/").text

    assert "Orders per user" in page
    assert "rosa" in page


@pytest.mark.usefixtures("orders")
def test_registry__nothing_matches__offers_to_clear_the_filter(browser):
    assert "No metric matches" in browser.get("/metrics/?search=zzz").text


@pytest.mark.usefixtures("orders")
def test_registry__mad_page_number__still_a_page(browser):
    assert browser.get("/metrics/?page=-1&tier=%27&search=%ff").status_code == 200


@pytest.mark.usefixtures("orders")
def test_metric__current__definition_in_words_and_what_changed(browser):
    page = browser.get("/metrics/orders/").text

    assert "Average number per unit of &quot;purchase&quot; events." in page
    assert "lower is better" in page
    assert "-direction = &quot;up&quot;\n+direction = &quot;down&quot;" in page
    assert "No experiment uses this metric yet" in page


@pytest.mark.usefixtures("orders")
def test_metric__old_version__says_so(browser):
    page = browser.get("/metrics/orders/versions/1/").text

    assert "This is an old version" in page
    assert "higher is better" in page


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    "path", ["/metrics/nothing/", "/metrics/orders/versions/9/", "/metrics/nothing/edit/"]
)
def test_metric__not_there__404_in_words(browser, path):
    answer = browser.get(path)

    assert answer.status_code == 404
    assert "Nothing was changed" in answer.text


@pytest.mark.usefixtures("orders")
def test_metric__used__uses_are_listed(browser, monkeypatch):
    use = usage.Use("Checkout prefetch", "/experiments/checkout/", "guardrail", "running", 1)
    monkeypatch.setattr(usage, "_registered", [lambda key: [use] if key == "orders" else []])

    page = browser.get("/metrics/orders/").text

    assert "Checkout prefetch" in page
    assert "as guardrail, version 1, running" in page


def test_new__form__names_the_visitor_as_owner(browser):
    assert "owner = &quot;rosa&quot;" in browser.get("/metrics/new/").text


def test_new__good_text__stored_by_the_visitor(browser):
    text = metric_text("visits", owner="amir").replace("\n", "\r\n")

    answer = browser.post("/metrics/new/", {"text": text})

    assert answer.headers["Location"] == "/metrics/visits/"
    assert queries.version("visits").author == "rosa"
    assert "\r" not in queries.version("visits").text


def test_new__bad_text__line_reason_and_the_text_stays(browser):
    answer = browser.post("/metrics/new/", {"text": metric_text("visits", direction="sideways")})

    assert answer.status_code == 422
    assert "Line 6:" in answer.text
    assert "sideways" in answer.text
    assert queries.metrics().count() == 0


@pytest.mark.usefixtures("orders")
def test_edit__current_text__in_the_form(browser):
    assert "direction = &quot;down&quot;" in browser.get("/metrics/orders/edit/").text


@pytest.mark.usefixtures("orders")
def test_edit__other_key__refused(browser):
    answer = browser.post("/metrics/orders/edit/", {"text": metric_text("other")})

    assert answer.status_code == 422
    assert "another metric" in answer.text
