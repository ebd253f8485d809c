# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""The portfolio on stored reports: impact, interactions, timeline, week, and the promise of a roll-out."""

from datetime import timedelta

import pytest

from analysis.portfolio import promises, reads
from experiments import services
from flags import gates
from metrics import queries as metrics
from tests.apps.experiments.build import KEY, NOW, drafted, started
from tests.apps.report.build import reported, resulted

pytestmark = pytest.mark.django_db
PAGES = ("impact", "interactions", "timeline", "week")


@pytest.fixture(autouse=True)
def no_gates(monkeypatch):
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})


def decided(key=KEY, taken="ship"):
    started(key)
    snapshot = reported("ship", key=key)
    at = NOW + timedelta(days=17)
    services.stop(key=key, reason="enough", actor="rosa", now=at)
    reason = "orders rose"
    services.decide(
        key=key, taken=taken, snapshot_sha256=snapshot.sha256, reason=reason, actor="rosa", now=at
    )
    return snapshot


def text(answer):
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize("page", PAGES)
def test_page__nothing_there__says_what_is_missing(browser, page):
    answer = browser.get(f"/experiments/portfolio/{page}/")

    assert answer.status_code == 200
    assert 'class="empty"' in text(answer)


def test_promise__stored_report__effect_as_the_report_words_it():
    snapshot = decided()

    found = promises.effect(KEY, "treatment", snapshot.sha256)

    assert (found.metric, found.relative, round(found.estimate, 6)) == ("orders", True, 0.008978)
    assert found.text.startswith("+0.90")
    assert promises.effect(KEY, "no-such-arm", snapshot.sha256) is None
    assert promises.effect("other", "treatment", snapshot.sha256) is None


def test_promise__report_nobody_can_trust__no_effect():
    started()
    snapshot = reported("srm")

    assert promises.effect(KEY, "", snapshot.sha256) is None


def test_impact__shipped_and_not__only_shipped_add_up_and_both_teach(browser):
    decided()
    decided("second", taken="abandon")

    (found,) = reads.impacts()
    shown = text(browser.get("/experiments/portfolio/impact/"))

    assert (found.total.shipped, len(found.rows), found.prior.learned) == (1, 2, False)
    assert 0 < found.total.shrunk < found.total.naive == pytest.approx(0.008978, abs=1e-5)
    assert "the spread is assumed, not learned" in shown


def test_interactions__two_at_once__pair_with_its_shared_metrics(browser):
    started()
    started("second", flag="second")

    shown = text(browser.get("/experiments/portfolio/interactions/"))

    assert "Orders" in shown
    assert "Prefetch payment methods</a> and <a" in shown


def test_timeline__started__bar_with_words_for_those_who_hear_it(browser):
    started()
    drafted("second")

    shown = text(browser.get("/experiments/portfolio/timeline/"))

    assert 'aria-label="ran from 2026-03-02 to now"' in shown
    assert shown.count("<svg viewBox") - shown.count('viewBox="0 0 24 24"') == 1


def test_week__everything_that_happened__from_stored_reports(browser):
    decided()

    shown = text(browser.get("/experiments/portfolio/week/?week=2026-03-20"))
    quiet = text(browser.get("/experiments/portfolio/week/?week=2025-01-01"))

    assert "Ship" in shown
    assert "orders rose" in shown
    assert "Orders per user rose" in shown
    assert "Nothing happened" in quiet


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "soon"])
def test_week__day_without_weeks_around_it__this_week_and_a_refusal_over_the_api(browser, day):
    page = browser.get(f"/experiments/portfolio/week/?week={day}")

    assert (page.status_code, page.context["is_past"]) == (200, False)
    assert browser.get(f"/api/v1/portfolio/digest?week={day}").status_code == 422


def test_week__results_still_hidden__not_told(browser):
    started()
    reported("keep_running_early", days=3.0)

    shown = text(browser.get("/experiments/portfolio/week/?week=2026-03-05"))

    assert "results are hidden until the minimum duration" in shown


def test_api__portfolio__same_as_the_pages(browser):
    decided()
    started("second")

    impact = browser.get("/api/v1/portfolio/impact").json()
    digest = browser.get("/api/v1/portfolio/digest", {"week": "2026-03-20"}).json()
    pairs = browser.get("/api/v1/portfolio/interactions")

    assert impact[0]["total"]["shipped"] == 1
    assert digest["decided"] == [{"experiment": KEY, "taken": "ship"}]
    assert digest["reports"][0]["verdict"] == "SHIP"
    assert pairs.status_code == 200
    assert browser.get("/api/v1/portfolio/digest", {"week": "x"}).status_code == 422


@pytest.fixture
def looked():
    """A report with the estimates of both arms behind it."""
    started()
    snapshot = reported("ship")
    orders = {"metric_version_id": metrics.version("orders").id, "metric": "orders"}
    sides = {"control": (10.0, 0.01), "treatment": (10.2, 0.01)}
    detail = {
        side: {"estimate": {"value": value, "variance": error}} for side, (value, error) in sides.items()
    }
    resulted(snapshot.run, detail=detail, **orders)


@pytest.mark.usefixtures("looked")
def test_posterior__stated_prior__shrinks_towards_no_effect(browser):
    wide = browser.get(f"/api/v1/experiments/{KEY}/posterior", {"prior_sd": "100"}).json()["metrics"][0]
    narrow = browser.get(f"/api/v1/experiments/{KEY}/posterior", {"prior_sd": "1"}).json()["metrics"][0]

    assert wide["mean"] == pytest.approx(0.02, rel=0.02)
    assert 0 < narrow["mean"] < wide["mean"]
    assert 0.5 < narrow["probability_positive"] < wide["probability_positive"] < 1
    assert "It decides nothing" in text(browser.get(f"/experiments/{KEY}/posterior/"))


def test_posterior__control_not_clearly_above_zero__none_and_why(browser):
    started()
    snapshot = reported("ship")
    detail = {
        side: {"estimate": {"value": value, "variance": 0.01}}
        for side, value in (("control", 0.05), ("treatment", 0.3))
    }
    resulted(snapshot.run, metric_version_id=metrics.version("orders").id, metric="orders", detail=detail)

    [row] = browser.get(f"/api/v1/experiments/{KEY}/posterior").json()["metrics"]

    assert row == {"metric": "orders", "role": "primary", "arm": "treatment", "status": "unbounded"}
    assert "the control is not clearly above zero" in text(browser.get(f"/experiments/{KEY}/posterior/"))


@pytest.mark.usefixtures("looked")
@pytest.mark.parametrize("prior_sd", ["x", "0", "-1", "1000"])
def test_posterior__impossible_prior__refused_and_kept(browser, prior_sd):
    answer = browser.get(f"/experiments/{KEY}/posterior/", {"prior_sd": prior_sd})

    assert answer.status_code == 422
    assert f'value="{prior_sd}"' in text(answer)


def test_posterior__untrusted_numbers_or_no_look__nothing_shown(browser):
    started()
    assert "Nothing to read yet" in text(browser.get(f"/experiments/{KEY}/posterior/"))

    reported("srm")

    assert browser.get(f"/experiments/{KEY}/posterior/").status_code == 409
    assert browser.get(f"/api/v1/experiments/{KEY}/posterior").status_code == 409
