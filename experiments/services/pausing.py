"""Taking the arms away for a while and giving them back. Nobody changes arm: the salts stay.

A pause is a phase of its own with a coverage of 0, in which everybody gets the flag's default. Units that
were in an arm stay in the results, so a long pause dilutes the effect.
"""

from datetime import datetime

from django.db import transaction

from experiments import queries
from experiments.lifecycle import State
from experiments.models import Experiment
from experiments.services import assignment
from experiments.services.transitions import Act, locked_row, move
from experiments.services.widening import next_phase
from flags import gates


@transaction.atomic
def pause(*, key: str, actor: str, now: datetime, reason: str) -> Experiment:
    """Serve the flag's default to everybody until somebody resumes. Never held up."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    assignment.hold_place(experiment)
    move(experiment, State.PAUSED, "paused", act)
    next_phase(experiment.phases.select_related("version").get(ended_at__isnull=True), 0, act)
    if experiment.assigned_here:
        assignment.publish(queries.plan(key), 0, actor=actor, now=now)
    return experiment


@transaction.atomic
def resume(*, key: str, actor: str, now: datetime, reason: str) -> Experiment:
    """Serve the arms again to as many units as before the pause. Gates are asked."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    assignment.hold_place(experiment)
    move(experiment, State.RUNNING, "resumed", act)
    paused = experiment.phases.select_related("version").get(ended_at__isnull=True)
    coverage_ppm = coverage_before_pause(experiment)
    gates.check("ramp.advance", assignment.subject(experiment, actor, now, coverage_ppm))
    next_phase(paused, coverage_ppm, act)
    if experiment.assigned_here:
        assignment.publish(queries.plan(key), coverage_ppm, actor=actor, now=now)
    return experiment


def coverage_before_pause(experiment: Experiment) -> int:
    """The coverage of the last phase in which somebody was in an arm, in parts per million."""
    last = experiment.phases.filter(coverage_ppm__gt=0).order_by("-started_at", "-id")[0]
    return last.coverage_ppm
