"""Ramps inside experiments: the clock raises the coverage of a running experiment step by step.

The rule is that of flags' ramps (`flags.ramp`): harm first, then objections, time, units and approval. A trip
where the step says so pauses the experiment, which serves the default to everybody.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction

from experiments import queries
from experiments.lifecycle import State
from experiments.models import CoverageRamp, Experiment
from experiments.services import assignment
from experiments.services.pausing import pause
from experiments.services.transitions import Act, locked_row, note
from experiments.services.widening import raise_coverage
from flags import gates, ramp, samples
from flags import queries as flag_queries
from flags.gates import Blocked
from flags.ramp import Kind, Move, Objection, Position, Step
from flags.ramp import State as RampState
from ledger.refusals import Conflict, Refused, problem, refuse

log = logging.getLogger(__name__)
CLOCK = "ramp"


@transaction.atomic
def start_ramp(
    *,
    key: str,
    actor: str,
    now: datetime,
    plan: str = "",
    steps: Sequence[Any] | None = None,
    reason: str = "",
    hold_first: Mapping[str, Any] | None = None,
) -> CoverageRamp:
    """Let the coverage grow by the steps of a ramp plan, or by `steps`. The clock takes the first one.

    Where the environment requires a review, the first one needs an approval whatever the plan says.
    `hold_first` is a step that was taken already and whose time is waited for before the first of `steps`.
    """
    experiment, act = locked_row(key), Act(actor, now, reason)
    wanted = ramp.read_steps(list(steps) if steps is not None else flag_queries.ramp_plan(plan).steps)
    if flag_queries.requires_review(experiment.environment) and not hold_first:
        wanted = (replace(wanted[0], needs_approval=True), *wanted[1:])
    if experiment.lifecycle_state is not State.RUNNING:
        why = f'"{key}" is {experiment.lifecycle_state.words}'
        raise Conflict(problem("state", experiment.state, why, "Only a running experiment grows."))
    _raise_if_one_is_open(experiment)
    coverage_ppm = experiment.phases.get(ended_at__isnull=True).coverage_ppm
    if wanted[0].coverage_ppm <= coverage_ppm:
        why = f"the experiment covers {coverage_ppm} ppm already"
        raise refuse("steps[0].coverage_ppm", wanted[0].coverage_ppm, why, "Begin with more.")
    taken = ramp.read_steps([hold_first]) if hold_first else ()
    run = CoverageRamp.objects.create(
        experiment=experiment,
        template=plan if steps is None else "",
        steps=[step.to_dict() for step in (*taken, *wanted)],
        step=len(taken) - 1,
        step_at=now,
        started_by=actor,
        started_at=now,
    )
    _note(run, "started", act)
    return run


@transaction.atomic
def pause_ramp(*, key: str, actor: str, now: datetime, reason: str) -> CoverageRamp:
    """Take no further step until somebody resumes; the coverage stays."""
    run = _held(key)
    _enter(run, RampState.PAUSED, Act(actor, now, reason).with_reason(), "paused")
    return run


@transaction.atomic
def resume_ramp(*, key: str, actor: str, now: datetime, reason: str = "") -> CoverageRamp:
    """Go on; the current step is held anew for its whole time."""
    run = _held(key)
    if run.ramp_state == RampState.RUNNING:
        raise Conflict(problem("ramp", key, "this ramp is running", "Pause it first."))
    run.step_at = now
    _enter(run, RampState.RUNNING, Act(actor, now, reason), "resumed")
    return run


@transaction.atomic
def approve_ramp_step(*, key: str, step: int, actor: str, now: datetime, reason: str = "") -> CoverageRamp:
    """Agree to a coming step (0 is the first). Who started the ramp cannot."""
    run = _held(key)
    steps = ramp.of_rows(run.steps)
    if actor == run.started_by:
        raise refuse("approver", actor, "who started the ramp cannot approve its steps", "Ask somebody else.")
    if not run.step < step < len(steps) or not steps[step].needs_approval:
        raise refuse("step", step, "this step waits for no approval", "Approve one that is still to come.")
    run.approved_steps = sorted({*run.approved_steps, step})
    run.save(update_fields=["approved_steps"])
    _note(run, "approved", Act(actor, now, reason), step=step)
    return run


@transaction.atomic
def end_ramp(*, key: str, actor: str, now: datetime, reason: str = "") -> CoverageRamp:
    """End the ramp where it is; the coverage stays."""
    run = _held(key)
    _enter(run, RampState.ENDED, Act(actor, now, reason), "ended")
    return run


def end_open(experiment: Experiment, act: Act) -> None:
    """The experiment ends: its ramp ends with it."""
    run = queries.open_ramp(experiment)
    if run is not None:
        _enter(run, RampState.ENDED, act, "ended")


def tick_ramps(*, now: datetime) -> int:
    """Move every ramp that is due; returns how many moved. One that cannot move does not stop the others."""
    moving = CoverageRamp.objects.filter(ramp_state__in=[RampState.RUNNING, RampState.HOLDING])
    moved = 0
    for key in list(moving.order_by("id").values_list("experiment__key", flat=True)):
        try:
            moved += tick_one(key=key, now=now)
        except (Refused, DatabaseError):
            log.exception("the ramp of %s could not move", key)
    return moved


@transaction.atomic
def tick_one(*, key: str, now: datetime) -> bool:
    """Do what is next for one ramp. True when its state or step changed. Safe to run twice."""
    experiment = locked_row(key)
    assignment.hold_place(experiment)
    run = queries.open_ramp(experiment)
    if run is None or run.ramp_state not in {RampState.RUNNING, RampState.HOLDING}:
        return False
    steps = ramp.of_rows(run.steps)
    move = ramp.next_move(steps, _position(run, steps, now))
    return _do(run, steps, move, Act(CLOCK, now, move.why))


def _do(run: CoverageRamp, steps: tuple[Step, ...], move: Move, act: Act) -> bool:
    if move.kind is Kind.ADVANCE:
        return _advance(run, steps, act)
    if move.kind is Kind.ROLL_BACK:
        _enter(run, RampState.ROLLED_BACK, act, "rolled_back")
        pause(key=run.experiment.key, actor=act.actor, now=act.now, reason=act.reason)
    elif move.kind is Kind.COMPLETE:
        _enter(run, RampState.COMPLETED, act, "completed")
    elif move.kind is Kind.RESUME:
        run.step_at = act.now
        _enter(run, RampState.RUNNING, act, "resumed")
    elif move.kind is Kind.HOLD and run.ramp_state == RampState.RUNNING:
        _enter(run, RampState.HOLDING, act, "held")
    else:
        _wait(run, move.why)
        return False
    return True


def _advance(run: CoverageRamp, steps: tuple[Step, ...], act: Act) -> bool:
    following = run.step + 1
    why = act.reason or f"ramp, step {following + 1} of {len(steps)}"
    coverage_ppm = steps[following].coverage_ppm
    try:
        with transaction.atomic():
            raise_coverage(
                key=run.experiment.key,
                coverage_ppm=coverage_ppm,
                actor=act.actor,
                now=act.now,
                reason=why,
                is_step_of_ramp=True,
            )
    except Blocked as blocked:
        titles = "; ".join(finding.title for finding in blocked.findings)
        _enter(run, RampState.HOLDING, Act(act.actor, act.now, titles), "held")
        return True
    run.step, run.step_at, run.waits_for = following, act.now, ""
    run.save(update_fields=["step", "step_at", "waits_for"])
    _note(run, "advanced", Act(act.actor, act.now, why))
    return True


def _position(run: CoverageRamp, steps: tuple[Step, ...], now: datetime) -> Position:
    owner = run.experiment
    return Position(
        state=RampState(run.ramp_state),
        step=run.step,
        since=run.step_at,
        now=now,
        units=samples.units_since(owner.environment, owner.flag, run.step_at),
        approved=frozenset(run.approved_steps),
        objections=tuple(_objections(run, steps, now)),
    )


def _objections(run: CoverageRamp, steps: tuple[Step, ...], now: datetime) -> list[Objection]:
    """What speaks against the coverage the ramp has or would take next."""
    owner = run.experiment
    if owner.lifecycle_state is not State.RUNNING:
        return [Objection("state", f"the experiment is {owner.lifecycle_state.words}")]
    following = steps[min(run.step + 1, len(steps) - 1)].coverage_ppm
    found = gates.findings("ramp.advance", assignment.subject(owner, CLOCK, now, following))
    return [Objection(each.code, each.title) for each in found]


def _held(key: str) -> CoverageRamp:
    run = queries.open_ramp(locked_row(key))
    if run is None:
        raise Conflict(problem("ramp", key, "no ramp moves this experiment", "Start one first."))
    return run


def _raise_if_one_is_open(experiment: Experiment) -> None:
    run = queries.open_ramp(experiment)
    if run is not None:
        why = f"a ramp by {run.started_by} is {run.ramp_state}"
        raise Conflict(problem("ramp", experiment.key, why, "End it first."))


def _enter(run: CoverageRamp, to: RampState, act: Act, kind: str) -> None:
    before = RampState(run.ramp_state)
    ramp.check(before, to)
    run.ramp_state, run.waits_for = to.value, act.reason if to is RampState.HOLDING else ""
    run.ended_at = None if to in ramp.OPEN else act.now
    run.save()
    _note(run, kind, act)


def _wait(run: CoverageRamp, why: str) -> None:
    if run.waits_for != why:
        run.waits_for = why
        run.save(update_fields=["waits_for"])


def _note(run: CoverageRamp, kind: str, act: Act, step: int | None = None) -> None:
    shown = run.step if step is None else step
    after = {"ramp": run.id, "step": shown, "state": str(run.ramp_state), "steps": len(run.steps)}
    note(run.experiment, f"ramp.{kind}", act, after=after)
