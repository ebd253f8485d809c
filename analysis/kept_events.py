"""What looks still need of the stored events, and what they keep of single units.

Registered with `events.holding` when the app is ready: retention leaves alone the days that an open
experiment reads, and rollups go when a unit is deleted.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from analysis.engines import choice
from analysis.plan import analysis_plan
from events import holding, upkeep_queries
from events import queries as events
from experiments import queries as experiments
from experiments.lifecycle import State
from ledger.refusals import Refused

OPEN = (State.RUNNING, State.PAUSED, State.STOPPED)
"""States in which a look may still be asked for; a decided experiment has its report."""
LONGEST_BEFORE = timedelta(days=90)
"""Kept for a plan that cannot be read: nothing goes because of a broken row."""


def register() -> None:
    holding.needs(needed_since)
    holding.keeps(forget_rollups)


def needed_since(environment: str) -> date | None:
    """The first day that a look at an open experiment reads."""
    return min((day for key in _open(environment) if (day := _first_day(key)) is not None), default=None)


def _open(environment: str) -> list[str]:
    found = experiments.experiments(environment=environment).filter(state__in=[s.value for s in OPEN])
    return list(found.values_list("key", flat=True))


def _first_day(key: str) -> date | None:
    try:
        locked = experiments.plan(key)
        if locked.source:
            return None
        since = analysis_plan(locked, until=datetime.now(UTC)).events_since
    except (Refused, experiments.BrokenPlan):
        started_at = experiments.experiment(key).started_at
        return None if started_at is None else (started_at - LONGEST_BEFORE).astimezone(UTC).date()
    return since.astimezone(UTC).date()


def forget_rollups(now: datetime) -> int:
    """Those on this machine; other machines drop theirs before their next look."""
    root = choice.rollups(events.store_root())
    if root is None or not root.exists():
        return 0
    from analysis.engines import rollups

    return rollups.forget_outdated(root, upkeep_queries.rewritten_count() + 1)
