"""What one round takes out of the inbox: batches as they are claimed, their rows, and what was refused.

Payloads are decoded a few at a time and dropped, so that memory depends on the size of a round and not on
how much waits.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pyarrow as pa

from events.compaction import rehashing
from events.compaction.decoding import Refusal, decode
from events.compaction.rows import WIDE, Tables, arrival, as_tables
from events.models import InboxBatch
from events.pseudonyms import Pseudonyms
from events.wire import Exposure

ROUND_EVENTS = 200_000
ROUND_BYTES = 150_000_000
CLAIMED_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class Claimed:
    """A batch without its payload."""

    id: int
    key_id: int | None
    batch_id: UUID
    received_at: datetime
    dropped: int


@dataclass(slots=True)
class Intake:
    """The number of a batch is its place in `batches`; arrivals refer to it. `sampled` are exposures with
    their ids in clear, whose assignment is computed again."""

    batches: list[Claimed] = field(default_factory=list)
    refusals: list[tuple[int, Refusal]] = field(default_factory=list)
    sampled: list[tuple[int, Exposure]] = field(default_factory=list)
    _tables: list[Tables] = field(default_factory=list)
    _events: int = 0
    _bytes: int = 0

    @property
    def is_full(self) -> bool:
        return self._events >= ROUND_EVENTS or self._bytes >= ROUND_BYTES

    def add(self, rows: list[InboxBatch], names: Pseudonyms) -> None:
        events, received_at = [], {}
        for row in rows:
            number = len(self.batches)
            self.batches.append(Claimed(row.id, row.key_id, row.batch_id, row.received_at, row.dropped))
            received_at[number] = row.received_at
            decoded = decode(bytes(row.payload or b""), row.codec, row.refusals or [])
            events += [(arrival(number, index), event) for index, event in decoded.events]
            self.refusals += [(number, refusal) for refusal in decoded.refusals]
            self._bytes += decoded.size
        self._events += len(events)
        self.sampled += rehashing.sample(events)
        self._tables.append(as_tables(events, received_at, names))

    def tables(self) -> Tables:
        """All rows by kind, in order of arrival."""
        return {
            kind: pa.concat_tables([schema.empty_table(), *(tables[kind] for tables in self._tables)])
            for kind, schema in WIDE.items()
        }


def take(environment: str, names: Pseudonyms) -> Intake:
    """Claim waiting batches, oldest first, until a round is full. Call inside a transaction."""
    intake = Intake()
    with _no_garbage_collection():
        for rows in _claims(environment):
            intake.add(rows, names)
            if intake.is_full:
                break
    return intake


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Many thousand tuples, none in a cycle: looking for cycles among them costs as much as the work."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _claims(environment: str) -> Iterator[list[InboxBatch]]:
    last = 0
    while True:
        waiting = InboxBatch.objects.filter(environment=environment, compacted_at__isnull=True, id__gt=last)
        rows = list(
            waiting.select_for_update(skip_locked=True, of=["self"]).order_by("id")[:CLAIMED_TOGETHER]
        )
        if not rows:
            return
        last = rows[-1].id
        yield rows
