"""The report pages: newest and pinned, before the first look, while looking, hidden results, trips."""

import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analysis import queries
from events.labels import Label, LabelKind
from events.services.labels import add_label
from experiments.models import Experiment
from ledger import jobs
from ledger import queries as ledger_queries
from tests.apps.experiments.build import drafted, started, stopped
from tests.apps.report.build import KEY, NOW, reported, resulted, tripped

pytestmark = pytest.mark.django_db
REPORT = f"/experiments/{KEY}/report/"


def asked_for(state="queued", failure=""):
    job = jobs.enqueue(kind="analysis.look", key=f"{KEY}/1/x", queue="analysis", payload={}, now=NOW)
    ledger_queries.jobs().filter(id=job.id).update(state=state, failure=failure)
    return job


def test_report__anonymous__asked_to_log_in(client):
    started()

    assert client.get(REPORT).status_code == 302


def test_report__before_the_start__leads_to_the_plan(browser):
    drafted()

    page = browser.get(REPORT).text

    assert "the experiment has not started" in page
    assert f"/experiments/{KEY}/plan/" in page


def test_report__before_the_first_look__says_when_it_comes(browser):
    started(now=timezone.now())

    page = browser.get(REPORT).text

    assert "no look has ended" in page
    assert "The first look comes by itself at" in page
    assert "Look now" in page


def test_report__first_look_overdue__points_at_the_workers(browser):
    started()

    page = browser.get(REPORT).text

    assert "The first look was due at 2026-03-02 10:05 UTC" in page
    assert "/watch/jobs/" in page


def test_report__newest__live_with_permalink(browser):
    started()
    reported("keep_running_unproven", days=10)
    newest = reported("roll_back", look=2)

    page = browser.get(REPORT).text

    assert "ROLL BACK" in page
    assert "Harm found: p95 checkout time rose 42\u202fms" in page
    assert f"/experiments/{KEY}/report/{newest.sha256[:12]}/" in page
    assert "Live" in page


def test_report__pinned__that_snapshot_and_its_neighbours(browser):
    started()
    first = reported("keep_running_unproven", days=10)
    second = reported("roll_back", look=2)

    page = browser.get(f"{REPORT}{first.sha256[:12]}/").text

    assert "Not enough data yet" in page
    assert "There is a newer one." in page
    assert re.search(rf'href="{REPORT}{second.sha256[:12]}/" data-next', page)
    assert "data-previous" not in page


def test_report__of_two_looks__says_what_changed(browser):
    started()
    reported("keep_running_unproven", days=10)
    reported("roll_back", look=2)

    assert "The verdict went from KEEP RUNNING to ROLL BACK." in browser.get(REPORT).text


def test_report__every_shown_hash__is_its_own(browser):
    started()
    snapshot = reported()

    page = browser.get(REPORT).text

    assert f'sha256: <span class="mono" data-hash>{snapshot.sha256}</span>' in page
    assert queries.snapshot(snapshot.sha256[:12]) == snapshot


@pytest.mark.parametrize("sha256", ["0" * 12, "f" * 64])
def test_report__unknown_hash__404_in_words(browser, sha256):
    started()

    answer = browser.get(f"{REPORT}{sha256}/")

    assert answer.status_code == 404
    assert "no report with this hash" in answer.text


def test_report__hash_of_another_experiment__404(browser):
    started()
    snapshot = reported()

    assert browser.get(f"/experiments/other/report/{snapshot.sha256}/").status_code == 404


def test_report__many_looks__number_of_queries_does_not_grow(browser, django_assert_num_queries):
    started()
    for look in (1, 2):
        reported(look=look, days=10 + look)
    with CaptureQueriesContext(connection) as few:
        browser.get(REPORT)
    for look in range(3, 8):
        reported(look=look, days=10 + look)

    with django_assert_num_queries(len(few)):
        browser.get(REPORT)
    assert len(few) <= 16


def test_look__asked_for__once_and_shown_as_under_way(browser):
    started(now=timezone.now() - timedelta(days=8))
    reported()

    answer = browser.post(f"/experiments/{KEY}/look/", follow=True)

    assert "A look is under way" in answer.text
    assert "hx-get" in answer.text
    assert "Look again now" not in answer.text
    assert ledger_queries.jobs(state="queued").count() == 1


def test_look_state__while_looking__stays__afterwards__reloads(browser):
    started()
    job = asked_for()

    waiting = browser.get(f"/experiments/{KEY}/look/state/")
    ledger_queries.jobs().filter(id=job.id).update(state="succeeded")
    done = browser.get(f"/experiments/{KEY}/look/state/")

    assert "A look is under way" in waiting.text
    assert "HX-Refresh" not in waiting.headers
    assert done.headers["HX-Refresh"] == "true"


def test_look__failed__says_so_with_a_way_out(browser):
    started()
    reported()
    asked_for("dead", "StoreGone: the event store <b> did not answer")

    page = browser.get(REPORT).text

    assert "The last look failed." in page
    assert "/watch/jobs/?state=dead" in page
    assert "the event store &lt;b&gt; did not answer" in page


