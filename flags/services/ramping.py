"""A ramp under its lock, and the few things that may happen to it. Every move is a published version."""

from dataclasses import dataclass

from flags import definitions, queries, ramp
from flags.models import RampEvent, RampRun
from flags.ramp import State, Step
from flags.services.versions import Act, Place, change_live, place
from ledger import audit
from ledger.refusals import Conflict, problem


@dataclass(frozen=True, slots=True)
class Ramp:
    """A ramp, locked, with the flag it moves."""

    run: RampRun
    where: Place
    steps: tuple[Step, ...]

    @property
    def state(self) -> State:
        return State(self.run.state)

    @property
    def live_ppm(self) -> int | None:
        """The coverage of its rule now, None when the rule is gone."""
        rules = self.where.live.definition["rules"] if self.where.live else []
        found = next((rule for rule in rules if rule["id"] == self.run.rule and "split" in rule), None)
        return found["split"]["coverage_ppm"] if found else None

    @property
    def is_on(self) -> bool:
        return bool(self.where.live and self.where.live.definition["on"])


def take(found: Ramp, step: int, act: Act, kind: str) -> None:
    """Publish the coverage of a step and record it."""
    before, run = found.run.set_ppm, found.run
    after = found.steps[step].coverage_ppm
    why = act.reason or f"ramp {run.id}, step {step + 1}"
    _set_coverage(found, after, Act(act.actor, act.now, why, approved_by=approver(found)))
    run.step, run.step_at, run.set_ppm = step, act.now, after
    run.state, run.waits_for = str(State.RUNNING), ""
    run.save()
    note(found, kind, act, before)


def roll_back(found: Ramp, act: Act) -> None:
    """Back to the coverage from before the ramp; where somebody went lower already, that stays."""
    run, before = found.run, found.run.set_ppm
    if found.live_ppm is not None and found.live_ppm > run.from_ppm:
        _set_coverage(
            found, run.from_ppm, Act(act.actor, act.now, act.reason or f"ramp {run.id} rolled back")
        )
    run.set_ppm = run.from_ppm
    enter(found, State.ROLLED_BACK, act, "rolled_back", before)


def _set_coverage(found: Ramp, coverage_ppm: int, act: Act) -> None:
    live = found.where.live
    if live is None:
        raise Conflict(problem("flag", found.where.flag.key, "there is no live version"))
    change_live(found.where, definitions.with_coverage(live.definition, found.run.rule, coverage_ppm), act)


def enter(found: Ramp, state: State, act: Act, kind: str, before_ppm: int | None = None) -> None:
    run = found.run
    ramp.check(found.state, state)
    run.state, run.waits_for = str(state), act.reason if state is State.HOLDING else ""
    run.ended_at = None if state in ramp.OPEN else act.now
    run.save()
    note(found, kind, act, run.set_ppm if before_ppm is None else before_ppm)


def wait(found: Ramp, why: str) -> None:
    if found.run.waits_for != why:
        found.run.waits_for = why
        found.run.save(update_fields=["waits_for"])


def note(found: Ramp, kind: str, act: Act, before_ppm: int, step: int | None = None) -> None:
    run = found.run
    RampEvent.objects.create(
        run=run,
        kind=kind,
        step=run.step if step is None else step,
        before_ppm=before_ppm,
        after_ppm=run.set_ppm,
        actor=act.actor,
        reason=act.reason,
        at=act.now,
    )
    audit.record(
        now=act.now,
        actor=act.actor,
        action=f"ramp.{kind}",
        subject=found.where.subject,
        before={"environment": run.environment.key, "coverage_ppm": before_ppm},
        after={"ramp": run.id, "step": run.step, "coverage_ppm": run.set_ppm, "state": str(run.state)},
        reason=act.reason,
    )


def approved(found: Ramp) -> frozenset[int]:
    approved = found.run.events.filter(kind="approved").values_list("step", flat=True)
    return frozenset(approved)


def approver(found: Ramp) -> str:
    """Who agreed to the ramp: whoever approved a step of it last."""
    agreed = found.run.events.filter(kind="approved").order_by("-id")
    return agreed.values_list("actor", flat=True).first() or ""


def locked(ramp_id: int) -> Ramp:
    """The environment's lock first, then the ramp's: the order in which everything else takes them."""
    known = queries.ramp(ramp_id)
    where = place(known.flag.key, known.environment.key)
    run = (
        RampRun.objects.select_for_update(of=["self"], no_key=True)
        .select_related("flag", "environment")
        .get(id=ramp_id)
    )
    return Ramp(run, where, ramp.of_rows(run.steps))
