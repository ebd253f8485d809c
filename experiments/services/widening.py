"""Letting more units into a running experiment: a new phase of the same plan. Nobody changes arm."""

from datetime import datetime

from django.db import transaction

from experiments import queries
from experiments.lifecycle import State
from experiments.models import Phase
from experiments.plan import WHOLE_PPM
from experiments.services import assignment
from experiments.services.transitions import Act, locked_row, note
from flags import gates
from ledger.refusals import Conflict, problem, refuse


@transaction.atomic
def raise_coverage(*, key: str, coverage_ppm: int, actor: str, now: datetime, reason: str) -> Phase:
    """Let `coverage_ppm` of the flag's units take part from now on; results of both phases count together.

    Only upwards: fewer units, other weights or another audience are a new version. Gates are asked.
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
    subject = assignment.subject(
        experiment, actor, now, coverage_ppm, coverage_before_ppm=before.coverage_ppm
    )
    gates.check("ramp.advance", subject)
    before.ended_at = now
    before.save(update_fields=["ended_at"])
    after = Phase.objects.create(
        experiment=experiment,
        version=before.version,
        coverage_ppm=coverage_ppm,
        reason=reason,
        started_by=actor,
        started_at=now,
    )
    note(experiment, "coverage.raised", act, _facts(before), _facts(after))
    if experiment.assigned_here:
        assignment.publish(queries.plan(key), coverage_ppm, actor=actor, now=now)
    return after


def _facts(phase: Phase) -> dict[str, int]:
    return {"coverage_ppm": phase.coverage_ppm, "version": phase.version.number}
