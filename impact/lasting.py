"""The loss by week, while users are slowed down and after it has ended: does it grow, does it recover?

Loss may grow as users learn (one published study lost 1.6 times as much in weeks 4 to 6 as in weeks 1 to 3)
and may outlast the delay. Weeks are compared on the same users and the same delay per dose. Pure rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

WEEK = timedelta(days=7)
LEAST_PART = timedelta(days=3)
"""A shorter rest at the end belongs to the week before it."""
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Span:
    """One week of a study, since <= t < until; `is_after` says that nobody was slowed down any more."""

    number: int
    since: datetime
    until: datetime
    is_after: bool


def spans(began: datetime, ended: datetime, until: datetime) -> list[Span]:
    """Weeks from the start to the end, and weeks from the end to `until`."""
    during = _cut(began, min(ended, until), False, 1)
    after = _cut(ended, until, True, len(during) + 1) if until > ended else []
    return during + after


def growth(weeks: Sequence[dict[str, Any]]) -> float | None:
    """Loss in the later half of the delayed weeks over that in the earlier half; None with fewer than two
    weeks or without a loss in the earlier half."""
    slopes = [float(week["per_100_ms"]) for week in weeks if not week["is_after"]]
    half = len(slopes) // 2
    if not half:
        return None
    early, late = _mean(slopes[:half]), _mean(slopes[-half:])
    return late / early if early < 0 else None


def lost_weeks(weeks: Sequence[dict[str, Any]]) -> float:
    """What each 100 ms cost in all, as a share of one week's outcome; weeks after the end count too."""
    return -sum(float(week["per_100_ms"]) * float(week["days"]) / 7 for week in weeks)


def recovery_words(weeks: Sequence[dict[str, Any]]) -> str:
    """Whether the loss outlasted the delay, in one sentence; empty before there is a week after it."""
    after = [week for week in weeks if week["is_after"]]
    if not after:
        return ""
    last = after[-1]
    if last["low"] > 0 or last["high"] < 0:
        verb = "is still lost" if last["high"] < 0 else "is gained"
        return f"In the last week after the delay {abs(last['per_100_ms']):.2%} per 100 ms {verb}."
    return "In the last week after the delay no loss can be told from zero."


def _cut(since: datetime, until: datetime, is_after: bool, first: int) -> list[Span]:
    found: list[Span] = []
    at = since
    while at < until:
        end = until if until - at < WEEK + LEAST_PART else at + WEEK
        found.append(Span(first + len(found), at, end, is_after))
        at = end
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
