# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Changes of a running experiment under review: the second axis, who may agree, what may be applied."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from experiments import changes, queries, services
from experiments.changes import ChangeState
from experiments.models import PendingChange
from experiments.services.transitions import Act, locked_row, move_change
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, Refused
from tests.apps.experiments.build import KEY, NOW, drafted, started

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
ROSA: dict = {"key": KEY, "actor": "rosa", "now": LATER}
AMIR: dict = {"key": KEY, "actor": "amir", "now": LATER}


def revised():
    """A running experiment with an edited draft version."""
    started()
    services.revise(reason="a longer run", **ROSA)
    services.edit(content={"max_days": 60}, **ROSA)


def axis():
    return queries.change_state(queries.experiment(KEY))


def test_request__edited_version__running_goes_on_and_the_difference_is_said():
    revised()

    change = services.request_change(reason="weekends count", **ROSA)

    assert queries.experiment(KEY).state == "running"
    assert axis() is ChangeState.REVIEW
    assert change.diff == {"max_days": [28, 60], "version": [1, 2]}


def test_apply__agreed_by_somebody_else__new_version_and_phase():
    revised()
    services.request_change(reason="weekends count", **ROSA)
    services.approve_change(**AMIR)

    services.apply_change(**ROSA)

    assert queries.plan(KEY).max_days == 60
    assert queries.phases(KEY).count() == 2
    assert axis() is ChangeState.IDLE
    assert queries.pending_changes(KEY).get().state == "applied"


def test_approve__who_asked__refused_by_service_and_database():
    revised()
    services.request_change(reason="weekends count", **ROSA)

    with pytest.raises(Refused, match="cannot agree"):
        services.approve_change(**ROSA)
    with pytest.raises(IntegrityError, match="not_approved_by_who_asked"), transaction.atomic():
        PendingChange.objects.update(approved_by="rosa")


def test_apply__not_agreed_yet__conflict_whichever_way():
    revised()
    services.request_change(reason="weekends count", **ROSA)

    for apply in (services.apply_change, services.apply_revision):
        with pytest.raises(Conflict, match="has to approve it first"):
            apply(reason="now", **ROSA)

    assert queries.plan(KEY).version == 1


def test_edit__while_under_review__refused_until_withdrawn():
    revised()
    services.request_change(reason="weekends count", **ROSA)

    with pytest.raises(Conflict, match="is review"):
        services.edit(content={"max_days": 90}, **ROSA)
    with pytest.raises(Conflict):
        services.bind_metric(content={"metric": "errors", "role": "diagnostic"}, **ROSA)
    services.reject_change(reason="I changed my mind", **ROSA)
    services.edit(content={"max_days": 90}, **ROSA)

    assert axis() is ChangeState.IDLE


def test_coverage__asked_agreed_applied__grows():
    drafted()
    services.start(key=KEY, actor="rosa", now=NOW, coverage_ppm=100_000)
    services.request_change(reason="a quiet day", coverage_ppm=300_000, **ROSA)

    with pytest.raises(Conflict, match="another coverage"):
        services.raise_coverage(coverage_ppm=500_000, reason="faster", **ROSA)
    services.approve_change(**AMIR)
    services.apply_change(**ROSA)

    assert queries.open_phase(KEY).coverage_ppm == 300_000
    assert axis() is ChangeState.IDLE


def test_expire__nobody_applied_in_time__timed_out_once():
    revised()
    services.request_change(reason="weekends count", **ROSA)
    late = LATER + changes.LASTS

    assert services.expire_changes(now=late - timedelta(seconds=1)) == 0
    assert services.expire_changes(now=late) == 1
    assert services.expire_changes(now=late) == 0

    assert queries.pending_changes(KEY).get().state == "timed_out"


def test_stop__change_open__change_ends_with_the_experiment():
    revised()
    services.request_change(reason="weekends count", **ROSA)

    services.stop(reason="harm", **ROSA)

    assert queries.pending_changes(KEY).get().state == "rejected"


def test_changes__every_step__stands_in_the_audit():
    revised()
    services.request_change(reason="weekends count", **ROSA)
    services.approve_change(**AMIR)
    services.apply_change(**ROSA)

    actions = [row.action for row in reversed(ledger_queries.audit_of(f"experiment:{KEY}"))]
    assert [each for each in actions if "change" in each] == [
        "experiment.change.requested",
        "experiment.change.approved",
        "experiment.change.applied",
    ]


ROWS = [state for state in ChangeState if state is not ChangeState.IDLE]


@pytest.mark.parametrize("before", ROWS)
def test_change__every_pair_of_states__helper_and_database_agree_with_the_table(before):
    revised()
    change = services.request_change(reason="weekends count", **ROSA)
    _bring(change, before)
    for after in ROWS:
        with transaction.atomic():
            _move(PendingChange.objects.get(id=change.id), before, after)
            transaction.set_rollback(True)


def _move(change, before, after):
    locked_row(KEY)
    if after in changes.ALLOWED[before]:
        move_change(change, after, Act("amir", LATER, "because"))
        assert queries.pending_changes(KEY).get().change_state is after
        return
    with pytest.raises(Conflict):
        move_change(change, after, Act("amir", LATER, "because"))
    if before != after:
        with pytest.raises(DatabaseError), transaction.atomic():
            PendingChange.objects.filter(id=change.id).update(state=after)


def _bring(change, wanted):
    """Along the table."""
    path = {ChangeState.REVIEW: [], ChangeState.APPLIED: [ChangeState.APPROVED, ChangeState.APPLIED]}
    locked_row(KEY)
    for state in path.get(wanted, [wanted]):
        move_change(change, state, Act("amir", LATER, "because"))
