"""How far a finding about latency may be trusted, and whether it may be put into money.

A: users were randomised to a delay. B: a natural experiment with an unaffected comparison, at least 60
placebo dates and no drift before. C: everything else that was observed here: never money. D: somebody else's
figure. Published observational slopes are about ten times the randomised ones: C and D give no amount.
"""

from dataclasses import dataclass
from enum import StrEnum

LEAST_PLACEBOS = 60
PLAUSIBLE_PER_100_MS = (-0.010, -0.0005)
"""Relative change per 100 ms of the randomised studies known: what lies outside is looked at twice."""


class Grade(StrEnum):
    A = "A"
    B = "B"
    C = "C"
    D = "D"

    @property
    def gives_money(self) -> bool:
        return self in (Grade.A, Grade.B)

    @property
    def words(self) -> str:
        return MEANINGS[self]


MEANINGS = {
    Grade.A: "randomised",
    Grade.B: "natural experiment with a comparison",
    Grade.C: "observed, cause unknown",
    Grade.D: "borrowed from others",
}


class Kind(StrEnum):
    """Where a finding comes from."""

    ABLATION = "ablation"
    NATURAL = "natural"
    OBSERVATION = "observation"
    BORROWED = "borrowed"


@dataclass(frozen=True, slots=True)
class Design:
    """What of a finding's design decides its grade."""

    kind: Kind
    has_comparison: bool = False
    placebos: int = 0
    was_parallel: bool = False
    first_stage_ok: bool = True


def grade_of(design: Design) -> Grade:
    """The best grade the design deserves."""
    if design.kind is Kind.BORROWED:
        return Grade.D
    if design.kind is Kind.ABLATION and design.first_stage_ok:
        return Grade.A
    is_natural = design.kind is Kind.NATURAL and design.has_comparison
    if is_natural and design.placebos >= LEAST_PLACEBOS and design.was_parallel:
        return Grade.B
    return Grade.C


def missing_for_b(design: Design) -> list[str]:
    """What a natural experiment lacks for grade B, in words."""
    lacks = []
    if not design.has_comparison:
        lacks.append("a slice that was not affected, to compare with")
    if design.placebos < LEAST_PLACEBOS:
        lacks.append(f"{LEAST_PLACEBOS} placebo dates (it has {design.placebos})")
    if design.has_comparison and not design.was_parallel:
        lacks.append("slices that ran in parallel before")
    return lacks


def doubts(per_100_ms: float) -> list[str]:
    """Usual causes of a slope outside the band of the randomised studies; empty inside it (Twyman's law)."""
    steep, shallow = PLAUSIBLE_PER_100_MS
    if steep <= per_100_ms <= shallow:
        return []
    if per_100_ms > shallow:
        return [
            "The delay may not have reached users: compare the delivered delay with the dose.",
            "The outcome may be measured before the delay, or be too far from it to move.",
        ]
    return [
        "Something else may have come with the delay: errors, a broken page, a lost event.",
        "Slow users may be different users: was the delay assigned at random?",
        "Losing the slow sessions' events makes the rest look better or worse.",
        "The outcome may count what the delay itself changes, such as page views in a session.",
    ]
