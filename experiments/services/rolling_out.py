"""From a decision to 100 %: prepared with one call, started, finished, and followed up.

Without a hold-back a rule of the flag grows by a ramp of flags. With one, 1 to 5 % of the units keep the
control for a while: an experiment of kind "holdout" whose coverage grows by the same steps, so that the
promise of the decision can be measured.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from experiments import queries, status
from experiments.drafts import ExperimentKind
from experiments.lifecycle import State
from experiments.models import Decision, Experiment, Rollout, Taken
from experiments.plan import WHOLE_PPM, ArmRole, PlannedArm
from experiments.services import assignment, ramping
from experiments.services.copying import bind_like
from experiments.services.drafting import create
from experiments.services.running import arm_to_ship, start, stop
from experiments.services.transitions import Act, locked_row, move, note
from flags import queries as flag_queries
from flags import ramp
from flags.keys import is_key
from ledger.refusals import Conflict, problem, refuse

HOLDBACK_PPM = (10_000, 50_000)
FOLLOW_UP_AFTER = timedelta(days=28)
HOUR, DAY = 60, 24 * 60
STEPS: tuple[dict[str, Any], ...] = (
    {"coverage_ppm": 10_000, "hold_minutes": HOUR, "on_trip": "roll_back"},
    {"coverage_ppm": 50_000, "hold_minutes": DAY, "on_trip": "roll_back"},
    {"coverage_ppm": 250_000, "hold_minutes": DAY, "on_trip": "roll_back"},
    {"coverage_ppm": 500_000, "hold_minutes": DAY, "on_trip": "hold"},
    {"coverage_ppm": WHOLE_PPM, "on_trip": "hold"},
)
"""Used when no ramp plan is named: 1 % for an hour, then 5, 25 and 50 % for a day each, then everybody."""


@transaction.atomic
def prepare_rollout(
    *,
    key: str,
    actor: str,
    now: datetime,
    arm: str = "",
    plan: str = "",
    steps: Sequence[Any] | None = None,
    holdback_ppm: int = 0,
    follow_up_on: date | None = None,
    reason: str = "",
) -> Rollout:
    """Everything the way to 100 % needs, written down before anybody sees anything. Again replaces it.

    `plan` names a ramp plan; `steps` are written out; with neither the usual steps are taken.
    """
    experiment = locked_row(key)
    decision = queries.decision(key)
    if decision is None or decision.taken != Taken.SHIP or experiment.lifecycle_state is not State.DECIDED:
        why = f'"{key}" is {experiment.lifecycle_state.words} and not decided to be shipped'
        raise Conflict(problem("state", experiment.state, why, "Record the decision to ship first."))
    _check_holdback(experiment, holdback_ppm)
    due = follow_up_on or (now + FOLLOW_UP_AFTER).date()
    if due <= now.date():
        raise refuse("follow_up_on", due.isoformat(), "this day is past", "Name a later one.")
    chosen = _decided_arm(key, decision, arm)
    promised = status.effect(key, chosen.key, decision.snapshot_sha256)
    found, _ = Rollout.objects.update_or_create(
        experiment=experiment,
        defaults={
            "arm": chosen.key,
            "variant": chosen.variant,
            "holdback_ppm": holdback_ppm,
            "template": plan if steps is None else "",
            "steps": [step.to_dict() for step in _steps(plan, steps)],
            "predicted": promised.to_dict() if promised else None,
            "follow_up_on": due,
            "prepared_by": actor,
            "prepared_at": now,
        },
    )
    note(experiment, "rollout.prepared", Act(actor, now, reason), after=_facts(found))
    return found


@transaction.atomic
def start_rollout(*, key: str, actor: str, now: datetime, reason: str = "") -> Rollout:
    """Take the first step; every gate of the flag is asked, here and at each step."""
    experiment, act = locked_row(key), Act(actor, now, reason or "roll-out of the decision")
    assignment.hold_place(experiment)
    found = _prepared(experiment)
    _raise_if_alone(experiment, found, actor)
    move(experiment, State.ROLLING_OUT, "rollout.started", act)
    if experiment.assigned_here and found.holdback_ppm:
        found.holdback = _hold_back(experiment, found, act)
    elif experiment.assigned_here:
        found.ramp = assignment.begin_rollout(experiment, found.variant, found.steps, act)
    found.started_at = now
    found.save()
    return found


@transaction.atomic
def finish_rollout(*, key: str, actor: str, now: datetime, reason: str = "") -> Rollout:
    """Serve the shipped variant to everybody as the flag's default; a hold-back ends here."""
    experiment, act = locked_row(key), Act(actor, now, reason or "roll-out finished")
    assignment.hold_place(experiment)
    found = _under_way(experiment)
    if found.holdback is not None:
        stop(key=found.holdback.key, actor=actor, now=now, reason=act.reason)
        assignment.ship(experiment, found.variant, reason=act.reason, actor=actor, now=now)
    elif found.ramp is not None:
        _raise_if_still_ramping(found)
        assignment.end_rollout(experiment, found.variant, act)
    found.finished_at = now
    found.save(update_fields=["finished_at"])
    note(experiment, "rollout.finished", act, after=_facts(found))
    return found


