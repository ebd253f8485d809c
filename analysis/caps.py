"""The limits of percentile caps as JSON, under names that later looks find them by. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from analysis.plan import AnalysisPlan, Entry

SETTLES_AFTER = timedelta(days=7)
"""From the first look with a full week of final values on, the limits found there stay in force."""


def to_json(plan: AnalysisPlan, caps: Mapping[Entry, float]) -> dict[str, float]:
    """Limit by metric and part of its vector."""
    return {name: caps[entry] for name, entry in _named(plan) if entry in caps}


def from_json(plan: AnalysisPlan, stored: Mapping[str, float]) -> dict[Entry, float]:
    return {entry: stored[name] for name, entry in _named(plan) if name in stored}


def settled(plan: AnalysisPlan, stored: Mapping[str, float], cut: datetime) -> dict[Entry, float]:
    """Those of the limits found in data up to `cut` that were found in enough data to keep them."""
    return {
        entry: limit
        for entry, limit in from_json(plan, stored).items()
        if cut - plan.since >= SETTLES_AFTER + timedelta(hours=entry.column.span.window_hours or 0)
    }


def _named(plan: AnalysisPlan) -> Iterator[tuple[str, Entry]]:
    for metric in plan.metrics:
        if metric.vector is not None:
            yield f"{metric.key}/value", metric.vector.value
        if metric.vector is not None and metric.vector.covariate is not None:
            yield f"{metric.key}/covariate", metric.vector.covariate
