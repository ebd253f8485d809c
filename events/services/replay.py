"""Taking a refused event in after all: because it was corrected, or because somebody vouches for its time."""

import hashlib
from datetime import datetime
from uuid import uuid5

from django.db import transaction

from events import queries
from events.diagnosis import ID_TAKEN, Window
from events.judging import refused_in
from events.models import Codec, InboxBatch, RefusedEvent
from ledger import audit
from ledger.refusals import Conflict, Problem, Refused, problem

REPLAY = "replay"


@transaction.atomic
def replay(*, refused_id: int, actor: str, now: datetime, raw: bytes | None = None) -> InboxBatch:
    """Put the event (or `raw`, its corrected text) into the inbox, under the key that brought it.

    It is judged like any other event, only that it may be of any time since 1990. Raises Refused when it is
    still not acceptable, Conflict when it was replayed before or has to be corrected first.
    """
    queries.refused_event(refused_id)
    refused = RefusedEvent.objects.select_for_update(of=["self"]).get(id=refused_id)
    event = bytes(refused.raw) if raw is None else raw.strip()
    _check(refused, event)
    batch = _batch(refused, event, now)
    batch.save(force_insert=True)
    refused.replayed_at = now
    refused.save(update_fields=["replayed_at"])
    # The event itself stays out of the audit: it holds a unit id, and audit rows are kept for ever.
    audit.record(
        now=now,
        actor=actor,
        action="event.replayed",
        subject=f"refused-event:{refused.id}",
        after={
            "environment": refused.environment,
            "batch": str(refused.batch_id),
            "index": refused.index,
            "refused_for": f"{refused.field}: {refused.reason}",
            "was_edited": event != bytes(refused.raw),
        },
    )
    return batch


def _check(refused: RefusedEvent, event: bytes) -> None:
    is_same = event == bytes(refused.raw)
    if refused.replayed_at is not None:
        why = f"this event was replayed at {refused.replayed_at.isoformat()}"
        raise Conflict(problem("event", refused.id, why, "There is nothing left to do."))
    if is_same and not refused.is_whole:
        why = "the event was too long to be kept whole"
        raise Conflict(problem("event", refused.id, why, "Send it again from where it came from."))
    if is_same and refused.reason == ID_TAKEN:
        raise Conflict(Problem("id", refused.value, refused.reason, "Give it another id, then replay it."))
    window = Window.at(refused.received_at, accepts_history=True)
    problems = refused_in([event], window)
    if problems:
        raise Refused(problems[0][1])


def _batch(refused: RefusedEvent, event: bytes, now: datetime) -> InboxBatch:
    name = uuid5(refused.batch_id, f"{REPLAY} {refused.index}")
    events = b"[" + event + b"]"
    payload = b'{"batch_id":"' + str(name).encode() + b'","events":' + events + b"}"
    return InboxBatch(
        environment=refused.environment,
        key_id=refused.key_id,
        batch_id=name,
        received_at=now,
        sdk=REPLAY,
        accepted=1,
        digest=hashlib.sha256(events).digest()[:16],
        codec=Codec.JSON,
        size=len(payload),
        payload=payload,
    )
