"""The words, glyphs and tones of states, verdicts and checks: one table each, the same on every channel.

Tones end CSS classes (`tone-harm`); glyphs are drawn on the page and written as `mark` where only text goes.
"""

from __future__ import annotations

from dataclasses import dataclass

from analysis.report.facts import CheckKind, CheckStatus
from analysis.report.states import State
from analysis.report.verdict import Verdict
from analysis.stats.results import Why
from experiments.plan import Role
from metrics.definitions import Tier


@dataclass(frozen=True, slots=True)
class Sign:
    """`word` for readers, `glyph` names the drawing, `mark` is its stand-in in plain text."""

    word: str
    glyph: str
    mark: str
    tone: str


STATES = {
    State.BETTER: Sign("Better", "up-in-circle", "▲", "better"),
    State.HELD: Sign("Held", "equals", "=", "held"),
    State.WITHIN: Sign("Worse, inside limit", "down-thin", "▽", "within"),
    State.NOT_PROVEN: Sign("Not proven safe", "question", "?", "unproven"),
    State.HARM: Sign("Harm", "down-bold", "▼", "harm"),
    State.NOT_DETECTED: Sign("Not detected", "ring", "○", "unproven"),
    State.NEUTRAL: Sign("No change of that size", "equals", "=", "held"),
    State.WORSE: Sign("Worse", "down-bold", "▼", "harm"),
    State.CHANGED: Sign("Changed", "diamond", "◆", "within"),
    State.CANNOT_SAY: Sign("No number", "dash", "–", "unproven"),
}
CONFIRMED = Sign("Harm, confirmed", "down-bold", "▼", "harm")

VERDICTS = {
    Verdict.DO_NOT_USE: Sign("Do not use", "cross", "✕", "do-not-use"),
    Verdict.ROLL_BACK: Sign("Roll back", "down-bold", "▼", "roll-back"),
    Verdict.KEEP_RUNNING: Sign("Keep running", "hourglass", "…", "keep-running"),
    Verdict.SHIP: Sign("Ship", "up-in-circle", "▲", "ship"),
    Verdict.DECIDE: Sign("Decide", "balance", "±", "decide"),
    Verdict.NO_EFFECT: Sign("No effect large enough", "equals", "=", "no-effect"),
    Verdict.INCONCLUSIVE: Sign("Inconclusive", "question", "?", "inconclusive"),
}
SAFE = Sign("Safe to roll out", "up-in-circle", "▲", "ship")
AGREED = Sign("Arms agree", "equals", "=", "no-effect")
DISAGREED = Sign("Arms differ", "question", "?", "inconclusive")
PRICED = Sign("Price measured", "balance", "±", "decide")

RULE_KINDS = {
    "default-ship": "experiments, roll-outs and holdouts",
    "price": "ablations",
    "agreement": "A/A tests",
}
"""What each rule judges, in words."""

CHECKS = {
    CheckStatus.OK: Sign("ok", "tick", "✓", "ok"),
    CheckStatus.WARN: Sign("warning", "exclamation", "!", "warn"),
    CheckStatus.FAIL: Sign("failed", "cross", "✕", "fail"),
    CheckStatus.NOT_RUN: Sign("not run", "dash", "–", "not-run"),
}
LABELS = {
    CheckKind.SPLIT: "Split",
    CheckKind.ASSIGNMENT: "Assignment",
    CheckKind.DATA: "Data",
    CheckKind.BEFORE: "Before-test",
    CheckKind.DURATION: "Duration",
    CheckKind.LOOKS: "Peeking-safe",
}
QUESTIONS = {
    CheckKind.SPLIT: "Do units arrive in the planned shares?",
    CheckKind.ASSIGNMENT: "Did every unit stay in one planned arm?",
    CheckKind.DATA: "Did everything arrive that was sent?",
    CheckKind.BEFORE: "Were the arms alike before the first exposure?",
    CheckKind.DURATION: "Did it run long enough, through every weekday?",
    CheckKind.LOOKS: "Do the intervals hold although somebody looked before?",
}

REASONS = {
    Why.NO_UNITS: "there are no units yet",
    Why.TOO_FEW_UNITS: "there are too few units",
    Why.NO_VARIATION: "all units have the same value",
    Why.DENOMINATOR_NOT_POSITIVE: "its denominator is not above zero",
    Why.BASE_NOT_POSITIVE: "the control's value is not above zero",
    Why.QUANTILE_OUT_OF_REACH: "there are too few events for this quantile",
    Why.QUANTILE_TIED: "too many events share the value at this quantile",
    Why.NO_COMMON_STRATUM: "the arms have no stratum in common",
    Why.TOO_FEW_STUDIES: "there are too few studies",
    Why.TARGET_NOT_REACHED: "the target was not reached",
    Why.OUT_OF_RANGE: "its values are too large or too small to be squared",
}

ROLES = {
    Role.PRIMARY: "Primary",
    Role.SUCCESS: "Success",
    Role.GUARDRAIL: "Guardrail",
    Role.DETERIORATION: "Deterioration",
    Role.DIAGNOSTIC: "Diagnostic",
}
TIERS = {Tier.ALPHA: "a", Tier.BETA: "b", Tier.FINAL: "F", Tier.DEPRECATED: "d"}
