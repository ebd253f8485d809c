# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="index"
"""Runs of the past: their true times are kept, and the audit says when they were recorded and why."""

from datetime import datetime, timedelta

import pytest

from experiments import queries, services
from experiments.models import ExperimentVersion, Phase
from ledger import queries as ledger_queries
from ledger.refusals import Refused
from tests.apps.experiments.build import KEY, NOW, drafted, started

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=10)


def state():
    return queries.experiment(KEY).state


def test_start_and_stop__run_of_the_past_is_imported__true_times_in_the_plan_both_times_in_the_audit():
    drafted()
    began_at, ended_at = NOW - timedelta(days=30), NOW - timedelta(days=16)

    services.start(key=KEY, actor="rosa", now=LATER, began_at=began_at, reason="replay of a recorded run")
    services.stop(key=KEY, actor="rosa", now=LATER, ended_at=ended_at, reason="replay of a recorded run")

    plan = queries.plan(KEY)
    phase = Phase.objects.get()
    rows = {row.action: row for row in ledger_queries.audit_of(f"experiment:{KEY}")}
    assert (plan.started_at, plan.stopped_at) == (began_at, ended_at)
    assert (phase.started_at, phase.ended_at) == (began_at, ended_at)
    assert ExperimentVersion.objects.get().locked_at == LATER
    for action, happened_at in (("started", began_at), ("stopped", ended_at)):
        row = rows[f"experiment.{action}"]
        assert (row.at, row.reason) == (LATER, "replay of a recorded run")
        assert row.after["happened_at"] == happened_at.isoformat()


@pytest.mark.parametrize(
    ("began_at", "reason", "field"),
    [
        (LATER + timedelta(seconds=1), "replay", "happened_at"),
        (datetime.fromisoformat("0001-01-01T00:00:00+14:00"), "replay", "happened_at"),
        (NOW, "", "reason"),
    ],
)
def test_start__past_that_cannot_be__refused_and_nothing_started(began_at, reason, field):
    drafted()

    with pytest.raises(Refused) as refused:
        services.start(key=KEY, actor="rosa", now=LATER, began_at=began_at, reason=reason)

    assert refused.value.problems[0].field == field
    assert state() == "draft"


def test_stop__before_the_start__refused():
    started()

    with pytest.raises(Refused) as refused:
        services.stop(key=KEY, actor="rosa", now=LATER, ended_at=NOW - timedelta(days=1), reason="import")

    assert refused.value.problems[0].field == "ended_at"
    assert state() == "running"
