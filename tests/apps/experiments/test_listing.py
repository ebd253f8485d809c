"""The list: filters, orders and filters that are kept under a name."""

from datetime import timedelta

import pytest

from experiments import listing, services, status
from experiments.status import Pill
from ledger.refusals import NotFound, Refused
from tests.apps.experiments.build import KEY, NOW, drafted, started

pytestmark = pytest.mark.django_db
BY: dict = {"actor": "rosa", "now": NOW}


@pytest.fixture
def verdicts(monkeypatch):
    known: dict = {}
    monkeypatch.setattr(status, "_verdicts", [lambda keys: {key: known[key] for key in keys if key in known}])
    return known


def keys(**asked):
    return [row.key for row in listing.page(asked, 1, now=NOW)]


@pytest.mark.parametrize(("days", "left"), [(0, 28), (27.5, 1), (28, 0), (40, -12)])
def test_page__running__days_until_its_longest_duration(days, left):
    started()
    drafted("later")

    rows = {row.key: row for row in listing.page({}, 1, now=NOW + timedelta(days=days))}

    assert (rows[KEY].days_left, rows["later"].days_left) == (left, None)


def test_page__worst_first__unhealthy_before_what_is_fine(verdicts):
    for key in ("fine", "broken", "harmed"):
        started(key, flag=key)
    verdicts |= {
        "fine": Pill("Ship", "ship"),
        "broken": Pill("Do not use", "do-not-use"),
        "harmed": Pill("Roll back", "roll-back"),
    }

    assert keys(order="worst") == ["broken", "harmed", "fine"]


def test_rank__every_tone_of_the_states__known():
    tones = {pill.tone for pill in status.OF_STATE.values()}

    assert tones <= set(status.WORST_FIRST)


def test_page__narrowed__only_what_matches():
    drafted()
    drafted("second", kind="rollout", flag="other")

    assert keys(kind="rollout") == ["second"]
    assert keys(owner="rosa") == [KEY, "second"]
    assert keys(surface="no-such") == []


def test_save_filter__on_the_page__offered_to_everybody_and_dropped_by_its_owner(browser):
    drafted()
    saved = browser.post("/experiments/filters/save/", {"name": "mine", "owner": "rosa"}, follow=True)

    assert "?owner=rosa" in saved.content.decode()
    (found,) = listing.saved()
    with pytest.raises(Refused, match="belongs to rosa"):
        services.forget_filter(filter_id=found.id, actor="amir", now=NOW)
    browser.post(f"/experiments/filters/{found.id}/drop/")

    assert listing.saved() == []


@pytest.mark.parametrize(
    ("name", "filters"), [("", {"state": "draft"}), ("all", {}), ("x" * 61, {"state": "draft"})]
)
def test_save_filter__no_name_or_nothing_narrowed__refused(name, filters):
    with pytest.raises(Refused):
        services.save_filter(name=name, filters=filters, **BY)


def test_save_filter__same_name_again__replaced():
    services.save_filter(name="mine", filters={"state": "draft"}, **BY)
    services.save_filter(name="mine", filters={"state": "running"}, **BY)

    assert [each.filters for each in listing.saved()] == [{"state": "running"}]


def test_forget_filter__unknown__not_found():
    with pytest.raises(NotFound):
        services.forget_filter(filter_id=7, **BY)
