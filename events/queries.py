"""Reads of the store's manifest, the inbox, the counts, the refused and the labelled events.

Loaded by web processes: nothing here opens a file of the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from events.labels import Direction, Label, LabelKind
from events.layout import EVENTS, EXPOSURES, SEEN
from events.models import (
    EventName,
    ExposureCount,
    ImportRun,
    InboxBatch,
    IngestCount,
    LabelledEvent,
    RefusedEvent,
    StoreFile,
    Tally,
)
from flags.seen import DayCount
from ledger.refusals import NotFound, problem

LASTING = (LabelKind.INCIDENT, LabelKind.INJECTION, LabelKind.EXPERIMENT)
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


@dataclass(frozen=True, slots=True)
class JustRefused:
    """A refused event of a batch that still waits; in a few seconds it is a row and can be replayed."""

    environment: str
    key: Any
    batch_id: UUID
    index: int
    received_at: datetime
    field: str
    value: str
    reason: str
    fix: str

    @classmethod
    def of(cls, row: InboxBatch, refusal: dict[str, Any]) -> "JustRefused":
        place = {name: refusal[name] for name in ("index", "field", "value", "reason", "fix")}
        return cls(row.environment, row.key, row.batch_id, received_at=row.received_at, **place)


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


def last_exposures(environment: str, flags: Sequence[str]) -> dict[str, datetime]:
    """Flag → its newest exposure, of flags that have any."""
    counted = ExposureCount.objects.filter(environment=environment, flag__in=flags)
    return dict(counted.values_list("flag").annotate(last=Max("last_at")).values_list("flag", "last"))


def exposures_since(environment: str) -> datetime | None:
    """The noon of the first day with a counted exposure; None before any."""
    first = ExposureCount.objects.filter(environment=environment).aggregate(day=Min("day"))["day"]
    return None if first is None else datetime.combine(first, NOON, UTC)


def exposures_by_day(environment: str, flag: str, since: date) -> list[DayCount]:
    """Exposures to each variant of a flag on each day that had some."""
    counted = ExposureCount.objects.filter(environment=environment, flag=flag, day__gte=since)
    return [DayCount(*row) for row in counted.values_list("day", "variant", "count")]


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
    # The address of an object store may carry options, which paths do not have.
    root = store_root().partition("?")[0].rstrip("/")
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


def labels(
    *, kind: str = "", since: datetime | None = None, until: datetime | None = None
) -> "QuerySet[LabelledEvent]":
    """Labelled events that touch since <= t < until, newest first.

    An incident, injection or experiment without an end still goes on; a fix, a deploy or a null without one
    is a moment.
    """
    found = LabelledEvent.objects.all()
    if kind:
        found = found.filter(kind=kind)
    if until is not None:
        found = found.filter(started_at__lt=until)
    if since is not None:
        goes_on = Q(ended_at__isnull=True, kind__in=LASTING)
        found = found.filter(Q(started_at__gte=since) | Q(ended_at__gte=since) | goes_on)
    return found


def label(label_id: int) -> LabelledEvent:
    """Raises NotFound."""
    found = LabelledEvent.objects.filter(id=label_id).first()
    if found is None:
        raise NotFound(problem("id", label_id, "there is no labelled event with this number"))
    return found


def as_label(row: LabelledEvent, *, ended_at: datetime | None = None) -> Label:
    """The row as a value; with another end, when one is given."""
    return Label(
        kind=LabelKind(row.kind),
        title=row.title,
        started_at=row.started_at,
        ended_at=ended_at or row.ended_at,
        slices={name: tuple(levels) for name, levels in row.slices.items()},
        expected={metric: Direction(word) for metric, word in row.expected.items()},
        link=row.link,
        origin=row.origin,
    )


def refused_events(*, environment: str = "", field: str = "") -> "QuerySet[RefusedEvent]":
    """Refused events that compaction has kept, newest first."""
    found = RefusedEvent.objects.select_related("key")
    if environment:
        found = found.filter(environment=environment)
    return found.filter(field=field) if field else found


def refused_event(refused_id: int) -> RefusedEvent:
    """Raises NotFound."""
    found = refused_events().filter(id=refused_id).first()
    if found is None:
        why = "there is no refused event with this number; they are kept for seven days"
        raise NotFound(problem("id", refused_id, why))
    return found


def refused_in_inbox(*, environment: str = "", field: str = "", limit: int = 100) -> list[JustRefused]:
    """Events refused at the door whose batch has not been filed yet, newest first."""
    waiting = InboxBatch.objects.filter(compacted_at__isnull=True, refused__gt=0)
    if environment:
        waiting = waiting.filter(environment=environment)
    rows = waiting.select_related("key").defer("payload").order_by("-id")[:limit]
    found = (JustRefused.of(row, refusal) for row in rows for refusal in reversed(row.refusals or []))
    return list(islice((each for each in found if field in ("", each.field)), limit))


def imports() -> "QuerySet[ImportRun]":
    """Files that were read in, newest first."""
    return ImportRun.objects.all()


def counts(*, environment: str = "", since: date | None = None) -> "QuerySet[IngestCount]":
    """What ingest counted per key, day and kind, newest day first."""
    found = IngestCount.objects.select_related("key").order_by("-day", "environment", "key_id", "kind")
    if environment:
        found = found.filter(environment=environment)
    return found.filter(day__gte=since) if since else found


@dataclass(frozen=True, slots=True)
class Freshness:
    """What waits, and how new the newest is. `newest_at` is the time of an event, the others are of ours."""

    waiting: int
    waiting_bytes: int
    oldest_waiting_at: datetime | None
    filed_at: datetime | None
    newest_at: datetime | None
    files: int


def freshness(environment: str = "") -> Freshness:
    """Of one environment, or of all."""
    where = {"environment": environment} if environment else {}
    waiting = InboxBatch.objects.filter(**where, compacted_at__isnull=True).aggregate(
        n=Count("id"), size=Sum("size"), oldest=Min("received_at")
    )
    stored = StoreFile.objects.filter(**where, retired_at__isnull=True, kind__in=(EXPOSURES, EVENTS))
    found = stored.aggregate(newest=Max("max_ts"), n=Count("id"))
    return Freshness(
        waiting=waiting["n"],
        waiting_bytes=waiting["size"] or 0,
        oldest_waiting_at=waiting["oldest"],
        filed_at=InboxBatch.objects.filter(**where).aggregate(at=Max("compacted_at"))["at"],
        newest_at=found["newest"],
        files=found["n"],
    )


def reasons(environment: str = "", limit: int = 10) -> list[tuple[str, str, int]]:
    """Why events were refused in the last seven days: field, reason and how many, most frequent first."""
    grouped = refused_events(environment=environment).order_by().values_list("field", "reason")
    return list(grouped.annotate(n=Count("id")).order_by("-n", "field", "reason")[:limit])
