"""What an experiment claims and how long it ran, in sentences made from its data."""

from experiments.plan import Hypothesis
from metrics.definitions import Amount, Direction

MOVES = {Direction.UP: "rises", Direction.DOWN: "falls", Direction.NONE: "does not move"}


def sentence(hypothesis: Hypothesis, metric_title: str = "", unit: str = "") -> str:
    """The hypothesis as one sentence; parts that are not stated are left out.

    "Prefetch payment methods for signed-in users: Orders per user rises by 1 % or more, because …"
    """
    if not hypothesis.change:
        return ""
    audience = f" for {hypothesis.audience}" if hypothesis.audience else ""
    because = f", because {hypothesis.mechanism}" if hypothesis.mechanism else ""
    return f"{hypothesis.change}{audience}: {_effect(hypothesis, metric_title, unit)}{because}."


def size(amount: Amount, unit: str = "") -> str:
    """2 % for a relative size, 30 ms for an absolute one."""
    return f"{amount.value * 100:g} %" if amount.relative else f"{amount.value:g} {unit}".strip()


def _effect(hypothesis: Hypothesis, metric_title: str, unit: str) -> str:
    effect = f"{metric_title or hypothesis.metric or 'nothing'} {MOVES[hypothesis.direction]}"
    if hypothesis.direction is Direction.NONE or hypothesis.expected.value <= 0:
        return effect
    return f"{effect} by {size(hypothesis.expected, unit)} or more"
