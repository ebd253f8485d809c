"""Ramps: started from a plan or from steps, moved by people and by the clock.

`tick` is what the clock does; it looks at everything anew under the lock of the environment, so that two
workers never take the same step twice.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction

from flags import definitions, gates, queries, ramp, review, samples
from flags.gates import Blocked, Subject
from flags.models import RampPlan, RampRun
from flags.ramp import Kind, Move, Objection, Position, State
from flags.services import reasons
from flags.services.names import check_key, check_text
from flags.services.ramping import Ramp, approved, approver, enter, locked, note, roll_back, take, wait
from flags.services.versions import Act, Place, place
from ledger import audit
from ledger.refusals import Conflict, Refused, problem, refuse

log = logging.getLogger(__name__)
CLOCK = "ramp"


@transaction.atomic
def create_ramp_plan(
    *, key: str, steps: Sequence[Any], actor: str, now: datetime, title: str = ""
) -> RampPlan:
    """A template of steps."""
    check_key("key", key)
    title = check_text("title", title, limit=200)
    content = [step.to_dict() for step in ramp.read_steps(steps)]
    described = {"title": title, "steps": content, "created_by": actor, "created_at": now}
    made, is_new = RampPlan.objects.get_or_create(key=key, defaults=described)
    if not is_new:
        raise Conflict(problem("key", key, "there is a plan with this key", "Choose another key."))
    audit.record(
        now=now, actor=actor, action="ramp.plan.created", subject=f"ramp-plan:{key}", after={"steps": content}
    )
    return made


@transaction.atomic
def start_ramp(
    *,
    flag: str,
    environment: str,
    actor: str,
    now: datetime,
    plan: str = "",
    steps: Sequence[Any] | None = None,
    rule: str | None = None,
    reason: str = "",
) -> RampRun:
    """Begin a ramp of the flag's split (`rule` when there are several) and take its first step.

    The steps are those of `plan` unless given; where the environment requires a review, the first one needs
    an approval whatever the plan says. Raises Blocked when something objects to the first step.
    """
    wanted = ramp.read_steps(list(steps) if steps is not None else queries.ramp_plan(plan).steps)
    where = place(flag, environment)
    if where.environment.requires_review:
        wanted = (replace(wanted[0], needs_approval=True), *wanted[1:])
    split = _split_of(where, rule)
    _raise_if_one_is_open(where)
    coverage = split["split"]["coverage_ppm"]
    if wanted[0].coverage_ppm <= coverage:
        why = f"the rule covers {coverage} ppm already"
        raise refuse("steps[0].coverage_ppm", wanted[0].coverage_ppm, why, "Begin with more.")
    run = RampRun.objects.create(
        flag=where.flag,
        environment=where.environment,
        rule=split["id"],
        plan=plan if steps is None else "",
        steps=[step.to_dict() for step in wanted],
        step_at=now,
        from_ppm=coverage,
        set_ppm=coverage,
        created_by=actor,
        created_at=now,
    )
    act, found = Act(actor, now, reasons.checked(reason)), Ramp(run, where, wanted)
    note(found, "started", act, coverage)
    if not wanted[0].needs_approval:
        take(found, 0, act, "advanced")
    else:
        wait(found, "step 1 needs the approval of somebody else")
    return run


@transaction.atomic
def pause_ramp(*, ramp_id: int, actor: str, now: datetime, reason: str) -> RampRun:
    """Take no further step until somebody resumes; the coverage stays."""
    found, act = locked(ramp_id), Act(actor, now, reasons.checked(reason, needed="pausing a ramp"))
    enter(found, State.PAUSED, act, "paused")
    return found.run


@transaction.atomic
def resume_ramp(*, ramp_id: int, actor: str, now: datetime, reason: str = "") -> RampRun:
    """Go on; the current step is held anew for its whole time."""
    found, act = locked(ramp_id), Act(actor, now, reasons.checked(reason))
    if found.state is State.RUNNING:
        raise Conflict(problem("ramp", ramp_id, "this ramp is running", "Pause it first."))
    found.run.step_at = now
    enter(found, State.RUNNING, act, "resumed")
    return found.run


@transaction.atomic
def approve_step(*, ramp_id: int, step: int, actor: str, now: datetime, reason: str = "") -> RampRun:
    """Agree to a coming step (0 is the first). Who started the ramp cannot."""
    found, act = locked(ramp_id), Act(actor, now, reasons.checked(reason))
    _raise_if_ended(found)
    if actor == found.run.created_by:
        raise refuse("approver", actor, "who started the ramp cannot approve its steps", "Ask somebody else.")
    if not found.run.step < step < len(found.steps) or not found.steps[step].needs_approval:
        raise refuse("step", step, "this step waits for no approval", "Approve one that is still to come.")
    note(found, "approved", act, found.run.set_ppm, step=step)
    return found.run


@transaction.atomic
def jump_ramp(*, ramp_id: int, step: int, actor: str, now: datetime, reason: str) -> RampRun:
    """Go to a step at once, forwards (gates are asked) or back (never held up). It is held for its time."""
    found, act = locked(ramp_id), Act(actor, now, reasons.checked(reason, needed="jumping"))
    _raise_if_ended(found)
    _raise_if_taken_over(found)
    if not 0 <= step < len(found.steps) or step == found.run.step:
        raise refuse(
            "step", step, "there is no such step to go to", f"Possible: 0 to {len(found.steps) - 1}."
        )
    skipped = range(found.run.step + 1, step + 1)
    missing = [n for n in skipped if found.steps[n].needs_approval and n not in approved(found)]
    if missing:
        raise Conflict(problem("step", step, f"step {missing[0] + 1} needs approval first", "Ask for it."))
    take(found, step, act, "jumped")
    return found.run


@transaction.atomic
def roll_back_ramp(*, ramp_id: int, actor: str, now: datetime, reason: str) -> RampRun:
    """End the ramp and restore the coverage from before it in one publication. Never held up."""
    found, act = locked(ramp_id), Act(actor, now, reasons.checked(reason, needed="rolling back"))
    _raise_if_ended(found)
    roll_back(found, act)
    return found.run


@transaction.atomic
def end_ramp(*, ramp_id: int, actor: str, now: datetime, reason: str = "") -> RampRun:
    """End the ramp where it is; the coverage stays."""
    found, act = locked(ramp_id), Act(actor, now, reasons.checked(reason))
    enter(found, State.ENDED, act, "ended")
    return found.run


def tick(*, now: datetime) -> int:
    """Move every ramp that is due; returns how many moved. One that cannot move does not stop the others."""
    moved = 0
    for ramp_id in list(queries.moving_ramps().values_list("id", flat=True)):
        try:
            moved += tick_one(ramp_id=ramp_id, now=now)
        except (Refused, DatabaseError):
            log.exception("ramp %d could not move", ramp_id)
    return moved


@transaction.atomic
def tick_one(*, ramp_id: int, now: datetime) -> bool:
    """Do what is next for one ramp. True when its state or step changed."""
    found, act = locked(ramp_id), Act(CLOCK, now)
    if found.state not in {State.RUNNING, State.HOLDING}:
        return False
    if found.live_ppm != found.run.set_ppm:
        enter(found, State.ENDED, Act(CLOCK, now, _taken_over(found)), "ended")
        return True
    return _do(found, ramp.next_move(found.steps, _position(found, now)), act)


def _do(found: Ramp, move: Move, act: Act) -> bool:
    why = Act(act.actor, act.now, move.why)
    if move.kind is Kind.ADVANCE:
        return _advance(found, act)
    if move.kind is Kind.ROLL_BACK:
        roll_back(found, why)
    elif move.kind is Kind.COMPLETE:
        enter(found, State.COMPLETED, why, "completed")
    elif move.kind is Kind.RESUME:
        found.run.step_at = act.now
        enter(found, State.RUNNING, why, "resumed")
    elif move.kind is Kind.HOLD and found.state is State.RUNNING:
        enter(found, State.HOLDING, why, "held")
    else:
        wait(found, move.why)
        return False
    return True


def _advance(found: Ramp, act: Act) -> bool:
    try:
        with transaction.atomic():
            take(found, found.run.step + 1, act, "advanced")
    except Blocked as blocked:
        found.run.refresh_from_db()
        titles = "; ".join(finding.title for finding in blocked.findings)
        enter(found, State.HOLDING, Act(act.actor, act.now, titles), "held")
    return True


def _position(found: Ramp, now: datetime) -> Position:
    run = found.run
    return Position(
        state=found.state,
        step=run.step,
        since=run.step_at,
        now=now,
        units=samples.units_since(run.environment.key, run.flag.key, run.step_at),
        approved=approved(found),
        objections=tuple(_objections(found, now)),
    )


def _objections(found: Ramp, now: datetime) -> list[Objection]:
    """What speaks against the coverage the ramp has or would take next; a killed flag does not move."""
    if not found.is_on:
        return [Objection("off", "the flag is switched off")]
    if found.run.environment.requires_review and found.run.step >= 0 and not approver(found):
        return [Objection(review.CODE, review.finding(found.run.environment.key).title)]
    following = min(found.run.step + 1, len(found.steps) - 1)
    subject = Subject(
        now=now,
        actor=CLOCK,
        flag=found.run.flag.key,
        environment=found.run.environment.key,
        is_production=found.run.environment.is_production,
        coverage_after_ppm=found.steps[following].coverage_ppm,
    )
    return [Objection(each.code, each.title) for each in gates.findings("ramp.advance", subject)]


def _split_of(where: Place, rule: str | None) -> dict[str, Any]:
    rules = definitions.splits(where.live.definition) if where.live else []
    found = [each for each in rules if rule in {None, each["id"]} and "experiment" not in each]
    if len(found) == 1:
        return found[0]
    known = ", ".join(each["id"] for each in rules if "experiment" not in each)
    fix = (
        f"Name one of: {known}." if known else "Publish a rule with a split; experiments grow by themselves."
    )
    raise refuse("rule", rule, "this does not name one rule with a coverage", fix)


def _raise_if_one_is_open(where: Place) -> None:
    open_one = queries.open_ramp(where.flag, where.environment)
    if open_one is not None:
        why = f"ramp {open_one.id} by {open_one.created_by} is {open_one.state}"
        raise Conflict(problem("flag", where.flag.key, why, "End it first."))


def _raise_if_ended(found: Ramp) -> None:
    if not found.run.is_open:
        raise Conflict(problem("ramp", found.run.id, f"this ramp is {found.run.state}", "Start another one."))


def _raise_if_taken_over(found: Ramp) -> None:
    if found.live_ppm != found.run.set_ppm:
        raise Conflict(
            problem("ramp", found.run.id, _taken_over(found), "End the ramp, or start another one.")
        )


def _taken_over(found: Ramp) -> str:
    if found.live_ppm is None:
        return f"rule {found.run.rule} is gone"
    return f"somebody set the coverage to {found.live_ppm} ppm"
