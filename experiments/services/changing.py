"""Changes of a running experiment that wait for somebody else's agreement.

The experiment keeps its state meanwhile; who asked for a change cannot agree to it, and what is under review
is not edited.
"""

from datetime import datetime

from django.db import transaction

from experiments import changes, queries
from experiments.changes import ChangeKind, ChangeState
from experiments.lifecycle import State
from experiments.models import Experiment, PendingChange
from experiments.plan import WHOLE_PPM
from experiments.services.transitions import Act, locked_row, move_change, note
from flags import queries as flag_queries
from ledger.refusals import Conflict, problem, refuse

CLOCK = "clock"


@transaction.atomic
def request_change(
    *, key: str, actor: str, now: datetime, reason: str, coverage_ppm: int | None = None
) -> PendingChange:
    """Ask somebody else to agree to the draft version, or to a larger coverage when one is given."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    if experiment.lifecycle_state is not State.RUNNING:
        why = f'"{key}" is {experiment.lifecycle_state.words}'
        raise Conflict(problem("state", experiment.state, why, "Only a running experiment is changed."))
    raise_if_under_review(experiment)
    asked = (
        _version_change(experiment) if coverage_ppm is None else _coverage_change(experiment, coverage_ppm)
    )
    asked.reason, asked.requested_by, asked.requested_at = reason, actor, now
    asked.expires_at = now + changes.LASTS
    asked.save()
    note(
        experiment,
        "change.requested",
        act,
        after={"change": asked.id, "kind": asked.kind, "diff": asked.diff},
    )
    return asked


@transaction.atomic
def approve_change(*, key: str, actor: str, now: datetime, reason: str = "") -> PendingChange:
    """Agree to the open change. Who asked for it cannot."""
    change = _open(locked_row(key))
    if actor == change.requested_by:
        raise refuse("approver", actor, "who asked for a change cannot agree to it", "Ask somebody else.")
    move_change(change, ChangeState.APPROVED, Act(actor, now, reason))
    return change


@transaction.atomic
def reject_change(*, key: str, actor: str, now: datetime, reason: str) -> PendingChange:
    """Say no to the open change, or withdraw one's own; the draft version stays and can be edited again."""
    change = _open(locked_row(key))
    move_change(change, ChangeState.REJECTED, Act(actor, now, reason).with_reason())
    return change


@transaction.atomic
def expire_changes(*, now: datetime) -> int:
    """Time out the changes nobody applied in time; returns how many. Safe to run twice."""
    late = PendingChange.objects.filter(state__in=changes.OPEN, expires_at__lte=now)
    keys = list(late.values_list("experiment__key", flat=True))
    for key in keys:
        change = queries.open_change(locked_row(key))
        if change is not None and change.expires_at <= now:
            days = changes.LASTS.days
            move_change(change, ChangeState.TIMED_OUT, Act(CLOCK, now, f"not applied within {days} days"))
    return len(keys)


def raise_if_under_review(experiment: Experiment, kind: ChangeKind | None = None) -> None:
    """Conflict while a change (of this kind) is open: what is being judged does not move."""
    change = queries.open_change(experiment, kind)
    if change is not None:
        why = f"a change asked for by {change.requested_by} is {change.change_state.words}"
        raise Conflict(problem("change", change.kind, why, "Apply it, or reject it with a reason, first."))


def raise_if_unapproved(experiment: Experiment, kind: ChangeKind, coverage_ppm: int | None = None) -> None:
    """Conflict while an open change of this kind is not agreed to, or agreed to with another coverage.

    Without a change under review it may be applied at once, unless the environment requires a review.
    """
    change = queries.open_change(experiment, kind)
    if change is None:
        raise_if_review_is_required(experiment, "change", "Ask for the change; somebody else approves it.")
        return
    if change.coverage_ppm != coverage_ppm:
        fix = f"Apply the change to {change.coverage_ppm} ppm, or reject it, first."
        raise Conflict(problem("coverage_ppm", coverage_ppm, "another coverage is under review", fix))
    if change.change_state is not ChangeState.APPROVED:
        why = f"the change asked for by {change.requested_by} is {change.change_state.words}"
        raise Conflict(problem("change", change.kind, why, "Somebody else has to approve it first."))


def raise_if_review_is_required(experiment: Experiment, field: str, fix: str) -> None:
    """Conflict where the environment lets nothing open without a second person."""
    if flag_queries.requires_review(experiment.environment):
        why = f"in {experiment.environment} somebody else has to approve it first"
        raise Conflict(problem(field, experiment.key, why, fix))


def applied(experiment: Experiment, kind: ChangeKind, act: Act) -> None:
    """Mark the open change of this kind as in force, if there is one; it was checked before."""
    change = queries.open_change(experiment, kind)
    if change is not None:
        move_change(change, ChangeState.APPLIED, act)


def drop_open(experiment: Experiment, act: Act) -> None:
    """The experiment ends: nothing is left to change."""
    change = queries.open_change(experiment)
    if change is not None:
        move_change(change, ChangeState.REJECTED, act)


def _open(experiment: Experiment) -> PendingChange:
    change = queries.open_change(experiment)
    if change is None:
        why = f'"{experiment.key}" has no change that waits for anybody'
        raise Conflict(problem("change", "idle", why, "Ask for one first."))
    return change


def _version_change(experiment: Experiment) -> PendingChange:
    version = queries.draft_version(experiment)
    before, after = queries.plan(experiment.key), queries.candidate(experiment, version)
    diff = changes.difference(before.canonical(), after.canonical())
    return PendingChange(experiment=experiment, kind=ChangeKind.VERSION, target=version.number, diff=diff)


def _coverage_change(experiment: Experiment, coverage_ppm: int) -> PendingChange:
    phase = experiment.phases.get(ended_at__isnull=True)
    if not phase.coverage_ppm < coverage_ppm <= WHOLE_PPM:
        fix = f"Write more than {phase.coverage_ppm} and at most {WHOLE_PPM}."
        raise refuse("coverage_ppm", coverage_ppm, "this is no larger share", fix)
    diff = {"coverage_ppm": [phase.coverage_ppm, coverage_ppm]}
    return PendingChange(
        experiment=experiment, kind=ChangeKind.COVERAGE, coverage_ppm=coverage_ppm, diff=diff
    )
