"""When a look that says "not enough data yet" may say more: dates as ranges, never as a promise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from analysis.report import effects
from analysis.report.facts import ReportFacts
from analysis.report.states import Judged
from analysis.report.verdict import Case

SLOWDOWN = 1.5
"""New units arrive ever more slowly: the late end of a range is this many times the straight line."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """`earliest` and `latest` are days; equal when only a planned date is known."""

    earliest: date
    latest: date

    @property
    def text(self) -> str:
        return f"{self.earliest}" if self.earliest == self.latest else f"{self.earliest} to {self.latest}"


def minimum_ends(facts: ReportFacts) -> datetime | None:
    started_at = facts.plan.started_at
    return None if started_at is None else started_at + timedelta(days=facts.plan.min_days)


def run_ends(facts: ReportFacts) -> datetime | None:
    started_at = facts.plan.started_at
    return None if started_at is None else started_at + timedelta(days=facts.plan.max_days)


def has_stopped(facts: ReportFacts) -> bool:
    stopped_at = facts.plan.stopped_at
    return stopped_at is not None and facts.data_until >= stopped_at


def is_short(facts: ReportFacts) -> bool:
    """Has the minimum duration not passed yet?"""
    return effects.elapsed(facts) < timedelta(days=facts.plan.min_days)


def days_text(facts: ReportFacts) -> str:
    """How many days the data cover, rounded down so that nothing looks reached before it is."""
    return f"{math.floor(effects.elapsed(facts) / timedelta(days=1) * 10) / 10:g}"


def forecast(facts: ReportFacts, case: Case) -> Forecast | None:
    """When the unproven guardrails may pass if they are harmless; None when the run is over or unstarted."""
    first, last = minimum_ends(facts), run_ends(facts)
    if first is None or last is None or has_stopped(facts):
        return None
    shares = [share for each in case.unproven if (share := _share(each)) is not None]
    if len(shares) < len(case.unproven):
        return _within(first, last, first, last)
    start = first - timedelta(days=facts.plan.min_days)
    needed = _needed_days(facts, min(shares, default=1.0))
    return _within(first, last, start + needed, start + needed * SLOWDOWN)


def _needed_days(facts: ReportFacts, share: float) -> timedelta:
    """How long the run has to be at the speed so far; never beyond its planned end."""
    days, most = effects.elapsed(facts) / timedelta(days=1), float(facts.plan.max_days)
    return timedelta(days=days / share if share * most > days else most)


def _share(judged: Judged) -> float | None:
    if judged.effect is None or not judged.margin:
        return None
    return effects.precision_share(judged.effect, judged.margin)


def _within(first: datetime, last: datetime, early: datetime, late: datetime) -> Forecast:
    """Not before the minimum duration, not after the planned end."""
    bounded = [min(max(at, first), max(first, last)) for at in (early, late)]
    return Forecast(bounded[0].date(), bounded[1].date())
