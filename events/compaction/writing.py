"""Rows to Parquet files, one per part of the store: kind, environment, day of the event, bucket of the unit.

Rows are sorted by unit, time and id, so that the same rows give the same file.
"""

import hashlib
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from events.compaction.storage import Storage
from events.layout import BUCKETS, folder
from events.models import StoreFile
from events.schema import COLUMNS

EPOCH = date(1970, 1, 1)
US_A_DAY = 86_400_000_000
ROWS_A_GROUP = 65_536
WRITERS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """What the files of one folder have in common."""

    kind: str
    environment: str
    day: date
    bucket: int

    @property
    def folder(self) -> str:
        return folder(self.kind, self.environment, self.day.isoformat(), self.bucket)


def write_rows(
    storage: Storage, kind: str, environment: str, rows: pa.Table, *, now: datetime
) -> list[StoreFile]:
    """One file per day and bucket; the manifest rows for them, not saved yet.

    Several at once: most of the time goes into waiting for the disk, which makes many files durable in the
    time it takes for one.
    """

    def write(found: tuple[date, int, pa.Table]) -> StoreFile:
        day, bucket, part = found
        return write_file(storage, Part(kind, environment, day, bucket), part, span(part["ts"]), now=now)

    with ThreadPoolExecutor(WRITERS) as writers:
        return list(writers.map(write, _parts(rows.select(COLUMNS[kind].names))))


def write_file(
    storage: Storage, part: Part, rows: pa.Table, times: tuple[datetime, datetime], *, now: datetime
) -> StoreFile:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", row_group_size=ROWS_A_GROUP)
    content = sink.getvalue().to_pybytes()
    path = f"{part.folder}/{now:%Y%m%dT%H%M%S}-{secrets.token_hex(8)}.parquet"
    storage.write(path, content)
    return StoreFile(
        kind=part.kind,
        environment=part.environment,
        day=part.day,
        bucket=part.bucket,
        path=path,
        rows=rows.num_rows,
        size=len(content),
        min_ts=times[0],
        max_ts=times[1],
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=now,
    )


def span(times: pa.ChunkedArray) -> tuple[datetime, datetime]:
    """The first and the last of them."""
    found = pc.min_max(times).as_py()
    return found["min"].astimezone(UTC), found["max"].astimezone(UTC)


def in_order(rows: pa.Table) -> pa.Table:
    return rows.take(
        pc.sort_indices(rows, [("unit", "ascending"), ("ts", "ascending"), ("event_id", "ascending")])
    )


def _parts(rows: pa.Table) -> Iterator[tuple[date, int, pa.Table]]:
    days = _numbers(rows["ts"].cast(pa.int64())) // US_A_DAY
    keys = days * BUCKETS + _numbers(rows["unit"]) % BUCKETS
    order = np.argsort(keys, kind="stable")
    found, counts = np.unique(keys, return_counts=True)
    ends = np.cumsum(counts)
    for key, start, end in zip(found.tolist(), ends - counts, ends, strict=True):
        day, bucket = divmod(key, BUCKETS)
        yield EPOCH + timedelta(days=day), bucket, in_order(rows.take(order[start:end]))


def _numbers(column: pa.ChunkedArray) -> "np.ndarray[Any, Any]":
    numbers: np.ndarray[Any, Any] = column.to_numpy()
    return numbers
