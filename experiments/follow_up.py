"""Did the promise hold? The effect predicted at the decision beside the one the hold-back shows. Pure.

Two intervals are compared, not two points: the predicted one was read because it looked good, so the realised
one is expected to be smaller (the winner's curse); only a realised interval that leaves the predicted one
altogether says that the promise did not hold.
"""

from dataclasses import dataclass
from enum import StrEnum

from experiments.status import Effect


class Held(StrEnum):
    """How the realised effect lies to the predicted one."""

    AS_PREDICTED = "as_predicted"
    SMALLER = "smaller"
    LARGER = "larger"
    UNKNOWN = "unknown"


WORDS = {
    Held.AS_PREDICTED: "The realised range overlaps the predicted one.",
    Held.SMALLER: "The realised effect lies below everything that was predicted.",
    Held.LARGER: "The realised effect lies above everything that was predicted.",
    Held.UNKNOWN: "The two cannot be compared: one of them is missing, or they are on other scales.",
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """The answer and its sentence. `kept_share` is realised over predicted point, None when undefined."""

    held: Held
    sentence: str
    kept_share: float | None


def compare(predicted: Effect | None, realised: Effect | None) -> Agreement:
    """How the realised effect lies to the predicted one. Missing numbers are never agreement."""
    if predicted is None or realised is None or _differ(predicted, realised):
        return Agreement(Held.UNKNOWN, WORDS[Held.UNKNOWN], None)
    if realised.high < predicted.low:
        held = Held.SMALLER
    elif realised.low > predicted.high:
        held = Held.LARGER
    else:
        held = Held.AS_PREDICTED
    kept = realised.estimate / predicted.estimate if predicted.estimate else None
    return Agreement(held, WORDS[held], kept)


def _differ(predicted: Effect, realised: Effect) -> bool:
    return (predicted.metric, predicted.relative) != (realised.metric, realised.relative)
