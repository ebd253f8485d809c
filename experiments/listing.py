"""The list of experiments: what it can be narrowed by, and in which order it stands."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator

from experiments import lifecycle, queries, status
from experiments.models import Experiment, ExperimentVersion, SavedFilter, VersionState

ASKED = ("search", *queries.FILTERS, "order")
ROWS_A_PAGE = 50
ORDERS = {"": "newest first", "worst": "worst status first"}


def page(asked: Mapping[str, str], number: str | int | None, *, now: datetime) -> Page[Experiment]:
    """One page of the experiments that match, each with its `pill` and `days_left`.

    Only the order by status asks for the pills of all of them.
    """
    filters = {name: asked.get(name, "") for name in ("search", *queries.FILTERS)}
    found = queries.experiments(**filters)
    rows = sorted(_with_pills(found), key=_badness) if asked.get("order") == "worst" else found
    shown = Paginator(rows, ROWS_A_PAGE).get_page(number)
    for row in _with_pills(shown):
        row.days_left = None  # type: ignore[attr-defined]
    _count_days(shown, now)
    return shown


def _count_days(rows: Iterable[Experiment], now: datetime) -> None:
    """Days until the longest duration of those that run; below zero when it is over."""
    running = {row.id: row for row in rows if row.lifecycle_state in lifecycle.EXPOSING}
    if not running:
        return
    plans = ExperimentVersion.objects.filter(state=VersionState.LOCKED, experiment_id__in=running)
    for found, most in plans.values_list("experiment_id", "plan__max_days"):
        started_at = running[found].started_at or now
        ends = started_at + timedelta(days=most)
        running[found].days_left = math.ceil((ends - now) / timedelta(days=1))  # type: ignore[attr-defined]


def _with_pills(rows: Iterable[Experiment]) -> list[Experiment]:
    found = list(rows)
    pills = status.pills((row.key, row.lifecycle_state) for row in found)
    for row in found:
        row.pill = pills[row.key]  # type: ignore[attr-defined]
    return found


def saved() -> list[SavedFilter]:
    """Everybody's filters, by name."""
    return list(SavedFilter.objects.all())


def choices() -> dict[str, list[str]]:
    """The values that the filters can take: those that some experiment has."""
    names = {"kind": "kind", "team": "team_id", "surface": "surface_id", "owner": "owner"}
    rows = queries.experiments().order_by()
    return {name: _values(rows, column) for name, column in names.items()}


def _values(rows: Any, column: str) -> list[str]:
    return sorted(value for value in set(rows.values_list(column, flat=True)) if value)


def _badness(row: Any) -> int:
    """Unhealthy, harmed, nothing there yet, to be decided, too early, fine, over: the worst first."""
    return status.rank(row.pill)
