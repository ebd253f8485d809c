"""Starting and stopping at a time. The clock does what a person would: the same checks, the same gates.

A start that cannot happen says why on the experiment and is tried again; nothing is lost by a late tick.
"""

import logging
from datetime import datetime

from django.db import DatabaseError, transaction

from experiments import lifecycle, queries
from experiments.lifecycle import State
from experiments.models import Experiment
from experiments.plan import WHOLE_PPM
from experiments.services import running
from experiments.services.transitions import Act, locked_row, move, note
from ledger.refusals import Conflict, Refused, problem, refuse

log = logging.getLogger(__name__)
CLOCK = "clock"


@transaction.atomic
def schedule(
    *,
    key: str,
    start_at: datetime,
    actor: str,
    now: datetime,
    stop_at: datetime | None = None,
    coverage_ppm: int = WHOLE_PPM,
    reason: str = "",
) -> Experiment:
    """Start an approved experiment at `start_at`, and stop it at `stop_at` when that is given.

    Nobody watches such a start, so somebody else has to have approved the plan before.
    """
    experiment = locked_row(key)
    lifecycle.check(key, experiment.lifecycle_state, State.SCHEDULED)
    _raise_if_past("start_at", start_at, now)
    if stop_at is not None and stop_at <= start_at:
        raise refuse("stop_at", stop_at.isoformat(), "this is not after the start", "Name a later time.")
    if not 0 < coverage_ppm <= WHOLE_PPM:
        raise refuse("coverage_ppm", coverage_ppm, "this is no share", "Write 1 to 1000000 (the whole).")
    experiment.scheduled_start_at, experiment.scheduled_stop_at = start_at, stop_at
    experiment.scheduled_coverage_ppm, experiment.schedule_note = coverage_ppm, ""
    _keep(experiment)
    move(experiment, State.SCHEDULED, "scheduled", Act(actor, now, reason))
    note(experiment, "schedule.set", Act(actor, now, reason), after=_times(experiment))
    return experiment


@transaction.atomic
def unschedule(*, key: str, actor: str, now: datetime, reason: str) -> Experiment:
    """Take a scheduled start back; the approval stays."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    move(experiment, State.APPROVED, "unscheduled", act)
    experiment.scheduled_start_at = experiment.scheduled_stop_at = None
    experiment.schedule_note = ""
    _keep(experiment)
    return experiment


@transaction.atomic
def schedule_stop(*, key: str, stop_at: datetime, actor: str, now: datetime, reason: str) -> Experiment:
    """Stop a running experiment at `stop_at`."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    if experiment.lifecycle_state not in lifecycle.EXPOSING:
        why = f'"{key}" is {experiment.lifecycle_state.words}'
        raise Conflict(problem("state", experiment.state, why, "Only what runs can be stopped later."))
    _raise_if_past("stop_at", stop_at, now)
    before = _times(experiment)
    experiment.scheduled_stop_at = stop_at
    _keep(experiment)
    note(experiment, "schedule.stop_set", act, before, _times(experiment))
    return experiment


def run_due(*, now: datetime) -> int:
    """Start and stop what is due; returns how many moved. One that cannot move does not stop the others."""
    moved = 0
    for key in queries.due_to_start(now):
        moved += _start(key, now)
    for key in queries.due_to_stop(now):
        moved += _stop(key, now)
    return moved


def _start(key: str, now: datetime) -> bool:
    try:
        with transaction.atomic():
            experiment = locked_row(key)
            if key not in queries.due_to_start(now):
                return False
            coverage_ppm = experiment.scheduled_coverage_ppm
            running.start(key=key, actor=CLOCK, now=now, coverage_ppm=coverage_ppm, reason="as scheduled")
    except Refused as refused:
        _remember(key, "; ".join(problem.reason for problem in refused.problems))
        return False
    except DatabaseError:
        log.exception("%s could not start as scheduled", key)
        return False
    return True


def _stop(key: str, now: datetime) -> bool:
    try:
        with transaction.atomic():
            locked_row(key)
            if key not in queries.due_to_stop(now):
                return False
            running.stop(key=key, actor=CLOCK, now=now, reason="as scheduled")
    except (Refused, DatabaseError):
        log.exception("%s could not stop as scheduled", key)
        return False
    return True


@transaction.atomic
def _remember(key: str, why: str) -> None:
    """Say on the experiment why it did not start; the same reason again changes nothing."""
    experiment = locked_row(key)
    if experiment.schedule_note != why:
        experiment.schedule_note = why
        _keep(experiment)


def _raise_if_past(field: str, at: datetime, now: datetime) -> None:
    if at <= now:
        raise refuse(field, at.isoformat(), "this is past", "Name a time that lies ahead.")


def _keep(experiment: Experiment) -> None:
    experiment.save(
        update_fields=[
            *("scheduled_start_at", "scheduled_stop_at"),
            *("scheduled_coverage_ppm", "schedule_note"),
        ]
    )


def _times(experiment: Experiment) -> dict[str, object]:
    times = {"start_at": experiment.scheduled_start_at, "stop_at": experiment.scheduled_stop_at}
    shown = {name: at.isoformat() if at else None for name, at in times.items()}
    return {**shown, "coverage_ppm": experiment.scheduled_coverage_ppm}
