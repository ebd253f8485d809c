"""The first page after logging in: what wants attention, what is mine, what runs and its next look."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analysis import looks
from analysis import queries as analysis_queries
from experiments import queries as experiment_queries
from experiments import status
from experiments.lifecycle import State
from experiments.plan import LockedPlan
from governance import review_queries
from ledger import queries as ledger_queries

if TYPE_CHECKING:
    from experiments.models import Experiment

FINISHED = (State.CLOSED, State.INVALID)
MOST_ROWS = 20
FURTHEST_LOOK_HOURS = 8
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One experiment as the page shows it."""

    key: str
    title: str
    owner: str
    state: str
    pill: status.Pill
    next_look_at: datetime | None


def home(request: HttpRequest) -> HttpResponse:
    """Everything is read at once; nothing here writes."""
    name, now = request.user.get_username(), timezone.now()
    everything = experiment_queries.experiments()
    mine = everything.filter(owner=name).exclude(state__in=FINISHED)[:MOST_ROWS]
    running = experiment_queries.running().exclude(owner=name)[:MOST_ROWS]
    shown = {
        "trips": analysis_queries.unsettled_trips()[:MOST_ROWS],
        "to_sign": review_queries.waiting_for(name),
        "dead_jobs": ledger_queries.job_counts().get("dead", 0),
        "mine": _rows(mine, now=now),
        "running": _rows(running, now=now),
        "is_new": not everything.exists(),
    }
    return render(request, "home.html", shown)


def _rows(experiments: Iterable["Experiment"], *, now: datetime) -> list[Row]:
    found = list(experiments)
    pills = status.pills((each.key, each.lifecycle_state) for each in found)
    return [
        Row(
            key=each.key,
            title=each.title,
            owner=each.owner,
            state=each.lifecycle_state.words,
            pill=pills[each.key],
            next_look_at=_next_look(each, now=now),
        )
        for each in found
    ]


def _next_look(experiment: "Experiment", *, now: datetime) -> datetime | None:
    if experiment.lifecycle_state is not State.RUNNING:
        return None
    return next_look_at(experiment_queries.plan(experiment.key), now=now)


def next_look_at(plan: LockedPlan, *, now: datetime) -> datetime | None:
    """When the next data cut will have settled; None when no later cut is to come."""
    current = looks.due_cut(plan, now=now)
    hour = now.replace(minute=0, second=0, microsecond=0) + looks.SETTLING
    settled = (hour + step * HOUR for step in range(FURTHEST_LOOK_HOURS + 1))
    return next((at for at in settled if at > now and looks.due_cut(plan, now=at) != current), None)
