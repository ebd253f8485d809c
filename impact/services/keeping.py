"""Keeping a day of the history when it is over: sums by slice that outlive the events they were made of.

Events go after 90 days; a natural experiment needs four weeks and sixty placebo dates before it, and looks at
up to 400 days. Every night one job reads each new day once, for the metrics of all value models. A day that
was added to since is read again. Runs in worker processes.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from events import queries as events
from events.labels import LabelKind
from events.layout import EVENTS
from flags import queries as flags
from impact import queries
from impact.cells import Cell, Wanted
from impact.models import KeptDay, ValueModel
from impact.services.stored import filesystem
from ledger import jobs
from ledger.jobs import RunningJob
from metrics import queries as metrics
from organisation import queries as organisation

KIND, QUEUE = "impact.keep", "analysis"
HISTORY = timedelta(days=400)
MINED = (LabelKind.INCIDENT, LabelKind.FIX, LabelKind.DEPLOY)
MOST_CHARACTERS = 120
"""Of a dimension's name; longer ones are not kept."""
Slices = Mapping[str, Sequence[str]]


def keep_all(*, now: datetime) -> bool:
    """Ask, once a day, for the days that are over; False when no value model names what to keep."""
    if not _all_wanted():
        return False
    day = now.astimezone(UTC).date().isoformat()
    jobs.enqueue(kind=KIND, key=day, queue=QUEUE, payload={}, now=now)
    return True


def keep(job: RunningJob) -> None:
    """Do the job, for the metrics of every surface."""
    keep_days(_all_wanted(), now=timezone.now())
    with transaction.atomic():
        job.finish(now=timezone.now())


def wanted_of(model: ValueModel) -> tuple[Wanted, Wanted]:
    """The outcome and the latency metric of a value model that names both."""
    outcome = metrics.version(model.outcome).definition
    latency = metrics.version(model.latency_metric).definition
    return Wanted(outcome), Wanted(latency, per_event=True)


def is_set_up(model: ValueModel | None) -> bool:
    return model is not None and bool(model.outcome) and bool(model.latency_metric)


def crossed_name(slices: Slices) -> str:
    """The dimension under which slices of several dimensions are kept."""
    text = json.dumps(sorted((name, sorted(levels)) for name, levels in slices.items()))
    return f"crossed:{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def production() -> str:
    """The environment whose history is looked at; empty when there is none."""
    first = next(iter(flags.environments()), None)
    return "" if first is None else first.key


def keep_days(wanted: Iterable[Wanted], *, now: datetime) -> int:
    """Read the days that are over and not kept yet, or were added to; how many were read."""
    by_recipe = {each.recipe: each for each in wanted}
    environment, read = production(), 0
    crossed, named = _labelled_slices(now)
    for day, files in _stored(environment, now).items():
        missing = _missing(environment, day, by_recipe, files.rows, set(crossed))
        if missing:
            _keep(environment, day, files, missing, crossed, named)
            read += 1
    return read


@dataclass(frozen=True, slots=True)
class _Files:
    """Paths of the events of one day by bucket of units, and how many events they hold."""

    buckets: tuple[tuple[str, ...], ...]
    rows: int


def _stored(environment: str, now: datetime) -> dict[date, _Files]:
    """Whole days that the store still has."""
    today = now.astimezone(UTC).date()
    found: dict[date, list[Any]] = defaultdict(list)
    for row in events.files(EVENTS, now - HISTORY, now, environment=environment):
        if row.day < today:
            found[row.day].append(row)
    return {day: _files(rows) for day, rows in sorted(found.items())}


def _files(rows: Sequence[Any]) -> _Files:
    buckets: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        buckets[row.bucket].append(row.path)
    return _Files(tuple(tuple(paths) for paths in buckets.values()), sum(row.rows for row in rows))


def _missing(
    environment: str, day: date, wanted: Mapping[str, Wanted], rows: int, crossed: set[str]
) -> list[Wanted]:
    """Metrics of which this day is not kept, or kept with fewer events, or without one of the crossings."""
    kept = KeptDay.objects.filter(environment=environment, day=day, recipe__in=list(wanted))
    known: dict[str, set[str]] = defaultdict(set)
    for recipe, dimension in kept.filter(rows__gte=rows).values_list("recipe", "dimension"):
        known[recipe].add(dimension)
    return [each for recipe, each in wanted.items() if not {"", *crossed} <= known[recipe]]


def _labelled_slices(now: datetime) -> tuple[dict[str, Slices], dict[str, frozenset[str]]]:
    """Of labelled events: slices of several dimensions by their name, and levels by dimension."""
    crossed: dict[str, Slices] = {}
    named: dict[str, set[str]] = defaultdict(set)
    for kind in MINED:
        for row in events.labels(kind=kind.value, since=now - HISTORY, until=now):
            slices = events.as_label(row).slices
            if len(slices) > 1:
                crossed[crossed_name(slices)] = slices
            for name, levels in slices.items():
                named[name] |= set(levels)
    return crossed, {name: frozenset(levels) for name, levels in named.items()}


def _keep(
    environment: str,
    day: date,
    files: _Files,
    wanted: Sequence[Wanted],
    crossed: Mapping[str, Slices],
    named: Mapping[str, frozenset[str]],
) -> None:
    from impact import daily

    parting = daily.Parting(crossed, named)
    found = daily.cells_of(files.buckets, wanted, parting, filesystem=filesystem())
    rows = [
        KeptDay(
            environment=environment,
            recipe=each.recipe,
            metric=each.metric.key,
            day=day,
            dimension=dimension,
            levels={level: cell.to_json() for level, cell in levels.items()},
            rows=files.rows,
            read_at=timezone.now(),
        )
        for each in wanted
        for dimension, levels in found[each.recipe].items()
        if len(dimension) <= MOST_CHARACTERS
    ]
    KeptDay.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["environment", "recipe", "dimension", "day"],
        update_fields=["levels", "rows", "read_at", "metric"],
    )


def _all_wanted() -> list[Wanted]:
    """Of all surfaces whose value model names an outcome and a latency metric."""
    models = [queries.value_model(row.key) for row in organisation.surfaces()]
    return [each for model in models if model is not None and is_set_up(model) for each in wanted_of(model)]


def kept_levels(environment: str, recipe: str, dimension: str, *, since: date) -> dict[date, dict[str, Cell]]:
    """Cells by day and level, oldest first."""
    rows = KeptDay.objects.filter(environment=environment, recipe=recipe, dimension=dimension, day__gte=since)
    return {
        day: {level: Cell.from_json(cell) for level, cell in levels.items()}
        for day, levels in rows.order_by("day").values_list("day", "levels")
    }


def dimensions(environment: str, recipe: str) -> list[str]:
    """Dimensions that the days of a metric are kept by, without everybody and without crossings."""
    rows = KeptDay.objects.filter(environment=environment, recipe=recipe)
    found = rows.order_by().values_list("dimension", flat=True).distinct()
    return sorted(name for name in found if name and not name.startswith("crossed:"))
