"""Where a look's data lie: the files of the store, the engine that reads them, and how complete they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.engines.contract import EngineFailure, StoreFiles
from analysis.health import DataFlow
from analysis.plan import AnalysisPlan
from events import queries as events
from events.layout import EVENTS, EXPOSURES
from events.queries import StoreFileRow

if TYPE_CHECKING:
    from analysis.engines.contract import Engine

HALF_A_DAY = timedelta(hours=12)
REFUSED = "refused"
STORED = ("exposure", "event")


def engine() -> Engine:
    """The engine that is configured. Imported here so that web processes never load it."""
    from analysis.engines.duckdb import DuckDBEngine

    root = events.store_root()
    if not root.startswith("/"):
        raise EngineFailure(f"the engine reads local folders only, the event store lies at {root}")
    return DuckDBEngine(Path(root))


def files(plan: AnalysisPlan, environment: str) -> StoreFiles:
    """Every file that may hold rows of the plan."""
    exposures = events.files(EXPOSURES, plan.since, plan.until, environment=environment)
    listed = events.files(EVENTS, plan.events_since, plan.until, environment=environment)
    rows = sum(file.rows for file in (*exposures, *listed))
    return StoreFiles(_by_bucket(exposures), _by_bucket(listed), rows)


def data_flow(plan: AnalysisPlan, environment: str, *, asked_at: datetime) -> DataFlow:
    """How events took their way into the store, for the check of the data."""
    counts = events.tallies(environment, since=plan.since.date(), until=asked_at.date())
    days = list(_days(plan.since, plan.until))
    seen = _days_with_rows(plan, environment)
    return DataFlow(
        waiting=events.waiting_batches(environment, received_until=asked_at),
        accepted=sum(counts.get(kind, 0) for kind in STORED),
        refused=counts.get(REFUSED, 0),
        silent_days=tuple(day for day in days if day not in seen),
        days=len(days),
    )


def _by_bucket(rows: Iterable[StoreFileRow]) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        found[row.bucket].append(row.path)
    return {bucket: tuple(paths) for bucket, paths in sorted(found.items())}


def _days_with_rows(plan: AnalysisPlan, environment: str) -> set[date]:
    kinds = (
        events.files(kind, plan.since, plan.until, environment=environment) for kind in (EXPOSURES, EVENTS)
    )
    return {file.day for listed in kinds for file in listed}


def _days(since: datetime, until: datetime) -> Iterator[date]:
    """UTC days of which half or more lies inside."""
    start = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while start < until:
        end = start + timedelta(days=1)
        if min(end, until) - max(start, since) >= HALF_A_DAY:
            yield start.date()
        start = end
