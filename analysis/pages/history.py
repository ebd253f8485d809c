"""The looks of one metric in order, with what happened meanwhile: read for the picture over time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from analysis import queries
from analysis.report import drawing_time, over_time
from analysis.report.over_time import Mark, Moment, Span
from events import queries as events
from experiments import queries as experiments
from experiments.plan import LockedPlan
from ledger.refusals import Conflict

MARKED = ("deploy", "incident", "fix")


def over_looks(key: str, *, metric: str, arm: str) -> dict[str, Any] | None:
    """The content and its picture under the plan in force; None where there is nothing to draw."""
    try:
        plan = experiments.plan(key)
    except Conflict:
        return None
    definition = next((each.definition for each in plan.bindings if each.metric == metric), None)
    moments = list(_moments(plan, metric, arm))
    if definition is None or plan.started_at is None or not moments:
        return None
    start, end = plan.started_at, moments[-1].at
    span = Span(start, end, start + timedelta(days=plan.min_days))
    content = over_time.series(moments, _marks(key, start, end), definition, span)
    return None if content is None else {**content, "arm": arm, "svg": drawing_time.over_time(content)}


def _moments(plan: LockedPlan, metric: str, arm: str) -> Iterator[Moment]:
    """Looks that could say something, oldest first."""
    rows = queries.results(plan.experiment, metric=metric)
    rows = rows.filter(run__plan_version=plan.version, arm=arm, dimension="", estimate__isnull=False)
    for row in rows.order_by("run__look"):
        if row.estimate is not None:
            yield Moment(row.run.look, row.run.data_cut, row.estimate, row.low, row.high)


def _marks(key: str, start: datetime, end: datetime) -> list[Mark]:
    """Deploys, incidents and fixes, and every later phase of the experiment itself."""
    labels = events.labels(since=start, until=end).filter(kind__in=MARKED)
    happened = [Mark(label.started_at, label.kind, label.title) for label in labels]
    phases = [
        Mark(phase.started_at, "phase", f"coverage {phase.coverage_ppm / 10_000:g} %")
        for phase in experiments.phases(key)
        if start < phase.started_at < end
    ]
    return sorted([*happened, *phases], key=lambda mark: mark.at)
