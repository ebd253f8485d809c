"""Letting more units into a running experiment: a new phase of the same plan. Nobody changes arm."""

from datetime import datetime

from django.db import transaction

from experiments import queries
from experiments.changes import ChangeKind
from experiments.lifecycle import State
from experiments.models import Phase
from experiments.plan import WHOLE_PPM
from experiments.services import assignment, changing
from experiments.services.transitions import Act, locked_row, note
from flags import gates
from ledger.refusals import Conflict, problem, refuse


@transaction.atomic
def raise_coverage(
    *, key: str, coverage_ppm: int, actor: str, now: datetime, reason: str, is_step_of_ramp: bool = False
) -> Phase:
    """Let `coverage_ppm` of the flag's units take part from now on; results of both phases count together.

    Only upwards: fewer units, other weights or another audience are a new version. Gates are asked. A step
    of a ramp needs no review of its own: the ramp was approved as a whole (`services.ramping`).
    """
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    assignment.hold_place(experiment)
    if experiment.lifecycle_state is not State.RUNNING:
        why = f'"{key}" is {experiment.lifecycle_state.words}'
        raise Conflict(problem("state", experiment.state, why, "Only a running experiment takes more units."))
    before = experiment.phases.select_related("version").get(ended_at__isnull=True)
    if not before.coverage_ppm < coverage_ppm <= WHOLE_PPM:
        fix = f"Write more than {before.coverage_ppm} and at most {WHOLE_PPM}; for less, make a new version."
        raise refuse("coverage_ppm", coverage_ppm, "this is no larger share", fix)
    if not is_step_of_ramp or queries.open_change(experiment, ChangeKind.COVERAGE) is not None:
        changing.raise_if_unapproved(experiment, ChangeKind.COVERAGE, coverage_ppm)
    subject = assignment.subject(
        experiment, actor, now, coverage_ppm, coverage_before_ppm=before.coverage_ppm
    )
    gates.check("ramp.advance", subject)
    after = next_phase(before, coverage_ppm, act)
    note(experiment, "coverage.raised", act, facts(before), facts(after))
    changing.applied(experiment, ChangeKind.COVERAGE, act)
    if experiment.assigned_here:
        assignment.publish(queries.plan(key), coverage_ppm, actor=actor, now=now)
    return after


def next_phase(before: Phase, coverage_ppm: int, act: Act) -> Phase:
    """End the open phase and begin one of the same plan with another coverage."""
    before.ended_at = act.now
    before.save(update_fields=["ended_at"])
    return Phase.objects.create(
        experiment=before.experiment,
        version=before.version,
        coverage_ppm=coverage_ppm,
        reason=act.reason,
        started_by=act.actor,
        started_at=act.now,
    )


def facts(phase: Phase) -> dict[str, int]:
    return {"coverage_ppm": phase.coverage_ppm, "version": phase.version.number}
