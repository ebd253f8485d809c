"""Ramps as a rule: steps with a coverage, and what has to be so before the next one. Pure.

Whoever may object is asked at every step and cannot be switched off; a step only adds how long it is held,
how many units it needs, and whether a second person has to agree.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from flags.definitions import WHOLE_PPM
from ledger.refusals import Conflict, Problem, problem, raise_if_any

MAX_STEPS = 20
MAX_MINUTES = 60 * 24 * 60
TRIP = "guardrail_trip"
FIELDS = ("coverage_ppm", "hold_minutes", "min_units", "needs_approval", "on_trip")


class State(StrEnum):
    RUNNING = "running"
    HOLDING = "holding"
    PAUSED = "paused"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled_back"
    ENDED = "ended"


OPEN = (State.RUNNING, State.HOLDING, State.PAUSED)
ALLOWED: dict[State, frozenset[State]] = {
    State.RUNNING: frozenset(State),
    State.HOLDING: frozenset({State.RUNNING, State.PAUSED, State.ROLLED_BACK, State.ENDED}),
    State.PAUSED: frozenset({State.RUNNING, State.ROLLED_BACK, State.ENDED}),
    State.COMPLETED: frozenset(),
    State.ROLLED_BACK: frozenset(),
    State.ENDED: frozenset(),
}


class OnTrip(StrEnum):
    """What a tripped guardrail does: keep the coverage, or go back to where the ramp began."""

    HOLD = "hold"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, slots=True)
class Step:
    """`needs_approval`: somebody other than who started the ramp has to agree before this step is taken."""

    coverage_ppm: int
    hold_minutes: int
    min_units: int = 0
    needs_approval: bool = False
    on_trip: OnTrip = OnTrip.HOLD

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Objection:
    code: str
    title: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a ramp is. `units` is how many units the current step has seen, None when nobody can say."""

    state: State
    step: int
    since: datetime
    now: datetime
    units: int | None = None
    approved: frozenset[int] = frozenset()
    objections: tuple[Objection, ...] = ()


class Kind(StrEnum):
    WAIT = "wait"
    ADVANCE = "advance"
    HOLD = "hold"
    RESUME = "resume"
    ROLL_BACK = "roll_back"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Move:
    """What happens next, and why."""

    kind: Kind
    why: str = ""


def next_move(steps: tuple[Step, ...], at: Position) -> Move:
    """Harm first, then objections, then time, units and approval. Missing numbers never count as a pass."""
    trips = [objection.title for objection in at.objections if objection.code == TRIP]
    if trips and at.step >= 0 and steps[at.step].on_trip is OnTrip.ROLL_BACK:
        return Move(Kind.ROLL_BACK, "; ".join(trips))
    if at.objections:
        return Move(Kind.HOLD, "; ".join(objection.title for objection in at.objections))
    if at.state is State.HOLDING:
        return Move(Kind.RESUME, "nothing objects any more")
    waits_for = _unmet(steps, at)
    if waits_for:
        return Move(Kind.WAIT, waits_for)
    return Move(Kind.COMPLETE if at.step == len(steps) - 1 else Kind.ADVANCE)


def _unmet(steps: tuple[Step, ...], at: Position) -> str:
    """What the current step still lacks before the next one, or nothing."""
    if at.step >= 0:
        step = steps[at.step]
        until = at.since + timedelta(minutes=step.hold_minutes)
        if at.now < until:
            return f"held until {until:%Y-%m-%d %H:%M} UTC"
        if step.min_units and (at.units is None or at.units < step.min_units):
            seen = "an unknown number of" if at.units is None else f"{at.units:,}"
            return f"{seen} units of {step.min_units:,}"
    following = at.step + 1
    if following < len(steps) and steps[following].needs_approval and following not in at.approved:
        return f"step {following + 1} needs the approval of somebody else"
    return ""


def check(before: State, after: State) -> None:
    """Raise Conflict unless a ramp may go from `before` to `after`."""
    if after not in ALLOWED[before]:
        possible = ", ".join(sorted(ALLOWED[before])) or "nothing, this is its last state"
        why = f"the ramp is {before} and cannot become {after}"
        raise Conflict(problem("state", before.value, why, f"It can become: {possible}."))


def of_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps as they were stored."""
    return tuple(Step(**{**row, "on_trip": OnTrip(row["on_trip"])}) for row in rows)


def read_steps(content: object) -> tuple[Step, ...]:
    """Steps as somebody wrote them. Raises Refused with every problem."""
    if not isinstance(content, list) or not 1 <= len(content) <= MAX_STEPS:
        fix = 'For example [{"coverage_ppm": 10000, "hold_minutes": 60}].'
        raise_if_any([problem("steps", content, f"this is no list of 1 to {MAX_STEPS} steps", fix)])
    rows: list[Any] = content  # type: ignore[assignment]
    problems = [found for index, row in enumerate(rows) for found in _problems_of(f"steps[{index}]", row)]
    raise_if_any(problems)
    steps = of_rows({"hold_minutes": 0, "on_trip": "hold", **row} for row in rows)
    raise_if_any(_order(steps))
    return steps


def _problems_of(place: str, row: object) -> list[Problem]:
    if not isinstance(row, Mapping):
        return [problem(place, row, "this is no JSON object", 'Write {"coverage_ppm": 10000}.')]
    fix = f"Possible are: {', '.join(FIELDS)}."
    found = [
        problem(f"{place}.{name}", row[name], "there is no such field", fix)
        for name in row
        if name not in FIELDS
    ]
    limits = {"coverage_ppm": (1, WHOLE_PPM), "hold_minutes": (0, MAX_MINUTES), "min_units": (0, 2**31 - 1)}
    for name, (low, high) in limits.items():
        value = row.get(name, 0 if name != "coverage_ppm" else None)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            why = f"this is no whole number from {low:,} to {high:,}"
            found.append(problem(f"{place}.{name}", value, why, "Write one."))
    if not isinstance(row.get("needs_approval", False), bool):
        found.append(
            problem(f"{place}.needs_approval", row["needs_approval"], "this is not true or false", "…")
        )
    if row.get("on_trip", "hold") not in list(OnTrip):
        fix = f"Possible are: {', '.join(OnTrip)}."
        found.append(problem(f"{place}.on_trip", row["on_trip"], "this is no answer to a trip", fix))
    return found


def _order(steps: tuple[Step, ...]) -> list[Problem]:
    fix = "Each step covers more than the one before."
    return [
        problem(f"steps[{index}].coverage_ppm", after.coverage_ppm, "this is not more than before", fix)
        for index, (before, after) in enumerate(pairwise(steps), start=1)
        if after.coverage_ppm <= before.coverage_ppm
    ]
