"""Labelled events: what is known to have happened, written down by people and by machines."""

from datetime import datetime

from django.db import transaction

from events import queries
from events.labels import Label, check_times
from events.models import LabelledEvent
from ledger import audit
from ledger.refusals import Conflict, problem
from metrics import queries as metric_queries
from metrics.reading import Findings, meant


@transaction.atomic
def add_label(*, label: Label, actor: str, now: datetime) -> LabelledEvent:
    """Write it down. A label whose origin is there already changes nothing and is returned as it stands."""
    _check(label, now)
    made, is_new = _stored(label, actor, now)
    if is_new:
        subject = f"label:{made.id}"
        audit.record(now=now, actor=actor, action="label.added", subject=subject, after=describe(made))
    return made


@transaction.atomic
def end_label(*, label_id: int, ended_at: datetime, actor: str, now: datetime) -> LabelledEvent:
    """Say when it was over. Raises Conflict when that is known already."""
    queries.label(label_id)
    row = LabelledEvent.objects.select_for_update().get(id=label_id)
    if row.ended_at is not None:
        why = f"this ended at {row.ended_at.isoformat()}"
        raise Conflict(problem("ended_at", ended_at.isoformat(), why, "Add another labelled event."))
    findings = Findings()
    check_times(queries.as_label(row, ended_at=ended_at), now, findings)
    findings.raise_if_any()
    before = describe(row)
    row.ended_at = ended_at
    row.save(update_fields=["ended_at"])
    audit.record(
        now=now,
        actor=actor,
        action="label.ended",
        subject=f"label:{row.id}",
        before=before,
        after=describe(row),
    )
    return row


def describe(row: LabelledEvent) -> dict[str, object]:
    return {
        "kind": row.kind,
        "title": row.title,
        "started_at": row.started_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        "slices": row.slices,
        "expected": row.expected,
        "origin": row.origin,
    }


def _stored(label: Label, actor: str, now: datetime) -> tuple[LabelledEvent, bool]:
    """The row, and whether it is new."""
    content = {
        "kind": label.kind,
        "title": label.title,
        "started_at": label.started_at,
        "ended_at": label.ended_at,
        "slices": {name: list(levels) for name, levels in label.slices.items()},
        "expected": {metric: direction.value for metric, direction in label.expected.items()},
        "link": label.link,
        "created_by": actor,
        "created_at": now,
    }
    if label.origin:
        return LabelledEvent.objects.get_or_create(origin=label.origin, defaults=content)
    return LabelledEvent.objects.create(**content), True


def _check(label: Label, now: datetime) -> None:
    findings = Findings()
    check_times(label, now, findings)
    known = metric_queries.titles() if label.expected else {}
    for metric in label.expected:
        if metric not in known:
            fix = f"{meant(metric, known)}Metrics are listed on the page Metrics."
            findings.add(f"expected.{metric}", metric, "there is no metric with this key", fix)
    findings.raise_if_any()
