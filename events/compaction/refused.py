"""Keeping what was not stored, with the reason: events refused at the door, and ids used for two things."""

from collections import defaultdict
from collections.abc import Iterator

from events.compaction.decoding import UNOPENED, Refusal, raw_events
from events.compaction.duplicates import Repeated
from events.compaction.intake import Claimed, Intake
from events.compaction.rows import place_of
from events.diagnosis import conflicting
from events.models import InboxBatch, RefusedEvent
from events.wire import decode_event

SHOWN_CONFLICTS = 1_000
"""Conflicting events of one round that are kept for looking at; all of them are counted."""


def keep(environment: str, taken: Intake, repeated: Repeated) -> None:
    """Rows for the refused events of these batches."""
    found = [*taken.refusals, *_conflicts(taken.batches, repeated.conflicting[:SHOWN_CONFLICTS].tolist())]
    rows = [_row(environment, taken.batches[number], refusal) for number, refusal in found]
    RefusedEvent.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1_000)


def _conflicts(batches: list[Claimed], arrivals: list[int]) -> Iterator[tuple[int, Refusal]]:
    by_batch: dict[int, list[int]] = defaultdict(list)
    for number, index in map(place_of, arrivals):
        by_batch[number].append(index)
    for number, indices in by_batch.items():
        row = InboxBatch.objects.get(id=batches[number].id)
        try:
            raw = raw_events(bytes(row.payload or b""), row.codec)
        except UNOPENED:
            continue
        for index in indices:
            yield number, Refusal.of(index, raw[index], conflicting(decode_event(raw[index]).id))


def _row(environment: str, batch: Claimed, refusal: Refusal) -> RefusedEvent:
    return RefusedEvent(
        environment=environment,
        key_id=batch.key_id,
        batch_id=batch.batch_id,
        index=refusal.index,
        received_at=batch.received_at,
        field=refusal.field,
        value=refusal.value,
        reason=refusal.reason,
        fix=refusal.fix,
        raw=refusal.raw,
        is_whole=refusal.is_whole,
    )
