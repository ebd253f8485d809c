"""What the report's pages hide: untrustworthy effects, and results before the minimum duration."""

from datetime import timedelta

import pytest
from django.utils import timezone

from analysis import unblinding
from ledger import queries as ledger_queries
from ledger.refusals import Refused
from tests.apps.experiments.build import started
from tests.apps.report.build import KEY, NOW, reported
from tests.golden.report.test_golden import texts_of

pytestmark = pytest.mark.django_db
REPORT = f"/experiments/{KEY}/report/"


@pytest.fixture
def visitor(client, django_user_model):
    """Somebody who does not own the experiment."""
    client.force_login(django_user_model.objects.create_user("mina"))
    return client


def test_untrustworthy__effects_hidden_until_asked_for_and_that_is_logged(browser):
    started()
    snapshot = reported("srm")

    hidden = browser.get(REPORT).text
    shown = browser.post(f"{REPORT}{snapshot.sha256}/reveal/", follow=True).text

    assert "What moved" not in hidden
    assert "Show them to me; this is logged" in hidden
    assert "What moved" in shown
    (row,) = ledger_queries.audit_of(f"experiment:{KEY}").filter(action=unblinding.REVEALED)
    assert (row.actor, row.after) == ("rosa", {"snapshot": snapshot.sha256})


def test_untrustworthy__revealed_once__other_snapshots_stay_hidden(browser):
    started()
    first = reported("srm")
    browser.post(f"{REPORT}{first.sha256}/reveal/")
    reported("missing_check", look=2, days=17)

    assert "What moved" not in browser.get(REPORT).text


@pytest.fixture
def blind(monkeypatch):
    """An early report whose minimum duration ends in the future."""
    started()
    snapshot = reported("keep_running_early", days=3)
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(days=3, hours=1))
    return snapshot


def test_blind__viewer_before_the_minimum_duration__verdict_but_no_results(visitor, blind):
    page = visitor.get(REPORT).text

    assert "Results are hidden until 2026-03-09" in page
    assert "KEEP RUNNING" in page
    assert "What moved" not in page
    assert "0.90" not in " ".join(texts_of(page))
    assert visitor.get(f"/experiments/{KEY}/explore/").text.count("Results are hidden until") == 1


def test_blind__viewer__is_not_told_what_changed_and_gets_no_exports(visitor, monkeypatch):
    started()
    reported("inconclusive", days=2)
    reported("keep_running_early", look=2, days=3)
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(days=3, hours=1))

    page = visitor.get(REPORT).text

    assert "Since the look before" not in page
    assert ".json" not in page


def test_blind__owner__sees_them_and_can_open_them(browser, blind):
    page = browser.get(REPORT).text

    assert "What moved" in page
    assert "Only you see these results until 2026-03-09" in page


@pytest.mark.parametrize("form", ["json", "md", "csv"])
def test_blind__viewer__exports_refused(visitor, blind, form):
    answer = visitor.get(f"{REPORT}{blind.sha256}.{form}")

    assert answer.status_code == 409
    assert "hidden until the minimum duration" in answer.text


def test_blind__opened_by_the_owner__everybody_sees_and_it_is_logged(client, django_user_model, blind):
    rosa, mina = (django_user_model.objects.create_user(name) for name in ("rosa", "mina"))
    client.force_login(rosa)
    client.post(f"{REPORT}{blind.sha256}/unblind/", {"reason": "an incident needs it"})
    client.force_login(mina)

    assert "What moved" in client.get(REPORT).text
    (row,) = ledger_queries.audit_of(f"experiment:{KEY}").filter(action=unblinding.UNBLINDED)
    assert (row.actor, row.reason, row.after) == ("rosa", "an incident needs it", {"plan_version": 1})


def test_blind__opened_by_somebody_else_or_without_reason__refused(visitor, blind):
    refused = visitor.post(f"{REPORT}{blind.sha256}/unblind/", {"reason": "curious"})

    assert refused.status_code == 422
    assert "only the owner" in refused.text
    with pytest.raises(Refused, match="needs a reason"):
        unblinding.unblind(key=KEY, plan_version=1, reason=" ", actor="rosa", now=NOW)
    assert not unblinding.is_unblinded(KEY, 1)


def test_blind__minimum_duration_over__visible(visitor, blind, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(days=7))

    assert "What moved" in visitor.get(REPORT).text


def test_blind__harm_found_early__never_hidden(visitor, monkeypatch):
    started()
    reported("roll_back", days=2)
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(days=2, hours=1))

    assert "What moved" in visitor.get(REPORT).text
