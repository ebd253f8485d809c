"""What the list says about each experiment, worst fact first, and which report snapshots exist.

Verdicts and snapshots are made above this app; those who make them register here when they are ready.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Effect:
    """What a stored report says of the primary metric of one arm.

    `low` and `high` bound the effect at the report's level; when `relative` they are shares of the control's
    value, otherwise in the metric's unit. `text` is how the report words it.
    """

    metric: str
    title: str
    arm: str
    estimate: float
    low: float
    high: float
    relative: bool
    text: str
    snapshot_sha256: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Effect":
        return cls(**data)


VerdictsOf = Callable[[Sequence[str]], Mapping[str, Pill]]
SnapshotOf = Callable[[str], Snapshot | None]
EffectOf = Callable[[str, str, str], Effect | None]

_verdicts: list[VerdictsOf] = []
_snapshots: list[SnapshotOf] = []
_effects: list[EffectOf] = []

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


WORST_FIRST = (
    "do-not-use",
    "roll-back",
    "harm",
    "fail",
    "warn",
    "decide",
    "unproven",
    "within",
    "ship",
    "better",
    "held",
    "ok",
    "muted",
)
"""Tones of pills in the order in which somebody should look at them."""


def rank(pill: Pill) -> int:
    """Place of a pill among all; unknown tones come before those that are fine."""
    return WORST_FIRST.index(pill.tone) if pill.tone in WORST_FIRST else WORST_FIRST.index("within")


def register_verdicts(verdicts_of: VerdictsOf) -> None:
    """Ask `verdicts_of(experiment keys)` for the newest verdicts; keys without one are left out."""
    if verdicts_of not in _verdicts:
        _verdicts.append(verdicts_of)


def register_snapshots(snapshot_of: SnapshotOf) -> None:
    """Ask `snapshot_of(sha256)` for a stored report; None when it does not know the hash."""
    if snapshot_of not in _snapshots:
        _snapshots.append(snapshot_of)


def register_effects(effect_of: EffectOf) -> None:
    """Ask `effect_of(experiment, arm, sha256)` for the effect on the primary metric; an empty hash means the
    newest report, None that there is nothing to read."""
    if effect_of not in _effects:
        _effects.append(effect_of)


def effect(experiment: str, arm: str, sha256: str = "") -> Effect | None:
    """What a report, or the newest one, says of the primary metric of an arm."""
    asked = (effect_of(experiment, arm, sha256) for effect_of in _effects)
    return next((found for found in asked if found is not None), None)


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
