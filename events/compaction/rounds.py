"""One round: claimed batches become files, and one transaction makes both facts true at once.

Files come first, on disk under names of their own. Then one transaction enters them into the manifest, adds
to the counts, keeps what was refused and takes the payloads out of the inbox. Killed before its commit, a
round leaves batches waiting and a few files nobody reads, which `check_event_store` finds and deletes.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from events.compaction import counting, duplicates, erasing, intake, refused, rehashing, writing
from events.compaction.counting import Counts
from events.compaction.intake import Intake
from events.compaction.locking import lock
from events.compaction.rows import Tables
from events.compaction.storage import Storage, open_store
from events.layout import DEDUP_WINDOW, EVENTS, EXPOSURES, SEEN
from events.models import InboxBatch, StoreFile, StoreKey, Tally
from events.pseudonyms import Pseudonyms
from events.wire import Exposure

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Filed:
    """What rounds moved."""

    batches: int = 0
    stored: int = 0
    duplicates: int = 0
    conflicting: int = 0
    refused: int = 0

    def __add__(self, other: "Filed") -> "Filed":
        return Filed(
            self.batches + other.batches,
            self.stored + other.stored,
            self.duplicates + other.duplicates,
            self.conflicting + other.conflicting,
            self.refused + other.refused,
        )


def compact(
    *, now: datetime, storage: Storage | None = None, has_time: Callable[[], bool] = lambda: True
) -> Filed:
    """File what waits, a round of each environment in turn, while there is time.

    Environments that another process is at are left to it.
    """
    store = storage or open_store()
    total = Filed()
    waiting = waiting_environments()
    while waiting and has_time():
        environment = waiting.pop(0)
        filed = run_round(environment, store, now=now)
        if filed is not None and filed.batches:
            total += filed
            waiting.append(environment)
    return total


def drain(*, now: datetime, storage: Storage | None = None) -> Filed:
    """File everything that was acknowledged before the call, waiting for others who are at it."""
    store = storage or open_store()
    last = InboxBatch.objects.order_by("-id").values_list("id", flat=True).first() or 0
    total = Filed()
    for environment in waiting_environments():
        while _is_waiting(environment, last):
            total += run_round(environment, store, now=now, wait=True) or Filed()
    return total


def waiting_environments() -> list[str]:
    waiting = InboxBatch.objects.filter(compacted_at__isnull=True)
    return list(waiting.order_by("environment").values_list("environment", flat=True).distinct())


def _is_waiting(environment: str, last: int) -> bool:
    waiting = InboxBatch.objects.filter(environment=environment, compacted_at__isnull=True, id__lte=last)
    return waiting.exists()


@transaction.atomic
def run_round(environment: str, storage: Storage, *, now: datetime, wait: bool = False) -> Filed | None:
    """File one round's worth of waiting batches; None when another process is at it."""
    if not lock(environment, wait=wait):
        return None
    names = Pseudonyms(store_secret(now=now))
    taken = intake.take(environment, names)
    if not taken.batches:
        return Filed()
    arrived, erased = erasing.without(taken.tables(), erasing.tombstones(environment))
    repeated = duplicates.find_repeated(arrived, storage, _seen_files(environment, now))
    stored = repeated.without(arrived)
    StoreFile.objects.bulk_create(_write(storage, environment, stored, now))
    refused.keep(environment, taken, repeated)
    counts = counting.tally(taken, stored, repeated)
    counts += counting.tally_units(taken, stored, names.personal, erased)
    counting.write(environment, counts)
    rehashing.write(environment, rehashing.count(environment, _stored(taken, stored)))
    counting.note_names(environment, stored, now=now)
    counting.note_exposures(environment, stored)
    claimed = InboxBatch.objects.filter(id__in=[batch.id for batch in taken.batches])
    claimed.update(payload=None, compacted_at=now)
    filed = _filed(len(taken.batches), counts)
    log.info("filed %s: %s", environment, filed)
    return filed


def _stored(taken: Intake, stored: Tables) -> list[Exposure]:
    """Those of the sampled exposures that are neither repeated nor of a deleted unit."""
    arrivals = set(stored[EXPOSURES]["arrival"].to_pylist()) if taken.sampled else set()
    return [exposure for arrived, exposure in taken.sampled if arrived in arrivals]


def store_secret(*, now: datetime) -> bytes:
    """The secret of the unit hashes, drawn at the first use."""
    defaults = {"secret": secrets.token_bytes(32), "created_at": now}
    key, _ = StoreKey.objects.get_or_create(id=1, defaults=defaults)
    return bytes(key.secret)


def _seen_files(environment: str, now: datetime) -> list[str]:
    since = (now - DEDUP_WINDOW).astimezone(UTC).date()
    seen = StoreFile.objects.filter(
        kind=SEEN, environment=environment, day__gte=since, retired_at__isnull=True
    )
    return list(seen.order_by("id").values_list("path", flat=True))


def _write(storage: Storage, environment: str, stored: Tables, now: datetime) -> list[StoreFile]:
    files = [
        file
        for kind in (EXPOSURES, EVENTS)
        for file in writing.write_rows(storage, kind, environment, stored[kind], now=now)
    ]
    if files:
        part = writing.Part(SEEN, environment, now.astimezone(UTC).date(), 0)
        files.append(writing.write_file(storage, part, duplicates.ids(stored), (now, now), now=now))
    return files


def _filed(batches: int, counts: Counts) -> Filed:
    def total(*kinds: Tally) -> int:
        return sum(count for (_, _, kind), count in counts.items() if kind in kinds)

    return Filed(
        batches=batches,
        stored=total(Tally.EXPOSURE, Tally.EVENT),
        duplicates=total(Tally.DUPLICATE),
        conflicting=total(Tally.CONFLICTING),
        refused=total(Tally.REFUSED),
    )
