"""The life of an experiment as a table: which state may follow which, and how to say so.

Nothing is written here. `experiments.services.transitions` is the only writer of states, and the database
refuses every pair that this table does not hold.
"""

from enum import StrEnum

from ledger.refusals import Conflict, problem


class State(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DECIDED = "decided"
    ROLLING_OUT = "rolling_out"
    CLOSED = "closed"
    INVALID = "invalid"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


ALLOWED: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.IN_REVIEW, State.RUNNING}),
    State.IN_REVIEW: frozenset({State.DRAFT, State.APPROVED}),
    State.APPROVED: frozenset({State.DRAFT, State.SCHEDULED, State.RUNNING}),
    State.SCHEDULED: frozenset({State.APPROVED, State.RUNNING}),
    State.RUNNING: frozenset({State.PAUSED, State.STOPPED, State.INVALID}),
    State.PAUSED: frozenset({State.RUNNING, State.STOPPED, State.INVALID}),
    State.STOPPED: frozenset({State.DECIDED, State.INVALID}),
    State.DECIDED: frozenset({State.ROLLING_OUT, State.CLOSED}),
    State.ROLLING_OUT: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
    State.INVALID: frozenset(),
}

EXPOSING = frozenset({State.RUNNING, State.PAUSED})
"""Units may be in an arm."""

STARTED = frozenset(State) - {State.DRAFT, State.IN_REVIEW, State.APPROVED, State.SCHEDULED}
"""There is a locked plan and there may be data."""


def is_allowed(before: State, after: State) -> bool:
    return after in ALLOWED[before]


def check(key: str, before: State, after: State) -> None:
    """Raise Conflict, saying what is possible instead, unless `after` may follow `before`."""
    if is_allowed(before, after):
        return
    possible = (
        ", ".join(sorted(state.words for state in ALLOWED[before])) or "nothing, this is its last state"
    )
    reason = f'the experiment "{key}" is {before.words} and cannot become {after.words}'
    raise Conflict(problem("state", before.value, reason, f"From here it can become: {possible}."))