def test_look__by_get__not_allowed(browser):
    started()

    assert browser.get(f"/experiments/{KEY}/look/").status_code == 405


def test_trip__acknowledged_then_resolved__leaves_the_page(browser):
    started(owner="otto")
    Experiment.objects.update(created_by="otto")
    trip = tripped(reported())
    path = f"/experiments/{KEY}/trips/{trip.id}"

    seen = browser.post(f"{path}/acknowledge/", follow=True).text
    settled = browser.post(f"{path}/resolve/", {"reason": "the cache was cold"}, follow=True).text

    assert "acknowledged" in seen.lower()
    assert "Open guardrail trips" not in settled
    assert queries.trip(trip.id).state == "resolved"


def test_trip__resolved_without_reason__refused_in_words(browser):
    started(owner="otto")
    Experiment.objects.update(created_by="otto")
    trip = tripped(reported())

    answer = browser.post(f"/experiments/{KEY}/trips/{trip.id}/resolve/", {"reason": " "})

    assert answer.status_code == 422
    assert "Write what was found." in answer.text


def test_trip__waived_by_the_owner__refused_and_not_offered(browser):
    started(owner="rosa")
    trip = tripped(reported())

    assert f"/trips/{trip.id}/waive/" not in browser.get(REPORT).text
    assert browser.post(f"/experiments/{KEY}/trips/{trip.id}/waive/", {"reason": "x"}).status_code == 422


def test_trip__under_another_experiment__404(browser):
    started()
    trip = tripped(reported())

    assert browser.post(f"/experiments/other/trips/{trip.id}/resolve/", {"reason": "x"}).status_code == 404


def test_health__tab__checks_arms_and_looks(browser):
    started()
    reported("srm")

    page = browser.get(f"/experiments/{KEY}/health/").text

    assert "Do units arrive in the planned shares?" in page
    assert "This alone stops the use of all numbers." in page
    assert "206,150" in page


def test_explore__tab__all_rows_and_filters(browser):
    started()
    reported()

    everything = browser.get(f"/experiments/{KEY}/explore/").text
    sliced = browser.get(f"/experiments/{KEY}/explore/?metric=checkout-p95&dimension=device").text
    nothing = browser.get(f"/experiments/{KEY}/explore/?metric=none").text

    assert "android low-end" in everything
    assert everything.count("<tr data-row>") == 13
    assert sliced.count("<tr data-row>") == 4
    assert "Nothing matches." in nothing


def test_explore__untrustworthy__nothing_to_explore(browser):
    started()
    reported("srm")

    assert "there is nothing to explore" in browser.get(f"/experiments/{KEY}/explore/").text


@pytest.mark.parametrize("tab", ["health", "explore"])
def test_tab__before_the_first_look__says_what_is_missing(browser, tab):
    started()

    assert "no look has ended" in browser.get(f"/experiments/{KEY}/{tab}/").text


@pytest.mark.parametrize(
    ("form", "kind"), [("json", "application/json"), ("md", "text/markdown"), ("csv", "text/csv")]
)
def test_export__each_form__named_and_typed(browser, form, kind):
    started()
    snapshot = reported()

    answer = browser.get(f"{REPORT}{snapshot.sha256}.{form}")

    assert answer.headers["Content-Type"].startswith(kind)
    assert f"{KEY}-look-1-{snapshot.sha256[:12]}.{form}" in answer.headers["Content-Disposition"]


def test_export__json__the_stored_text_itself(browser):
    started()
    snapshot = reported()

    answer = browser.get(f"{REPORT}{snapshot.sha256[:12]}.json")

    assert answer.content.decode() == snapshot.document
    assert json.loads(answer.content)["verdict"]["code"] == "ROLL BACK"


def test_decide__stopped_experiment__offered_with_the_hash(browser):
    stopped()
    snapshot = reported()

    assert f"/experiments/{KEY}/decision/?snapshot={snapshot.sha256}" in browser.get(REPORT).text


def test_tabs__of_a_started_experiment__all_five(browser):
    started()
    page = browser.get(f"/experiments/{KEY}/plan/").text

    assert all(
        f"/experiments/{KEY}/{tab}/" in page for tab in ("report", "plan", "health", "explore", "history")
    )


def test_explore__several_looks__effect_over_time_with_deploys(browser):
    started()
    for look in range(1, 4):
        resulted(reported(look=look, days=7 + look).run, estimate=0.5 / look)
    deployed = Label(LabelKind.DEPLOY, "cart 2.1", started_at=NOW + timedelta(days=8, hours=3))
    add_label(label=deployed, actor="ci", now=NOW + timedelta(days=9))

    page = browser.get(f"/experiments/{KEY}/explore/?metric=orders").text

    assert "Orders over time, treatment" in page
    assert page.count('<th scope="row">look ') == 3
    assert "cart 2.1" in page


def test_explore__metric_without_numbers__no_picture_but_the_table(browser):
    started()
    reported()

    page = browser.get(f"/experiments/{KEY}/explore/").text

    assert "over time" not in page
    assert "<tr data-row>" in page