@transaction.atomic
def follow_up(*, key: str, actor: str, now: datetime, reason: str) -> Rollout:
    """Keep what the hold-back shows beside what was predicted, with a sentence on what it means."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    found = queries.rollout(experiment)
    if found is None or found.started_at is None:
        raise Conflict(problem("rollout", key, "nothing was rolled out", "Start the roll-out first."))
    if found.followed_up_at is not None:
        raise Conflict(problem("rollout", key, f"{found.followed_up_by} followed up on it already"))
    realised = status.effect(found.holdback.key, found.arm) if found.holdback else None
    found.realised = realised.to_dict() if realised else None
    found.followed_up_by, found.followed_up_at, found.follow_up_note = actor, now, reason
    found.save(update_fields=["realised", "followed_up_by", "followed_up_at", "follow_up_note"])
    note(experiment, "rollout.followed_up", act, {"predicted": found.predicted}, {"realised": found.realised})
    return found


def _decided_arm(key: str, decision: Decision, arm: str) -> PlannedArm:
    """The arm that was decided; another one is refused, because its report was not the one decided on."""
    if decision.arm and arm not in {"", decision.arm}:
        raise refuse("arm", arm, f'the decision ships "{decision.arm}"', "Leave it out, or name that arm.")
    return arm_to_ship(key, arm or decision.arm)


def _raise_if_alone(experiment: Experiment, found: Rollout, actor: str) -> None:
    """Where a review is required, who decided does not start the hold-back's experiment too; a ramp of the
    flag has an approval of its own."""
    decision = queries.decision(experiment.key)
    is_alone = decision is not None and (decision.decided_by == actor or is_key(actor))
    if is_alone and found.holdback_ppm and flag_queries.requires_review(experiment.environment):
        why = f"in {experiment.environment} somebody else has to start what you decided"
        raise refuse("actor", actor, why, "Ask somebody else.")


def _check_holdback(experiment: Experiment, holdback_ppm: int) -> None:
    low, high = HOLDBACK_PPM
    if holdback_ppm and not low <= holdback_ppm <= high:
        fix = f"Write 0, or {low} to {high} (1 to 5 %)."
        raise refuse("holdback_ppm", holdback_ppm, "this is no usual hold-back", fix)
    if holdback_ppm and not experiment.assigned_here:
        why = "another system assigns the arms, so Headway cannot hold anybody back"
        raise refuse("holdback_ppm", holdback_ppm, why, "Write 0.")


def _steps(plan: str, steps: Sequence[Any] | None) -> tuple[ramp.Step, ...]:
    if steps is not None:
        return ramp.read_steps(list(steps))
    return ramp.read_steps(list(flag_queries.ramp_plan(plan).steps) if plan else list(STEPS))


def _hold_back(experiment: Experiment, rollout: Rollout, act: Act) -> Experiment:
    """The experiment that serves the shipped arm to all but the hold-back, and its ramp."""
    key = f"{experiment.key[:54]}-holdback"
    by: dict[str, Any] = {"actor": act.actor, "now": act.now}
    create(key=key, content=_held_back_plan(experiment, rollout), **by)
    bind_like(experiment.key, key, **by)
    steps = rollout.steps
    started = start(key=key, coverage_ppm=steps[0]["coverage_ppm"], reason=act.reason, is_approved=True, **by)
    started.follows = experiment
    started.save(update_fields=["follows"])
    if len(steps) > 1:
        ramping.start_ramp(key=key, steps=steps[1:], reason=act.reason, hold_first=steps[0], **by)
    return started


def _held_back_plan(experiment: Experiment, rollout: Rollout) -> dict[str, Any]:
    draft = queries.draft(experiment, queries.newest_version(experiment))
    plan = queries.plan(experiment.key)
    control = plan.arm(plan.control)
    arms = (
        PlannedArm(control.key, control.variant, rollout.holdback_ppm, ArmRole.CONTROL),
        PlannedArm(rollout.arm, rollout.variant, WHOLE_PPM - rollout.holdback_ppm, ArmRole.TREATMENT),
    )
    return {
        **draft.to_dict(),
        "title": f"Hold-back of {experiment.title}"[:200],
        "kind": ExperimentKind.HOLDOUT.value,
        "arms": [arm.to_dict() for arm in arms],
        "planned_units": None,
        "max_days": max(draft.max_days, FOLLOW_UP_AFTER.days),
        "layer": "",
        "layer_share_ppm": None,
    }


def _prepared(experiment: Experiment) -> Rollout:
    found = queries.rollout(experiment)
    if found is None:
        raise Conflict(problem("rollout", experiment.key, "it is not prepared", "Prepare it first."))
    return found


def _under_way(experiment: Experiment) -> Rollout:
    found = _prepared(experiment)
    if found.started_at is None or found.finished_at is not None:
        is_over = found.finished_at is not None
        why = "the roll-out is finished" if is_over else "the roll-out has not started"
        raise Conflict(problem("rollout", experiment.key, why))
    return found


def _raise_if_still_ramping(found: Rollout) -> None:
    if found.ramp is not None and found.ramp.is_open:
        why = f"the ramp is {found.ramp.state} at step {found.ramp.step + 1} of {len(found.ramp.steps)}"
        raise Conflict(
            problem("rollout", found.experiment.key, why, "Wait until it is completed, or end it.")
        )
    if found.ramp is not None and found.ramp.state != ramp.State.COMPLETED:
        why = f"the ramp was {found.ramp.state}, so not everybody may get the change"
        raise Conflict(problem("rollout", found.experiment.key, why, "Start another ramp of the flag first."))


def _facts(found: Rollout) -> dict[str, Any]:
    return {
        "arm": found.arm,
        "variant": found.variant,
        "holdback_ppm": found.holdback_ppm,
        "steps": [step["coverage_ppm"] for step in found.steps],
        "follow_up_on": found.follow_up_on.isoformat(),
    }
