"""Reads of the store's manifest, the inbox, the counts, the refused and the labelled events.

Loaded by web processes: nothing here opens a file of the store.
"""

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db.models import QuerySet, Sum

from events.layout import SEEN
from events.models import InboxBatch, IngestCount, StoreFile


@dataclass(frozen=True, slots=True)
class StoreFileRow:
    """One readable file. `path` is where it lies: an absolute path, or s3://bucket/key.

    `min_ts` and `max_ts` are the event times of its first and last row.
    """

    id: int
    path: str
    kind: str
    environment: str
    day: date
    bucket: int
    rows: int
    min_ts: datetime
    max_ts: datetime
    sha256: str


def store_root() -> str:
    """Where the store lies: an absolute folder, or s3://bucket/prefix. No slash at the end."""
    url = settings.HEADWAY_EVENT_STORE
    parts = urlsplit(url)
    return (unquote(parts.path) if parts.scheme == "file" else url).rstrip("/")


def files(
    kind: str,
    since: datetime | None = None,
    until: datetime | None = None,
    bucket: int | None = None,
    *,
    environment: str | None = None,
) -> list[StoreFileRow]:
    """Files that may hold rows with since <= ts < until; None leaves a side open.

    One statement, so what it lists is one consistent state of the store; listed files stay readable for at
    least an hour. Without `environment`, files of all environments.
    """
    found = StoreFile.objects.filter(kind=kind, retired_at__isnull=True)
    if since is not None:
        found = found.filter(max_ts__gte=since)
    if until is not None:
        found = found.filter(min_ts__lt=until)
    if bucket is not None:
        found = found.filter(bucket=bucket)
    if environment is not None:
        found = found.filter(environment=environment)
    return _rows(found.order_by("day", "bucket", "id"))


def changed_since(manifest_id: int, *, environment: str | None = None) -> list[StoreFileRow]:
    """Files with rows that came in after the file with this id; merged ones bring nothing new."""
    found = StoreFile.objects.filter(id__gt=manifest_id, is_merged=False).exclude(kind=SEEN)
    if environment is not None:
        found = found.filter(environment=environment)
    return _rows(found.order_by("id"))


def last_manifest_id() -> int:
    """The highest id in the manifest, 0 for an empty store; what `changed_since` is asked with next time."""
    return StoreFile.objects.order_by("-id").values_list("id", flat=True).first() or 0


def waiting_batches(environment: str, *, received_until: datetime) -> int:
    """Batches that were acknowledged by then and are not in the store yet."""
    waiting = InboxBatch.objects.filter(compacted_at__isnull=True, received_at__lte=received_until)
    return waiting.filter(environment=environment).count()


def tallies(environment: str, *, since: date, until: date) -> dict[str, int]:
    """What ingest counted in an environment on these days of receipt, both included, by `Tally` value."""
    counted = IngestCount.objects.filter(environment=environment, day__gte=since, day__lte=until)
    return dict(counted.values_list("kind").annotate(total=Sum("count")))


def _rows(found: "QuerySet[StoreFile]") -> list[StoreFileRow]:
    root = store_root()
    return [as_row(file, root) for file in found]


def as_row(file: StoreFile, root: str) -> StoreFileRow:
    return StoreFileRow(
        id=file.id,
        path=f"{root}/{file.path}",
        kind=file.kind,
        environment=file.environment,
        day=file.day,
        bucket=file.bucket,
        rows=file.rows,
        min_ts=file.min_ts,
        max_ts=file.max_ts,
        sha256=file.sha256,
    )
