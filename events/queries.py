"""Reads of the store's manifest, the inbox, the counts, the refused and the labelled events.

Loaded by web processes: nothing here opens a file of the store.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db.models import Q, QuerySet, Sum

from events.layout import EVENTS, EXPOSURES, SEEN
from events.models import EventName, InboxBatch, IngestCount, StoreFile, Tally

NOON = time(12)
ONE_DAY = timedelta(days=1)


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
    """Batches not in the store yet that may hold events from before this time: acknowledged by then, or
    later under a key that may bring history."""
    brings_history = Q(key__isnull=True) | Q(key__accepts_history=True)
    waiting = InboxBatch.objects.filter(environment=environment, compacted_at__isnull=True)
    return waiting.filter(Q(received_at__lte=received_until) | brings_history).count()


def tallies(environment: str, *, since: date, until: date) -> dict[str, int]:
    """What ingest counted in an environment on these days of receipt, both included, by `Tally` value."""
    counted = IngestCount.objects.filter(environment=environment, day__gte=since, day__lte=until)
    return dict(counted.values_list("kind").annotate(total=Sum("count")))


@dataclass(frozen=True, slots=True)
class DataFlow:
    """What is known of the way events took into the store.

    `waiting` batches may hold events from before `until` and are not in the store yet. `accepted` and
    `refused` count what came in since `since`, by day of receipt. `silent_days` had no event of any kind, out
    of `days` that lie between the two for half a day or more.
    """

    waiting: int
    accepted: int
    refused: int
    silent_days: tuple[date, ...]
    days: int


def data_flow(environment: str, since: datetime, until: datetime) -> DataFlow:
    counted = tallies(environment, since=since.astimezone(UTC).date(), until=date.max)
    days = _days(since, until)
    stored = StoreFile.objects.filter(
        environment=environment, kind__in=(EXPOSURES, EVENTS), day__in=days, retired_at__isnull=True
    )
    heard = set(stored.values_list("day", flat=True).distinct())
    return DataFlow(
        waiting=waiting_batches(environment, received_until=until),
        accepted=counted.get(Tally.EXPOSURE, 0) + counted.get(Tally.EVENT, 0),
        refused=counted.get(Tally.REFUSED, 0),
        silent_days=tuple(day for day in days if day not in heard),
        days=len(days),
    )


def _days(since: datetime, until: datetime) -> list[date]:
    """Days (UTC) of which half or more lies between the two."""
    first, last = since.astimezone(UTC), until.astimezone(UTC)
    start = first.date() if first.hour < 12 or first.time() == NOON else first.date() + ONE_DAY
    end = last.date() if last.hour >= 12 else last.date() - ONE_DAY
    return [start + n * ONE_DAY for n in range((end - start).days + 1)]


def event_names(environment: str) -> list[str]:
    """Names that events of an environment have had, in alphabetical order."""
    return list(EventName.objects.filter(environment=environment).values_list("name", flat=True))


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
