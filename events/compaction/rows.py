"""Accepted events as rows of the store: ids hashed, defaults filled in, fingerprints taken.

Beside the columns of the store a row carries `arrival` (its batch's number and its index, so that sorting by
it is the order of arrival), the halves of its id, and a fingerprint of everything else in it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import mmh3
import msgspec
import numpy as np
import pyarrow as pa
from msgspec import UNSET

from events.layout import EVENTS, EXPOSURES
from events.pseudonyms import Pseudonyms
from events.schema import COLUMNS
from events.wire import MAX_EVENTS, AnyEvent, Event, Exposure

Tables = dict[str, pa.Table]
Arrived = tuple[int, AnyEvent]
"""An arrival and its event."""

INDEX_BITS = MAX_EVENTS.bit_length()
EXTRA = [
    pa.field("arrival", pa.int64(), nullable=False),
    pa.field("id_high", pa.int64(), nullable=False),
    pa.field("id_low", pa.int64(), nullable=False),
    pa.field("fingerprint", pa.int64(), nullable=False),
]
WIDE: dict[str, pa.Schema] = {kind: pa.schema([*COLUMNS[kind], *EXTRA]) for kind in (EXPOSURES, EVENTS)}
_encode = msgspec.msgpack.Encoder().encode


def arrival(batch: int, index: int) -> int:
    """`batch` counts the batches of a round from 0."""
    return batch << INDEX_BITS | index


def batch_of(arrivals: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    return arrivals >> INDEX_BITS


def place_of(arrived: int) -> tuple[int, int]:
    """Batch and index of an arrival."""
    return arrived >> INDEX_BITS, arrived & (1 << INDEX_BITS) - 1


def as_tables(events: Iterable[Arrived], received_at: dict[int, datetime], names: Pseudonyms) -> Tables:
    """Wide tables by kind. `received_at` by batch."""
    exposures: list[tuple[Any, ...]] = []
    others: list[tuple[Any, ...]] = []
    for arrived, event in events:
        if isinstance(event, Exposure):
            exposures.append((arrived, event, _exposure(event, names)))
        else:
            others.append((arrived, event, _event(event, names)))
    return {
        EXPOSURES: _table(EXPOSURES, exposures, received_at),
        EVENTS: _table(EVENTS, others, received_at),
    }


def _exposure(event: Exposure, names: Pseudonyms) -> tuple[Any, ...]:
    """Everything but the id and the time of receipt, in the order of the columns."""
    return (
        event.ts,
        names.unit(event.unit_type, event.unit),
        event.unit_type,
        event.flag,
        event.experiment or None,
        event.variant,
        event.version or 0,
        event.forced is True,
        sorted(event.dims.items()) if event.dims else [],
    )


def _event(event: Event, names: Pseudonyms) -> tuple[Any, ...]:
    return (
        event.ts,
        names.unit(event.unit_type, event.unit),
        event.unit_type,
        event.name,
        None if event.value is UNSET else event.value,
        names.session(event.session) if event.session else None,
        sorted(event.dims.items()) if event.dims else [],
    )


def _table(kind: str, rows: list[tuple[Any, ...]], received_at: dict[int, datetime]) -> pa.Table:
    schema = WIDE[kind]
    contents = [content for *_, content in rows]
    ids = b"".join([event.id.bytes for _, event, _ in rows])
    listed = [
        _as_texts(ids.hex()),
        *(list(column) for column in zip(*contents, strict=True)),
        [received_at[arrived >> INDEX_BITS] for arrived, *_ in rows],
        [arrived for arrived, *_ in rows],
    ]
    if not rows:
        return schema.empty_table()
    halves = np.frombuffer(ids, dtype=">i8").astype("<i8")
    arrays = [
        *(pa.array(column, field.type) for column, field in zip(listed, schema, strict=False)),
        pa.array(halves[0::2]),
        pa.array(halves[1::2]),
        pa.array([_fingerprint(kind, content) for content in contents], pa.int64()),
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _as_texts(digits: str) -> list[str]:
    """UUIDs of 32 digits each in their usual form; four times as fast as one `str` after the other."""
    return [
        f"{digits[i : i + 8]}-{digits[i + 8 : i + 12]}-{digits[i + 12 : i + 16]}"
        f"-{digits[i + 16 : i + 20]}-{digits[i + 20 : i + 32]}"
        for i in range(0, len(digits), 32)
    ]


def _fingerprint(kind: str, content: tuple[Any, ...]) -> int:
    """Over the row as stored, hashed ids included: over the event as sent, it would let one try ids out."""
    number: int = mmh3.hash64(_encode((kind, content)))[0]
    return number
