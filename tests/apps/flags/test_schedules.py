# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Scheduled changes: carried out once, when due, unless something objects by then."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from flags import gates, queries, services
from flags.gates import Finding
from flags.models import ScheduledChange
from flags.services import schedules
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, Refused
from tests.apps.flags.build import BY, NOW, definition, draft, flag, live, published, split

pytestmark = pytest.mark.django_db
AT: dict = {"flag": "checkout", "environment": "production"}
BOB: dict = {"actor": "bob", "now": NOW}
DUE = NOW + timedelta(hours=3)


@pytest.fixture(autouse=True)
def opened():
    flag()
    published([split(100_000)])


def planned(kind="coverage", **overrides):
    wanted = {"kind": kind, "run_at": DUE} | ({"coverage_ppm": 300_000} if kind == "coverage" else {})
    return services.schedule_change(**AT, **(wanted | overrides), **BY)


def coverage():
    return definition()["rules"][0]["split"]["coverage_ppm"]


def settled(change):
    change.refresh_from_db()
    return change.state, change.outcome


def test_coverage__due__set_once_however_often_the_clock_ticks():
    change = planned(reason="before the sale")

    ticks = [schedules.tick(now=DUE + timedelta(minutes=n)) for n in (-1, 0, 0, 1)]

    assert (ticks, coverage()) == ([0, 1, 0, 0], 300_000)
    assert settled(change) == ("done", "version 3 went live")
    assert (live().published_by, live().reason) == ("ada", "scheduled by ada: before the sale")
    actions = [row.action for row in ledger_queries.audit_of("flag:checkout")[:3]]
    assert actions == ["flag.change.done", "flag.version.published", "flag.change.scheduled"]


def test_switches__due__off_and_on_again():
    planned("switch_off")
    planned("switch_on", run_at=DUE + timedelta(hours=1))

    schedules.tick(now=DUE)
    was_on = definition()["on"]
    schedules.tick(now=DUE + timedelta(hours=1))

    assert (was_on, definition()["on"]) == (False, True)


def test_publish__due__the_version_that_was_scheduled():
    saved = draft([split(500_000)])
    planned("publish", version=saved.number)

    schedules.tick(now=DUE)

    assert live().number == saved.number


def test_publish__draft_edited_since__refused_not_published_unseen():
    saved = draft([split(500_000)])
    change = planned("publish", version=saved.number)
    draft([split(900_000)])

    schedules.tick(now=DUE)

    assert coverage() == 100_000
    assert settled(change)[0] == "refused"
    assert "somebody changed it meanwhile" in settled(change)[1]


def test_gates__asked_when_due_not_when_planned(monkeypatch):
    change = planned()
    objecting = {action: [lambda subject: [Finding("trip", "tripped")]] for action in gates.ACTIONS}
    monkeypatch.setattr(gates, "_gates", objecting)

    schedules.tick(now=DUE)
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})
    schedules.tick(now=DUE + timedelta(minutes=1))

    assert (settled(change), coverage()) == (("refused", "tripped"), 100_000)


def test_archived_flag__due__refused_and_others_go_on():
    flag("other")
    published([split(100_000)], flag="other")
    change = planned()
    services.schedule_change(
        flag="other", environment="production", kind="coverage", coverage_ppm=5, run_at=DUE, **BY
    )
    services.archive(flag="checkout", reason="gone", **BY)

    assert schedules.tick(now=DUE) == 2

    assert settled(change) == ("refused", "this flag is archived")
    assert definition("other")["rules"][0]["split"]["coverage_ppm"] == 5


def test_change__a_day_late__not_carried_out():
    change = planned()

    schedules.tick(now=DUE + timedelta(hours=25))

    assert coverage() == 100_000
    assert "nothing carried it out for a day" in settled(change)[1]


def test_change__cancelled__does_not_happen_and_cannot_be_cancelled_again():
    change = planned()

    services.cancel_change(change_id=change.id, reason="not today", **BOB)
    schedules.tick(now=DUE)

    assert (settled(change), coverage()) == (("cancelled", "not today"), 100_000)
    with pytest.raises(Conflict, match="this change is cancelled"):
        services.cancel_change(change_id=change.id, **BOB)


def test_review__required__only_with_the_approval_of_somebody_else():
    services.require_review(environment="production", is_required=True, reason="real users", **BY)
    alone, together = planned(), planned(run_at=DUE + timedelta(minutes=1))
    with pytest.raises(Refused, match="cannot approve it"):
        services.approve_change(change_id=together.id, **BY)
    services.approve_change(change_id=together.id, **BOB)

    schedules.tick(now=DUE)
    after_first = coverage()
    schedules.tick(now=DUE + timedelta(minutes=1))

    assert (after_first, settled(alone)[0]) == (100_000, "refused")
    assert (coverage(), settled(together)[0], live().reviewed_by) == (300_000, "done", "bob")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": "delete"}, "this cannot be scheduled"),
        ({"run_at": NOW}, "not within the coming year"),
        ({"run_at": NOW + timedelta(days=400)}, "not within the coming year"),
        ({"run_at": datetime(2026, 3, 3)}, "a time needs a zone"),
        ({"coverage_ppm": None}, "this is missing"),
        ({"coverage_ppm": 1_000_001}, "this is no coverage"),
        ({"rule": "nowhere"}, "no rule with a coverage has this id"),
        ({"kind": "publish", "version": 2}, "this version is published"),
        ({"kind": "publish", "version": 99}, "there is no such version"),
    ],
)
def test_change__that_cannot_be__refused_at_once(changed, words):
    with pytest.raises(Refused, match=words):
        planned(**changed)

    assert not ScheduledChange.objects.exists()


def test_changes__too_many__refused():
    for minute in range(schedules.MAX_PENDING):
        planned(run_at=DUE + timedelta(minutes=minute))

    with pytest.raises(Conflict, match="20 changes are scheduled"):
        planned()


def test_change__planned__what_it_does_never_changes_in_the_database():
    change = planned()

    for what in ({"coverage_ppm": 1}, {"run_at": NOW}, {"created_by": "eve"}, {"checksum": "x"}):
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
            ScheduledChange.objects.filter(id=change.id).update(**what)
    assert queries.scheduled_change(change.id).is_pending
