"""Taking one unit out of the store: its rows out of the files, its late events out of what comes in.

A file with rows of the unit is written anew without them; the old one stays for an hour for those who hold an
older list of files, as after a merge.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import transaction

from events.compaction import checking, writing
from events.compaction.locking import lock
from events.compaction.rows import Tables
from events.compaction.storage import Storage
from events.compaction.writing import Part
from events.layout import EVENTS, EXPOSURES, bucket_of
from events.models import Erasure, StoreFile
from events.schema import COLUMNS

KINDS = (EXPOSURES, EVENTS)
Tombstones = Mapping[int, datetime]
"""Hash of a deleted unit → until when its events are left out."""


def tombstones(environment: str) -> Tombstones:
    """Of everybody who was ever deleted here; the last deletion counts."""
    rows = Erasure.objects.filter(environment=environment).order_by("until")
    return dict(rows.values_list("unit_hash", "until"))


def without(tables: Tables, gone: Tombstones) -> tuple[Tables, "np.ndarray[Any, Any]"]:
    """The rows that may be stored, and the arrivals of those that may not."""
    if not gone:
        return tables, np.array([], dtype=np.int64)
    outs = {kind: _is_erased(table, gone) for kind, table in tables.items()}
    kept = {kind: table.filter(pc.invert(outs[kind])) for kind, table in tables.items()}
    arrivals = [table.filter(outs[kind])["arrival"].to_numpy() for kind, table in tables.items()]
    return kept, np.concatenate(arrivals)


def _is_erased(table: pa.Table, gone: Tombstones) -> pa.ChunkedArray | pa.Array:
    found = pc.is_in(table["unit"], value_set=pa.array(list(gone), pa.int64()))
    if not pc.any(found).as_py():
        return found
    at = pc.index_in(table["unit"], value_set=pa.array(list(gone), pa.int64()))
    until = pa.array(list(gone.values()), table.schema.field("ts").type).take(at)
    return pc.and_(found, pc.fill_null(pc.less_equal(table["ts"], until), fill_value=False))


def rewrite(erasure: Erasure, storage: Storage, *, now: datetime) -> tuple[int, int]:
    """How many rows were taken out of how many files. What is written while this runs knows the tombstone."""
    rows = files = 0
    for file_id in _places(erasure).order_by("id").values_list("id", flat=True):
        taken = _rewrite_file(erasure, file_id, storage, now=now)
        rows, files = rows + taken, files + bool(taken)
    return rows, files


def _places(erasure: Erasure) -> Any:
    return StoreFile.objects.filter(
        environment=erasure.environment,
        bucket=bucket_of(erasure.unit_hash),
        kind__in=KINDS,
        retired_at__isnull=True,
    )


@transaction.atomic
def _rewrite_file(erasure: Erasure, file_id: int, storage: Storage, *, now: datetime) -> int:
    lock(erasure.environment, wait=True)
    file = StoreFile.objects.filter(id=file_id, retired_at__isnull=True).first()
    if file is None:
        # Merged meanwhile: the merged file has a higher id and comes later.
        return 0
    rows = _read(storage, file.kind, file.path)
    is_theirs = _is_erased(rows, {erasure.unit_hash: erasure.until})
    kept = rows.filter(pc.invert(is_theirs))
    if kept.num_rows == rows.num_rows:
        return 0
    if kept.num_rows:
        part = Part(file.kind, file.environment, file.day, file.bucket)
        written = writing.write_file(storage, part, kept, writing.span(kept["ts"]), now=now)
        # It holds nothing new and is no younger than what it was made of.
        written.is_merged, written.created_at = True, file.created_at
        written.save(force_insert=True)
    StoreFile.objects.filter(id=file.id).update(retired_at=now)
    return int(rows.num_rows - kept.num_rows)


def waits_for(erasure: Erasure) -> int:
    """Files of the unit's bucket that were retired by the rewriting or before, and are not deleted yet."""
    retired = StoreFile.objects.filter(
        environment=erasure.environment,
        bucket=bucket_of(erasure.unit_hash),
        kind__in=KINDS,
        retired_at__lte=erasure.rewritten_at,
    )
    return retired.count()


def delete_orphans(erasure: Erasure, storage: Storage, *, now: datetime) -> int:
    """Files of killed rounds that hold the unit; nobody reads them, so they are deleted."""
    bucket = f"/bucket={bucket_of(erasure.unit_hash):02d}/"
    deleted = 0
    for path in checking.orphans(storage, now=now):
        kind = path.partition("/")[0]
        is_place = f"/environment={erasure.environment}/" in path and bucket in path and kind in KINDS
        if is_place and _holds(storage, kind, path, erasure.unit_hash):
            storage.delete(path)
            deleted += 1
    return deleted


def _holds(storage: Storage, kind: str, path: str, unit: int) -> bool:
    try:
        return bool(pc.any(pc.equal(_read(storage, kind, path)["unit"], unit)).as_py())
    except (pa.ArrowInvalid, FileNotFoundError):
        # Not finished, so nothing anybody could read; its temporary name tells.
        return path.endswith(".part")


def _read(storage: Storage, kind: str, path: str) -> pa.Table:
    return pq.read_table(path, schema=COLUMNS[kind], filesystem=storage.filesystem, partitioning=None)
