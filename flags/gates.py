"""The one place where anything may object to a change of what people see.

Whoever has reasons to say no (a held ramp here; guardrails, reviews and sign-offs in the apps above)
registers a function for an action; every path that changes traffic calls `check` first. This inverts the
dependency: this app publishes without knowing who objects. No rule of another app belongs here, and nothing
is stored.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from ledger.refusals import Conflict, Problem

Action = Literal["ramp.advance", "publish", "experiment.start", "decide.ship"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is about to happen. Shares are parts per million of the units the flag can reach.

    `coverage_before_ppm` and `coverage_after_ppm` say how far the change opens or closes the flag; they are
    equal when coverage does not change. `experiment` is empty for a change that belongs to none. `values` are
    the flag's variants as they will be; None for a change that leaves those in force.
    """

    now: datetime
    actor: str
    flag: str = ""
    environment: str = ""
    experiment: str = ""
    is_production: bool = False
    coverage_before_ppm: int = 0
    coverage_after_ppm: int = 0
    values: Mapping[str, Any] | None = None

    @property
    def opens_further(self) -> bool:
        return self.coverage_after_ppm > self.coverage_before_ppm


@dataclass(frozen=True, slots=True)
class Finding:
    """One objection. `code` is stable for machines, `title` a sentence, `fix` says what clears it."""

    code: str
    title: str
    fix: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)

    def as_problem(self) -> Problem:
        shown = ", ".join(f"{name}: {value}" for name, value in self.evidence.items())
        return Problem(field=self.code, value=shown or "blocked", reason=self.title, fix=self.fix)


Gate = Callable[[Subject], Iterable[Finding]]
_gates: dict[Action, list[Gate]] = {action: [] for action in ACTIONS}


class Blocked(Conflict):
    """At least one gate objects; `findings` holds every objection, not only the first."""

    def __init__(self, action: Action, findings: tuple[Finding, ...]) -> None:
        self.action = action
        self.findings = findings
        super().__init__(*(finding.as_problem() for finding in findings))


def register(action: Action, gate: Gate) -> None:
    """Ask `gate` before each `action`; apps call this from `ready()`. Twice is the same as once."""
    if gate not in _gates[action]:
        _gates[action].append(gate)


def findings(action: Action, subject: Subject) -> tuple[Finding, ...]:
    """Every objection to the action, in the order of registration; empty when it may go ahead."""
    return tuple(finding for gate in _gates[action] for finding in gate(subject))


def check_all(actions: Iterable[Action], subject: Subject) -> None:
    """Raise Blocked with the objections to any of the actions, each said once."""
    asked = tuple(actions)
    found: list[Finding] = []
    for action in asked:
        found += [each for each in findings(action, subject) if each not in found]
    if found:
        raise Blocked(asked[-1], tuple(found))


def check(action: Action, subject: Subject) -> None:
    """Raise Blocked with all objections, if there are any."""
    found = findings(action, subject)
    if found:
        raise Blocked(action, found)
