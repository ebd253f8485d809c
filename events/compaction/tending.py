"""Deleting what has had its time: merged files, ids outside of the window, receipts, refused events."""

from datetime import UTC, datetime, timedelta

from events.compaction.storage import Storage
from events.layout import DEDUP_WINDOW, KEPT_RECEIPTS, KEPT_REFUSED, SEEN
from events.models import InboxBatch, RefusedEvent, StoreFile

GRACE = timedelta(hours=1)
"""How long a merged file stays readable for those who hold an older list of files."""
DELETED_TOGETHER = 1_000


def tend(storage: Storage, *, now: datetime) -> None:
    """Safe to run at any time and as often as one likes; does a bounded amount."""
    retire_seen(now=now)
    delete_retired(storage, now=now)
    delete_receipts(now=now)
    delete_refused(now=now)


def retire_seen(*, now: datetime) -> int:
    """Ids are remembered for seven days; a day's file goes when the whole day is older."""
    outside = (now - DEDUP_WINDOW).astimezone(UTC).date()
    old = StoreFile.objects.filter(kind=SEEN, day__lt=outside, retired_at__isnull=True)
    return old.update(retired_at=now)


def delete_retired(storage: Storage, *, now: datetime) -> int:
    """First the files, then their rows: a row without its file is read by nobody."""
    due = StoreFile.objects.filter(retired_at__lt=now - GRACE).order_by("retired_at", "id")
    files = list(due[:DELETED_TOGETHER])
    for file in files:
        storage.delete(file.path)
    StoreFile.objects.filter(id__in=[file.id for file in files]).delete()
    return len(files)


def delete_receipts(*, now: datetime) -> int:
    """After a week a batch that is sent again counts as a new one; its events' ids are forgotten, too."""
    due = InboxBatch.objects.filter(compacted_at__lt=now - KEPT_RECEIPTS).order_by("compacted_at")
    deleted, _ = InboxBatch.objects.filter(
        id__in=list(due.values_list("id", flat=True)[:DELETED_TOGETHER])
    ).delete()
    return deleted


def delete_refused(*, now: datetime) -> int:
    due = RefusedEvent.objects.filter(received_at__lt=now - KEPT_REFUSED).order_by("received_at")
    ids = list(due.values_list("id", flat=True)[:DELETED_TOGETHER])
    deleted, _ = RefusedEvent.objects.filter(id__in=ids).delete()
    return deleted
