"""Every page of an experiment leads on, and runs of the past are brought on the pages as over the API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from experiments import queries, services
from flags import gates
from tests.apps.experiments.build import KEY, content, drafted, metrics, started

pytestmark = pytest.mark.django_db
PLAN = f"/experiments/{KEY}/plan/"


@pytest.fixture(autouse=True)
def no_gates(monkeypatch):
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})


def test_plan__complete_draft__leads_to_its_start(browser):
    drafted()

    page = browser.get(PLAN).text

    assert "Everything is there." in page
    assert f'href="{PLAN}#step-start"' in page
    assert 'id="step-start"' in page


def test_plan__nothing_bound__the_form_begins_with_the_hypothesis_as_primary(browser):
    metrics()
    services.create(key=KEY, content=content(), actor="rosa", now=timezone.now())

    page = browser.get(PLAN).text

    assert '<option value="orders" selected>' in page
    assert '<option value="primary" selected>' in page


def test_plan__primary_bound__the_form_goes_on_with_a_guardrail(browser):
    drafted()

    assert '<option value="guardrail" selected>' in browser.get(PLAN).text


def test_start__units_were_in_the_arms_before__their_time_with_a_reason(browser):
    drafted()

    browser.post(
        f"/experiments/{KEY}/start/",
        {"coverage": "100", "began_at": "2026-03-01T08:30", "reason": "last week's logs"},
    )

    assert queries.experiment(KEY).started_at == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def test_start__past_without_a_reason__refused_and_what_was_typed_stays(browser):
    drafted()

    answer = browser.post(f"/experiments/{KEY}/start/", {"coverage": "100", "began_at": "2026-03-01T08:30"})

    assert answer.status_code == 422
    assert 'value="2026-03-01T08:30"' in answer.text
    assert queries.experiment(KEY).state == "draft"


def test_stop__data_of_the_past__ended_then(browser):
    began = timezone.now() - timedelta(days=30)
    started(now=began)
    ended = (began + timedelta(days=14)).replace(second=0, microsecond=0)

    browser.post(
        f"/experiments/{KEY}/stop/", {"reason": "the data end here", "ended_at": f"{ended:%Y-%m-%dT%H:%M}"}
    )

    assert queries.experiment(KEY).stopped_at == ended


def test_invalid__experiment__no_next_step(browser):
    started()
    services.invalidate(key=KEY, reason="the logger was broken", actor="rosa", now=timezone.now())

    assert "data-next-step" not in browser.get(PLAN).text
