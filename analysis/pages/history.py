"""The looks of one metric in order, with what happened meanwhile: read for the picture over time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from analysis import queries
from analysis.report import drawing_time, numbers, over_time
from analysis.report.over_time import Mark, Moment, Span
from events import queries as events
from experiments import queries as experiments
from experiments.plan import WHOLE_PPM, LockedPlan
from flags import queries as flag_queries
from ledger.refusals import Conflict, NotFound

MARKED = ("deploy", "incident", "fix", "injection")
SAME_MOMENT = timedelta(minutes=1)
"""A ramp step makes a phase of the experiment; one mark is enough for both."""


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
    start, end = _start(key, plan.started_at), moments[-1].at
    span = Span(start, end, plan.started_at + timedelta(days=plan.min_days))
    content = over_time.series(moments, _marks(plan, start, end), definition, span)
    return None if content is None else {**content, "arm": arm, "svg": drawing_time.over_time(content)}


def _start(key: str, otherwise: datetime) -> datetime:
    """When the first phase of all plans began."""
    first = experiments.phases(key).first()
    return otherwise if first is None else first.started_at


def _moments(plan: LockedPlan, metric: str, arm: str) -> Iterator[Moment]:
    """Looks that could say something, oldest first; those under earlier plans or definitions are marked."""
    bound = next((each.metric_version_id for each in plan.bindings if each.metric == metric), None)
    rows = queries.results(plan.experiment, metric=metric)
    rows = rows.filter(run__plan_version__lte=plan.version, arm=arm, dimension="", estimate__isnull=False)
    for row in rows.order_by("run__plan_version", "run__look"):
        is_other = row.run.plan_version != plan.version or row.metric_version_id != bound
        if row.estimate is not None:
            yield Moment(row.run.look, row.run.data_cut, row.estimate, row.low, row.high, is_other)


def _marks(plan: LockedPlan, start: datetime, end: datetime) -> list[Mark]:
    """Deploys, incidents and fixes, steps of ramps, and every later phase of the experiment itself."""
    labels = events.labels(since=start, until=end).filter(kind__in=MARKED)
    happened = [Mark(label.started_at, label.kind, label.title) for label in labels]
    steps = [mark for mark in _ramp_steps(plan) if start < mark.at < end]
    phases = [
        Mark(phase.started_at, "phase", f"coverage {_share(phase.coverage_ppm)}")
        for phase in experiments.phases(plan.experiment)
        if start < phase.started_at < end
        and not any(abs(phase.started_at - step.at) < SAME_MOMENT for step in steps)
    ]
    return sorted([*happened, *steps, *phases], key=lambda mark: mark.at)


def _ramp_steps(plan: LockedPlan) -> Iterator[Mark]:
    """Every time a ramp of the experiment's flag changed who is reached."""
    if not plan.flag:
        return
    try:
        ramps = flag_queries.ramps(flag_queries.flag(plan.flag), flag_queries.environment(plan.environment))
    except NotFound:
        return
    for event in (event for ramp in ramps for event in ramp.events.all()):
        if event.before_ppm != event.after_ppm:
            change = f"coverage {_share(event.before_ppm)} to {_share(event.after_ppm)}"
            yield Mark(event.at, "ramp", change)


def _share(ppm: int) -> str:
    return numbers.share(ppm / WHOLE_PPM)
