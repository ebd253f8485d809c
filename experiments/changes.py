"""Changes of a running experiment that wait for somebody: the second axis beside the life cycle.

A running experiment keeps its state while a change to it is reviewed. The table below is the whole rule of
that axis; nothing is written here.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from ledger.refusals import Conflict, problem

LASTS = timedelta(days=14)
"""A change that nobody applied by then times out: what was approved may no longer fit."""


class ChangeKind(StrEnum):
    """version: a new plan; coverage: more units take part."""

    VERSION = "version"
    COVERAGE = "coverage"


class ChangeState(StrEnum):
    """idle is the state of an experiment without an open change; it never stands in a row."""

    IDLE = "idle"
    REVIEW = "review"
    APPROVED = "approved"
    APPLIED = "applied"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


ALLOWED: dict[ChangeState, frozenset[ChangeState]] = {
    ChangeState.IDLE: frozenset({ChangeState.REVIEW}),
    ChangeState.REVIEW: frozenset({ChangeState.APPROVED, ChangeState.REJECTED, ChangeState.TIMED_OUT}),
    ChangeState.APPROVED: frozenset({ChangeState.APPLIED, ChangeState.REJECTED, ChangeState.TIMED_OUT}),
    ChangeState.APPLIED: frozenset(),
    ChangeState.REJECTED: frozenset(),
    ChangeState.TIMED_OUT: frozenset(),
}
OPEN = (ChangeState.REVIEW, ChangeState.APPROVED)


def check(before: ChangeState, after: ChangeState) -> None:
    """Raise Conflict, saying what is possible instead, unless `after` may follow `before`."""
    if after in ALLOWED[before]:
        return
    possible = ", ".join(sorted(state.words for state in ALLOWED[before])) or "nothing, this is its end"
    why = f"the change is {before.words} and cannot become {after.words}"
    raise Conflict(problem("change", before.value, why, f"From here it can become: {possible}."))


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Field → [before, after] of every field that differs; parts of objects by dotted names."""
    found: dict[str, list[Any]] = {}
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found |= {f"{name}.{part}": pair for part, pair in difference(old, new).items()}
        elif old != new:
            found[name] = [old, new]
    return found
