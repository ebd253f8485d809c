"""Few large files of many small ones: every round adds a small file to a part of the store, readers pay for
each one, and below 20,000 rows that costs more than the rows do.

The merged file and the retirement of its parts are one transaction, so that a reader's list has either. The
old files stay on disk for an hour for those who hold such a list.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

import pyarrow as pa
import pyarrow.parquet as pq
from django.db import transaction
from django.db.models import Count, F, Max, Q

from events.compaction import writing
from events.compaction.locking import lock
from events.compaction.storage import Storage
from events.compaction.writing import Part
from events.layout import SEEN
from events.models import StoreFile
from events.schema import COLUMNS

SMALL_ROWS = 20_000
SMALL_SEEN_ROWS = 1_000_000
CROWD = 8
"""So many small files are merged at once; fewer wait for more to come."""
MERGED_TOGETHER = 64
QUIET = timedelta(hours=1)
"""A part that got nothing new for so long has its last small files merged, too, even into a large one."""
MAX_REWRITTEN = 500_000
"""A larger file is not written anew for the sake of a small one."""

SMALL = Q(retired_at__isnull=True) & (Q(rows__lt=SMALL_ROWS) | Q(kind=SEEN, rows__lt=SMALL_SEEN_ROWS))


def merge(storage: Storage, *, now: datetime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Merge the parts that need it, the worst first, while there is time; how many were merged."""
    return sum(_merge_part(part, storage, now=now) for part in takewhile(lambda _: has_time(), _crowded(now)))


def _crowded(now: datetime) -> list[Part]:
    joinable = StoreFile.objects.filter(retired_at__isnull=True, rows__lt=MAX_REWRITTEN)
    counted = joinable.values("kind", "environment", "day", "bucket").annotate(
        files=Count("id"), small=Count("id", filter=SMALL), newest=Max("created_at")
    )
    left_over = Q(small__gte=1, files__gte=2, newest__lt=now - QUIET)
    wanted = counted.filter(Q(small__gte=CROWD) | left_over)
    return [
        Part(row["kind"], row["environment"], row["day"], row["bucket"])
        for row in wanted.order_by(F("files").desc(), "kind", "environment", "day", "bucket")
    ]


@transaction.atomic
def _merge_part(part: Part, storage: Storage, *, now: datetime) -> bool:
    """False when there is nothing to merge (any more), or another process writes in this environment."""
    if not lock(part.environment, wait=False):
        return False
    old = _to_merge(part)
    if len(old) < 2:
        return False
    times = min(file.min_ts for file in old), max(file.max_ts for file in old)
    merged = writing.write_file(storage, part, _rows(part.kind, storage, old), times, now=now)
    merged.is_merged = True
    merged.save(force_insert=True)
    StoreFile.objects.filter(id__in=[file.id for file in old]).update(retired_at=now)
    return True


def _to_merge(part: Part) -> list[StoreFile]:
    """The small files of a part; a few left-overs are joined by the smallest of the large ones."""
    found = StoreFile.objects.filter(
        kind=part.kind,
        environment=part.environment,
        day=part.day,
        bucket=part.bucket,
        retired_at__isnull=True,
    )
    small = list(found.filter(SMALL).order_by("id")[:MERGED_TOGETHER])
    if len(small) >= CROWD or sum(file.rows for file in small) >= SMALL_ROWS:
        return small
    large = found.exclude(SMALL).filter(rows__lt=MAX_REWRITTEN).order_by("rows", "id")
    return [*small, *large[:1]] if small else []


def _rows(kind: str, storage: Storage, files: Sequence[StoreFile]) -> pa.Table:
    """All rows of these files, in the order of the kind."""
    schema = COLUMNS[kind]
    rows = pa.concat_tables(
        pq.read_table(file.path, schema=schema, filesystem=storage.filesystem, partitioning=None)
        for file in files
    )
    if kind == SEEN:
        return rows.sort_by([("id_high", "ascending"), ("id_low", "ascending")])
    return writing.in_order(rows)
