"""Looking through the history of a surface for events that tell what latency is worth.

One job per surface and asking; each event is looked at once (again when there was no finding before). Runs in
worker processes.
"""

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
from impact.models import NaturalExperiment, ValueModel
from impact.natural import Estimated, NothingToSay, Shift, Value, estimate, unexplained
from impact.services.evidence import record
from impact.services.stored import filesystem
from ledger import audit, jobs
from ledger.jobs import RunningJob
from ledger.refusals import refuse
from metrics import queries as metrics
from organisation import queries as organisation

KIND, QUEUE = "impact.mine", "analysis"
MINER = "history miner"
HISTORY = timedelta(days=400)
LASTS = timedelta(days=14)
"""How long after a fix or a deploy its effect is looked at."""
LONGEST = timedelta(days=28)
MINED = (LabelKind.INCIDENT, LabelKind.FIX, LabelKind.DEPLOY)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that may have changed latency on began_on <= day < ended_on, for those in the slices."""

    origin: str
    title: str
    began_on: date
    ended_on: date
    slices: Mapping[str, tuple[str, ...]]


@transaction.atomic
def request_mining(*, surface: str, actor: str, now: datetime) -> None:
    """Ask for a look through the history. Raises Refused when nothing says what to look at."""
    _wanted(surface)
    jobs.enqueue(
        kind=KIND,
        key=f"{surface}/{now.astimezone(UTC).isoformat(timespec='seconds')}",
        queue=QUEUE,
        payload={"surface": surface},
        now=now,
    )
    audit.record(now=now, actor=actor, action="history.mined", subject=f"surface:{surface}")


def mine_all(*, now: datetime) -> int:
    """Ask, once a week, for a look at every surface whose value model names what to look at."""
    week = now.astimezone(UTC).strftime("%G-W%V")
    keys = [row.key for row in organisation.surfaces() if _is_set_up(queries.value_model(row.key))]
    for key in keys:
        jobs.enqueue(kind=KIND, key=f"{key}/{week}", queue=QUEUE, payload={"surface": key}, now=now)
    return len(keys)


def mine(job: RunningJob) -> None:
    """Do the job: read the daily series once for each set of slices, estimate each event, store it all."""
    surface = job.payload["surface"]
    now = timezone.now()
    model = _wanted(surface)
    history = _History(model, now)
    found = [(event, history.look(event)) for event in _events(history, now)]
    with transaction.atomic():
        job.finish(now=timezone.now())
        for event, result in found:
            _store(surface, model, event, result, now)


def _wanted(surface: str) -> ValueModel:
    organisation.surface(surface)
    model = queries.value_model(surface)
    if model is None or not _is_set_up(model):
        why = "its value model names no outcome and no latency metric"
        raise refuse("surface", surface, why, "Name both under what the surface brings in.")
    metrics.version(model.outcome)
    metrics.version(model.latency_metric)
    return model


def _is_set_up(model: ValueModel | None) -> bool:
    return model is not None and bool(model.outcome) and bool(model.latency_metric)


def _events(history: "_History", now: datetime) -> list[Event]:
    """Labelled events of the last 400 days, and changes of latency that no label explains."""
    labelled = [_of_label(row, now) for row in _labels(now)]
    return [*labelled, *_changes(history.values({}), labelled)]


def _labels(now: datetime) -> Iterable[Any]:
    for kind in MINED:
        yield from events.labels(kind=kind.value, since=now - HISTORY, until=now)


def _of_label(row: Any, now: datetime) -> Event:
    label = events.as_label(row)
    began = label.started_at.astimezone(UTC).date()
    until = label.ended_at or label.started_at + LASTS
    ended = min(until.astimezone(UTC).date() + timedelta(days=1), now.astimezone(UTC).date())
    ended = min(ended, began + LONGEST)
    return Event(f"label:{row.id}", label.title, began, max(ended, began + timedelta(days=1)), label.slices)


def _changes(values: Sequence[Value], labelled: Sequence[Event]) -> list[Event]:
    """Days on which latency itself changed and nobody wrote down why."""
    shifts = unexplained(values, [event.began_on for event in labelled])
    return [_of_shift(shift, values[-1].day) for shift in shifts]


def _of_shift(shift: Shift, last: date) -> Event:
    title = f"Latency went from {shift.before:.0f} to {shift.after:.0f} ms"
    end = min(shift.day + LASTS, last + timedelta(days=1))
    return Event(f"change:{shift.day.isoformat()}", title, shift.day, end, {})


class _History:
    """The daily series of a surface; each set of slices is read from the store once."""

    def __init__(self, model: ValueModel, now: datetime) -> None:
        self._outcome = metrics.version(model.outcome).definition
        self._latency = metrics.version(model.latency_metric).definition
        self._files = _files(now)
        self._read: dict[str, list[Value]] = {}

    def look(self, event: Event) -> Estimated | NothingToSay:
        values = [value for value in self.values(event.slices) if value.day < event.ended_on]
        return estimate(values, began_on=event.began_on, ended_on=event.ended_on)

    def values(self, slices: Mapping[str, Sequence[str]]) -> list[Value]:
        key = repr(sorted((name, sorted(levels)) for name, levels in slices.items()))
        if key not in self._read:
            self._read[key] = self._values(slices)
        return self._read[key]

    def _values(self, slices: Mapping[str, Sequence[str]]) -> list[Value]:
        from impact import daily

        given: dict[str, Any] = {"filesystem": filesystem()}
        moved = daily.series(self._files, self._outcome, slices, **given)
        slow = daily.series(self._files, self._latency, slices, per_event=True, **given)
        return [
            Value(
                day=first.day,
                outcome=(first.hit, first.others if slices else None),
                latency_ms=(second.hit, second.others if slices else None),
            )
            for first, second in zip(moved, slow, strict=True)
        ]


def _files(now: datetime) -> dict[date, list[str]]:
    """Paths of whole days, by day, of the production environment."""
    environment = next(iter(flags.environments()), None)
    found: dict[date, list[str]] = defaultdict(list)
    if environment is not None:
        today = now.astimezone(UTC).date()
        for row in events.files(EVENTS, now - HISTORY, now, environment=environment.key):
            if row.day < today:
                found[row.day].append(row.path)
    return found


def _store(
    surface: str, model: ValueModel, event: Event, result: Estimated | NothingToSay, now: datetime
) -> None:
    place, _ = NaturalExperiment.objects.select_for_update(of=("self",)).get_or_create(
        surface=organisation.surface(surface),
        origin=event.origin,
        defaults={
            "title": event.title[:200],
            "began_on": event.began_on,
            "ended_on": event.ended_on,
            "slices": {name: list(levels) for name, levels in event.slices.items()},
            "looked_at": now,
        },
    )
    if place.finding_id is not None:
        return
    place.looked_at = now
    place.reason = result.reason if isinstance(result, NothingToSay) else ""
    if isinstance(result, Estimated):
        place.finding = record(
            surface=surface,
            title=event.title[:200],
            outcome=model.outcome,
            design=result.design,
            per_100_ms=max(-1.0, min(1.0, result.per_100_ms)),
            standard_error=result.standard_error,
            began_on=event.began_on,
            ended_on=event.ended_on - timedelta(days=1),
            method=result.method,
            details=result.details,
            origin=f"{surface}/{event.origin}",
            actor=MINER,
            now=now,
        )
    place.save()
