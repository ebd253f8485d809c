"""From audit actions to the names under which others hear of facts.

The names are stable: receivers subscribe to them, whole or by pattern (`guardrail.*`, `*`).
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

RENAMED = {
    "ramp.advanced": "ramp.step.advanced",
    "ramp.held": "ramp.step.held",
    "ramp.resumed": "ramp.step.resumed",
    "ramp.rolled_back": "ramp.step.rolled_back",
    "trip.opened": "guardrail.tripped",
    "trip.escalated": "guardrail.confirmed",
    "trip.acknowledged": "guardrail.acknowledged",
    "trip.acted": "guardrail.acted",
    "trip.resolved": "guardrail.cleared",
    "trip.waived": "guardrail.waived",
}
TOLD_AS_THEY_ARE = (
    "flag.",
    "ramp.",
    "experiment.",
    "metric.",
    "review.",
    "signoff.",
    "waiver.",
    "incident.",
    "postmortem.",
    "action_item.",
    "ratio.",
    "ablation.",
    "budget.",
    "report.",
    "audit.",
)
"""Actions that begin like this are told under their own names; everything else stays inside."""

QUIET = ("flag.draft.", "metric.draft.")
"""Work in progress is nobody's business yet."""

TEST = "receiver.tested"
PATTERN = re.compile(r"[a-z_*]+(\.[a-z_*]+){0,3}")


def name_of(action: str) -> str:
    """The event's name for an audit action; empty when nobody is told."""
    if action in RENAMED:
        return RENAMED[action]
    if action.startswith(QUIET) or not action.startswith(TOLD_AS_THEY_ARE):
        return ""
    return action


def matches(event: str, patterns: Iterable[str]) -> bool:
    """Whether a receiver with these patterns wants the event."""
    return any(fnmatchcase(event, pattern) for pattern in patterns)


def is_pattern(text: str) -> bool:
    """Whether the text can be a pattern: words of small letters between dots, `*` for any."""
    return PATTERN.fullmatch(text) is not None
