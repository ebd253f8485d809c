"""Looking through the history of a surface for events that tell what latency is worth.

One job per surface and asking; each event is looked at once (again when there was no finding before). Runs in
worker processes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from events import queries as events
from impact import queries
from impact.history import Estimated, NothingToSay
from impact.models import Evidence, NaturalExperiment, ValueModel
from impact.natural import estimate
from impact.services import keeping
from impact.services.chronicle import Chronicle
from impact.services.evidence import record
from impact.services.keeping import HISTORY, MINED, is_set_up
from impact.shifts import NEAR, Shift, unexplained
from ledger import audit, jobs
from ledger.jobs import RunningJob
from ledger.refusals import refuse
from metrics import queries as metrics
from organisation import queries as organisation

KIND, QUEUE = "impact.mine", "analysis"
MINER = "history miner"
LASTS = timedelta(days=14)
"""How long after a fix, a deploy or a change of latency its effect is looked at."""
LONGEST = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that may have changed latency on began_on <= day < ended_on, for those in the slices.

    `overlaps` are titles of other known events in the same days: they may have done it instead.
    """

    origin: str
    title: str
    began_on: date
    ended_on: date
    slices: Mapping[str, tuple[str, ...]]
    overlaps: tuple[str, ...] = ()


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
    keys = [row.key for row in organisation.surfaces() if is_set_up(queries.value_model(row.key))]
    for key in keys:
        jobs.enqueue(kind=KIND, key=f"{key}/{week}", queue=QUEUE, payload={"surface": key}, now=now)
    return len(keys)


def mine(job: RunningJob) -> None:
    """Do the job: keep the days that are over, estimate each event from what is kept, store it all."""
    surface = job.payload["surface"]
    now = timezone.now()
    model = _wanted(surface)
    keeping.keep_days(keeping.wanted_of(model), now=now)
    chronicle = Chronicle(model, now)
    found = [(event, _look(chronicle, event, now)) for event in _events(surface, chronicle, now)]
    with transaction.atomic():
        job.finish(now=timezone.now())
        for event, result in found:
            _store(surface, model, event, result, now)


def _wanted(surface: str) -> ValueModel:
    organisation.surface(surface)
    model = queries.value_model(surface)
    if model is None or not is_set_up(model):
        why = "its value model names no outcome and no latency metric"
        raise refuse("surface", surface, why, "Name both under what the surface brings in.")
    metrics.version(model.outcome)
    metrics.version(model.latency_metric)
    return model


def _look(chronicle: Chronicle, event: Event, now: datetime) -> Estimated | NothingToSay:
    if event.ended_on > now.astimezone(UTC).date():
        return NothingToSay(f"it is looked at when its days are over, from {event.ended_on} on")
    return estimate(
        chronicle.values(event.slices),
        began_on=event.began_on,
        ended_on=event.ended_on,
        donors=chronicle.donors(event.slices),
    )


def _events(surface: str, chronicle: Chronicle, now: datetime) -> list[Event]:
    """Labelled events of the last 400 days, and changes of latency that no label explains."""
    labelled = [_of_label(row, now) for row in _labels(now)]
    starts = [event.began_on for event in labelled]
    shifts = unexplained(chronicle.latency(), chronicle.latency_by_level(), starts)
    found = [*labelled, *(_of_shift(shift, _known_changes(surface)) for shift in shifts)]
    return [replace(event, overlaps=_overlaps(event, labelled)) for event in found]


def _labels(now: datetime) -> Iterable[Any]:
    for kind in MINED:
        yield from events.labels(kind=kind.value, since=now - HISTORY, until=now)


def _of_label(row: Any, now: datetime) -> Event:
    """An incident that goes on ends, as far as one can tell, today."""
    label = events.as_label(row)
    began = label.started_at.astimezone(UTC).date()
    until = label.ended_at or (now if row.kind == "incident" else label.started_at + LASTS)
    ended = min(until.astimezone(UTC).date() + timedelta(days=1), began + LONGEST)
    return Event(f"label:{row.id}", label.title, began, max(ended, began + timedelta(days=1)), label.slices)


def _of_shift(shift: Shift, known: Mapping[date, str]) -> Event:
    """More days may move a change by one: it keeps the name that it was first stored under."""
    where = "".join(f" ({name}: {', '.join(levels)})" for name, levels in shift.slices.items())
    title = f"Latency went from {shift.before:.0f} to {shift.after:.0f} ms{where}"
    near = [origin for day, origin in known.items() if abs((day - shift.day).days) <= NEAR]
    origin = near[0] if near else f"change:{shift.day.isoformat()}"
    return Event(origin, title, shift.day, shift.until or shift.day + LASTS, shift.slices)


def _known_changes(surface: str) -> dict[date, str]:
    rows = NaturalExperiment.objects.filter(surface__key=surface, origin__startswith="change:")
    return {row.began_on: row.origin for row in rows}


def _overlaps(event: Event, labelled: Sequence[Event]) -> tuple[str, ...]:
    return tuple(
        other.title
        for other in labelled
        if other.origin != event.origin
        and other.began_on < event.ended_on
        and event.began_on < other.ended_on
    )


def _store(
    surface: str, model: ValueModel, event: Event, result: Estimated | NothingToSay, now: datetime
) -> None:
    """Keep what came of looking at an event; one with a finding is looked at no more."""
    place, _ = NaturalExperiment.objects.select_for_update(of=("self",)).get_or_create(
        surface=organisation.surface(surface),
        origin=event.origin,
        defaults={**_facts(event), "looked_at": now},
    )
    if place.finding_id is not None:
        return
    for name, value in _facts(event).items():
        setattr(place, name, value)
    place.looked_at = now
    place.reason = result.reason if isinstance(result, NothingToSay) else ""
    if isinstance(result, Estimated):
        place.finding = _finding(surface, model, event, result, now)
    place.save()


def _facts(event: Event) -> dict[str, Any]:
    return {
        "title": event.title[:200],
        "began_on": event.began_on,
        "ended_on": event.ended_on,
        "slices": {name: list(levels) for name, levels in event.slices.items()},
    }


def _finding(surface: str, model: ValueModel, event: Event, result: Estimated, now: datetime) -> Evidence:
    return record(
        surface=surface,
        title=event.title[:200],
        outcome=model.outcome,
        design=result.design,
        per_100_ms=max(-1.0, min(1.0, result.per_100_ms)),
        standard_error=result.standard_error,
        began_on=event.began_on,
        ended_on=event.ended_on - timedelta(days=1),
        method=result.method,
        details={**result.details, "overlaps": list(event.overlaps)},
        origin=f"{surface}/{event.origin}",
        actor=MINER,
        now=now,
    )
