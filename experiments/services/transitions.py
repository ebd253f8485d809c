"""The only writer of the states of experiments and of their changes.

A move, its times and its audit row are one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from experiments import changes, lifecycle, queries
from experiments.changes import ChangeState
from experiments.lifecycle import State
from experiments.models import Experiment, PendingChange
from ledger import audit
from ledger.refusals import refuse
from ledger.times import EARLIEST, TOO_EARLY
from metrics.reading import what_is_wrong_with

MAX_REASON = 2000


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, when and why.

    `happened_at` is set when the step is recorded later than it took effect, as imports do: the experiment
    gets that time, the audit row gets `now` and says both. Such a step needs a reason.
    """

    actor: str
    now: datetime
    reason: str = ""
    happened_at: datetime | None = None

    def __post_init__(self) -> None:
        wrong = what_is_wrong_with(self.reason, limit=MAX_REASON) if self.reason.strip() else ""
        if wrong:
            raise refuse("reason", self.reason, wrong, "Write plain sentences.")
        if self.happened_at is not None:
            self._check_the_past(self.happened_at)

    @property
    def at(self) -> datetime:
        """When the step took effect."""
        return self.happened_at or self.now

    def _check_the_past(self, happened_at: datetime) -> None:
        if happened_at > self.now:
            raise refuse(
                "happened_at", happened_at.isoformat(), "this lies ahead", "Name a time that is past."
            )
        if happened_at < EARLIEST:
            raise refuse("happened_at", happened_at.isoformat(), TOO_EARLY, "Name the time it is from.")
        self.with_reason()

    def with_reason(self) -> "Act":
        """Itself; raises Refused when no reason is given."""
        if not self.reason.strip():
            raise refuse("reason", self.reason, "this needs a reason", "Write one sentence for the history.")
        return self


def locked_row(key: str) -> Experiment:
    """The experiment, held until the end of the transaction so that two people cannot move it at once."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an experiment is locked inside a transaction")
    queries.experiment(key)
    return Experiment.objects.select_for_update(no_key=True).get(key=key)


def move(experiment: Experiment, to: State, action: str, act: Act) -> None:
    """Bring a locked row into the state `to`, or raise Conflict; `action` names the audit row."""
    before = experiment.lifecycle_state
    lifecycle.check(experiment.key, before, to)
    experiment.state = to
    if to is State.RUNNING and experiment.started_at is None:
        experiment.started_at = act.at
    if before in lifecycle.EXPOSING and to not in lifecycle.EXPOSING:
        experiment.stopped_at = act.at
    experiment.save(update_fields=["state", "started_at", "stopped_at"])
    past = {} if act.happened_at is None else {"happened_at": act.happened_at.isoformat()}
    note(experiment, action, act, {"state": before.value}, {"state": to.value, **past})


def move_change(change: PendingChange, to: ChangeState, act: Act) -> None:
    """Bring a change of a locked experiment into the state `to`, or raise Conflict."""
    before = change.change_state
    changes.check(before, to)
    change.state = to
    if to is ChangeState.APPROVED:
        change.approved_by = act.actor
    if to not in changes.OPEN:
        change.ended_at, change.ended_by, change.end_reason = act.now, act.actor, act.reason
    change.save()
    facts = {"change": change.id, "kind": change.kind}
    note(
        change.experiment, f"change.{to}", act, {**facts, "state": before.value}, {**facts, "state": to.value}
    )


def note(
    experiment: Experiment,
    action: str,
    act: Act,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write the audit row of a change of this experiment."""
    audit.record(
        now=act.now,
        actor=act.actor,
        action=f"experiment.{action}",
        subject=f"experiment:{experiment.key}",
        before=before,
        after=after,
        reason=act.reason,
    )
