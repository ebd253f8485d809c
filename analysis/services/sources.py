"""Where a look's data lie: the files of the store, the engine that reads them, and how complete they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from analysis.engines import choice
from analysis.engines.contract import StoredDay, StoreFiles
from analysis.health import DataFlow
from analysis.plan import AnalysisPlan
from events import queries as events
from events import upkeep_queries
from events.layout import EVENTS, EXPOSURES
from events.queries import StoreFileRow

if TYPE_CHECKING:
    from analysis.engines.contract import StoreEngine


def engine() -> StoreEngine:
    """The engine of this site, over this site's store."""
    return choice.engine(events.store_root())


def files(plan: AnalysisPlan, environment: str) -> StoreFiles:
    """Every file that may hold rows of the plan. Deletions are counted first: rollups that are made of these
    files are then never taken for younger than the last of them."""
    erasures = upkeep_queries.rewritten_count()
    exposures = events.files(EXPOSURES, plan.since, plan.until, environment=environment)
    listed = events.files(EVENTS, plan.events_since, plan.until, environment=environment)
    rows = sum(file.rows for file in (*exposures, *listed))
    return StoreFiles(
        exposures=_by_bucket(exposures),
        events=_by_bucket(listed),
        rows=rows,
        days=_by_day([*exposures, *listed]),
        erasures=erasures,
    )


def data_flow(plan: AnalysisPlan, environment: str, flag: str, *, asked_at: datetime) -> DataFlow:
    """For the checks: how events took their way into the store, and what computing arms again said. Batches
    that were acknowledged before somebody asked for the look may hold events from before the cut."""
    matched, mismatched = upkeep_queries.assignments(environment, flag, since=_day(plan.since))
    flow = events.data_flow(environment, plan.since, plan.until)
    return DataFlow(
        waiting=events.waiting_batches(environment, received_until=asked_at),
        accepted=flow.accepted,
        refused=flow.refused,
        silent_days=flow.silent_days,
        days=flow.days,
        recomputed=matched + mismatched,
        mismatched=mismatched,
    )


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _by_day(rows: Iterable[StoreFileRow]) -> tuple[StoredDay, ...]:
    found: dict[tuple[str, date, int], list[StoreFileRow]] = defaultdict(list)
    for row in rows:
        found[row.kind, row.day, row.bucket].append(row)
    return tuple(
        StoredDay(*place, tuple(row.path for row in of), sum(row.rows for row in of))
        for place, of in sorted(found.items())
    )


def _by_bucket(rows: Iterable[StoreFileRow]) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        found[row.bucket].append(row.path)
    return {bucket: tuple(paths) for bucket, paths in sorted(found.items())}
