"""What stands around a report: two looks side by side, rules, sign-offs, every form, marks over time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from analysis.report import signoffs
from analysis.report.forms import FORMS
from analysis.report.signoffs import Link, SignOff, SignOffState, Standing
from experiments import services as experiments
from flags.services import start_ramp
from organisation import services as organisation
from tests.apps.experiments.build import started, stopped
from tests.apps.flags import build as flags
from tests.apps.report.build import KEY, NOW, reported, resulted, tripped

pytestmark = pytest.mark.django_db
REPORT = f"/experiments/{KEY}/report/"
AGAINST = f"{REPORT}against/"


@pytest.fixture
def known(monkeypatch):
    """Says what stands beside the report: `known(Standing(...))`."""
    monkeypatch.setattr(signoffs, "_providers", [])
    return lambda standing: signoffs.register(lambda key: standing)


def test_against__newest_two__what_changed_and_both_results(browser):
    started()
    reported("keep_running_unproven", days=10)
    reported("roll_back", look=2)

    page = browser.get(AGAINST).text

    assert "The verdict went from KEEP RUNNING to ROLL BACK." in page
    assert "Results at both looks" in page
    assert ">changed</span>" in page


def test_against__named_looks__those(browser):
    started()
    first = reported("ship", days=10)
    reported("roll_back", look=2)
    third = reported("ship", look=3, days=17)

    page = browser.get(f"{AGAINST}?before={first.sha256[:12]}&after={third.sha256[:12]}").text

    assert "only numbers moved" in page
    assert f"Before, {first.sha256[:12]}" in page
    assert f"After, {third.sha256[:12]}" in page


def test_against__one_look__says_so(browser):
    started()
    reported()

    assert "There are no two looks yet." in browser.get(AGAINST).text


def test_against__hash_of_nothing__404(browser):
    started()
    reported()
    reported(look=2, days=17)

    assert browser.get(f"{AGAINST}?before={'0' * 12}").status_code == 404


def test_against__effects_hidden__not_compared(browser):
    started()
    reported("ship", days=10)
    reported("srm", look=2)

    page = browser.get(AGAINST).text

    assert "cannot be trusted" in page
    assert "Results at both looks" not in page
    assert "No dollar model" not in page


def test_against__blind_look__not_compared(client, django_user_model, monkeypatch):
    client.force_login(django_user_model.objects.create_user("mina"))
    started()
    reported("keep_running_early", days=1)
    reported("keep_running_early", look=2, days=2)
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(days=2, hours=1))

    page = client.get(AGAINST).text

    assert "Results at both looks" not in page
    assert "hidden until the minimum duration ends" in page


def test_rules__all__named_with_version_and_questions(browser):
    page = browser.get("/experiments/-/rules/").text

    assert "default-ship v1" in page
    assert "price v2" in page
    assert "price v1" in page
    assert "A blocking guardrail shows harm?" in page
    assert page.count("In force") == 3


def test_decision__nothing_known__says_so_for_each(browser, known):
    started()
    reported()

    page = browser.get(REPORT).text

    assert "none asked for" in page
    assert "An experiment is decided after it has stopped" in page


def test_decision__sign_offs_review_incident_and_trip__live_beside_the_snapshot(browser, known):
    started()
    snapshot = reported()
    tripped(snapshot)
    at = NOW + timedelta(days=17)
    known(
        Standing(
            review=Link("Launch review 7", "/reviews/7/", "blocked", "blocked"),
            sign_offs=(
                SignOff("performance", SignOffState.REJECTED, "ana", at, snapshot.sha256, "p95 first"),
                SignOff("quality", SignOffState.APPROVED, "bo", at, "f" * 64),
                SignOff("product", SignOffState.PENDING),
            ),
            incidents=(Link("Slow checkout", "/reviews/incidents/3/", "open", "harm"),),
        )
    )

    page = browser.get(REPORT).text

    assert "performance: blocked" in page
    assert "p95 first" in page
    assert "quality: ok" in page
    assert "on snapshot ffffffffffff" in page
    assert "product: waiting" in page
    assert 'href="/reviews/7/"' in page
    assert 'href="/reviews/incidents/3/"' in page
    assert "Errors in treatment" in page


def test_decision__other_than_recommended__says_that_it_deviates(browser):
    stopped(now=NOW)
    snapshot = reported("ship", days=16)
    experiments.decide(
        key=KEY,
        taken="abandon",
        reason="the partner left",
        snapshot_sha256=snapshot.sha256,
        actor="rosa",
        now=NOW,
    )

    page = browser.get(REPORT).text

    assert "the partner left" in page
    assert "deviates from the recommendation SHIP" in page


def test_decision__earlier_experiment_on_the_same_flag__named(browser):
    stopped("checkout-first", title="First try at prefetching")
    experiments.invalidate(key="checkout-first", reason="wrong arm", actor="rosa", now=NOW)
    started()
    reported()

    page = browser.get(REPORT).text

    assert "First try at prefetching" in page


def test_decision__earlier_experiment_on_the_same_surface__named_whatever_its_flag(browser):
    by = {"actor": "rosa", "now": NOW}
    organisation.create_team(key="shop", name="Shop", owner="rosa", **by)
    for surface in ("cart", "search"):
        organisation.create_surface(key=surface, name=surface, team="shop", owner="rosa", **by)
    flags.flag("other-flag")
    stopped("cart-first", title="First try at the cart", flag="other-flag", surface="cart")
    flags.flag("third-flag")
    stopped("search-first", title="Something in the search", flag="third-flag", surface="search")
    started(surface="cart")
    reported()

    page = browser.get(REPORT).text

    assert "First try at the cart" in page
    assert "Something in the search" not in page


@pytest.mark.parametrize("form", FORMS)
def test_form__every_one__served_by_console_and_api_alike(browser, form):
    started()
    snapshot = reported()

    page = browser.get(f"{REPORT}{snapshot.sha256}.{form}")
    api = browser.get(f"/api/v1/reports/{snapshot.sha256}.{form}")

    assert page.status_code == api.status_code == 200
    assert page.headers["Content-Type"] == api.headers["Content-Type"] == FORMS[form].content_type
    assert page.headers["ETag"] == api.headers["ETag"] == f'"{snapshot.sha256}"'
    assert form == "eml" or page.content == api.content


@pytest.mark.parametrize(("form", "begins"), [("svg", b"<svg xmlns="), ("png", b"\x89PNG")])
@pytest.mark.parametrize("where", [REPORT, "/api/v1/reports/"])
def test_chart__of_a_report__served(browser, form, begins, where):
    started()
    snapshot = reported()

    answer = browser.get(f"{where}{snapshot.sha256}/charts/what-moved.{form}")

    assert answer.content.startswith(begins)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_chart__data_not_trustworthy_or_unknown__refused(browser):
    started()
    hidden, shown = reported("srm"), reported(look=2, days=17)

    assert browser.get(f"{REPORT}{hidden.sha256}/charts/what-moved.svg").status_code == 409
    assert browser.get(f"{REPORT}{shown.sha256}/charts/nothing.svg").status_code == 404


def test_explore__distribution__drawn_and_listed(browser):
    started()
    reported("distribution")

    page = browser.get(f"/experiments/{KEY}/explore/").text

    assert "Distribution of p95 checkout time" in page
    assert "Numbers of the distribution" in page
    assert "A/A splits by metric" in page
    assert "out of bounds" in page


def test_explore__ramp_step__marked_once_with_both_coverages(browser):
    started()
    flags.flag(KEY)
    flags.published([flags.split(50_000)], flag=KEY)
    step = {"coverage_ppm": 250_000, "hold_minutes": 60}
    ramped = NOW + timedelta(days=3)
    start_ramp(flag=KEY, environment="production", steps=[step], actor="ada", now=ramped)
    resulted(reported(days=7).run)

    page = browser.get(f"/experiments/{KEY}/explore/?metric=orders").text

    assert page.count("ramp: coverage 5\u202f% to 25\u202f%") == 2  # in the picture and in the list
    assert "<title>weekend</title>" in page
