"""What the list says about each experiment, worst fact first, and which report snapshots exist.

Verdicts and snapshots are made above this app; those who make them register here when they are ready.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from experiments.lifecycle import State


@dataclass(frozen=True, slots=True)
class Pill:
    """A word with a tone. `tone` ends a CSS class: ship, decide, roll-back, do-not-use, unproven, ok, …"""

    word: str
    tone: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored report: whose it is, what it recommends, and whether its numbers may be used at all."""

    experiment: str
    sha256: str
    verdict: str
    is_trustworthy: bool


VerdictsOf = Callable[[Sequence[str]], Mapping[str, Pill]]
SnapshotOf = Callable[[str], Snapshot | None]

_verdicts: list[VerdictsOf] = []
_snapshots: list[SnapshotOf] = []

OF_STATE = {
    State.DRAFT: Pill("Draft", "muted"),
    State.IN_REVIEW: Pill("In review", "warn"),
    State.APPROVED: Pill("Approved", "ok"),
    State.SCHEDULED: Pill("Scheduled", "ok"),
    State.RUNNING: Pill("No results yet", "unproven"),
    State.PAUSED: Pill("Paused", "warn"),
    State.STOPPED: Pill("Waiting for a decision", "warn"),
    State.DECIDED: Pill("Decided", "ok"),
    State.ROLLING_OUT: Pill("Rolling out", "ok"),
    State.CLOSED: Pill("Closed", "muted"),
    State.INVALID: Pill("Invalid", "do-not-use"),
}
JUDGED = frozenset({State.RUNNING, State.PAUSED, State.STOPPED})
"""States in which the newest verdict says more than the state."""


def register_verdicts(verdicts_of: VerdictsOf) -> None:
    """Ask `verdicts_of(experiment keys)` for the newest verdicts; keys without one are left out."""
    if verdicts_of not in _verdicts:
        _verdicts.append(verdicts_of)


def register_snapshots(snapshot_of: SnapshotOf) -> None:
    """Ask `snapshot_of(sha256)` for a stored report; None when it does not know the hash."""
    if snapshot_of not in _snapshots:
        _snapshots.append(snapshot_of)


def pills(experiments: Iterable[tuple[str, State]]) -> dict[str, Pill]:
    """Experiment key → its pill. All verdicts are asked for at once."""
    states = dict(experiments)
    judged = [key for key, state in states.items() if state in JUDGED]
    found: dict[str, Pill] = {key: OF_STATE[state] for key, state in states.items()}
    for verdicts_of in _verdicts if judged else []:
        found.update({key: pill for key, pill in verdicts_of(judged).items() if key in states})
    return found


def snapshot(sha256: str) -> Snapshot | None:
    """The stored report with this hash, or None."""
    asked = (snapshot_of(sha256) for snapshot_of in _snapshots)
    return next((found for found in asked if found is not None), None)
