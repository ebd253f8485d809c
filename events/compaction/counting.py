"""Adding up what a round brought, per key, day of receipt and kind."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from events.compaction.duplicates import Repeated
from events.compaction.intake import Claimed, Intake
from events.compaction.rows import Tables, batch_of
from events.layout import EVENTS, EXPOSURES
from events.models import Tally
from flags import delivery_queries

Counts = Counter[tuple[int | None, date, str]]
"""By key, day and kind."""

ADD = """
INSERT INTO events_ingestcount (environment, key_id, day, kind, count) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (environment, key_id, day, kind) DO UPDATE SET count = events_ingestcount.count + excluded.count
"""


NAME = """
INSERT INTO events_eventname (environment, name, last_seen_at) VALUES (%s, %s, %s)
ON CONFLICT (environment, name) DO UPDATE SET last_seen_at = excluded.last_seen_at
"""
EXPOSED = """
INSERT INTO events_exposurecount (environment, flag, variant, day, count, last_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (environment, flag, variant, day) DO UPDATE
SET count = events_exposurecount.count + excluded.count,
    last_at = greatest(events_exposurecount.last_at, excluded.last_at)
"""
MAX_GROUPS = 2_000
"""More variants and days than a round should bring; those with the fewest exposures are not counted."""
MAX_NAMES = 1_000
"""More names than a round should bring: ids went into the names. They are stored, but not offered."""


def tally(intake: Intake, stored: Tables, repeated: Repeated) -> Counts:
    counts: Counts = Counter()
    refused = np.array([number for number, _ in intake.refusals], dtype=np.int64)
    by_kind = {
        Tally.EXPOSURE: batch_of(stored[EXPOSURES]["arrival"].to_numpy()),
        Tally.EVENT: batch_of(stored[EVENTS]["arrival"].to_numpy()),
        Tally.DUPLICATE: batch_of(repeated.same),
        Tally.CONFLICTING: batch_of(repeated.conflicting),
        Tally.REFUSED: refused,
    }
    for kind, numbers in by_kind.items():
        counts.update(_per_key_and_day(intake.batches, kind, numbers))
    for batch in intake.batches:
        counts[_name(batch, Tally.DROPPED)] += batch.dropped
    return +counts


def tally_units(
    intake: Intake, stored: Tables, personal: Collection[int], erased: "np.ndarray[Any, Any]"
) -> Counts:
    """Stored rows of units whose ids look like personal data, and rows of deleted units."""
    counts = _per_key_and_day(intake.batches, Tally.ERASED, batch_of(erased)) if len(erased) else Counter()
    for table in stored.values() if personal else ():
        found = table.filter(pc.is_in(table["unit"], value_set=pa.array(list(personal), pa.int64())))
        batches = batch_of(found["arrival"].to_numpy())
        counts.update(_per_key_and_day(intake.batches, Tally.PERSONAL, batches))
    return +counts


def _per_key_and_day(batches: Sequence[Claimed], kind: str, numbers: "np.ndarray[Any, Any]") -> Counts:
    counts: Counts = Counter()
    per_batch = np.bincount(numbers, minlength=len(batches)).tolist()
    for batch, count in zip(batches, per_batch, strict=True):
        counts[_name(batch, kind)] += count
    return counts


def _name(batch: Claimed, kind: str) -> tuple[int | None, date, str]:
    return batch.key_id, batch.received_at.astimezone(UTC).date(), str(kind)


def write(environment: str, counts: Counts) -> None:
    """Add to the rows of the days, always in the same order, so that two writers cannot block each other."""
    rows: Iterable[tuple[Any, ...]] = (
        (environment, key, day, kind, count)
        for (key, day, kind), count in sorted(
            counts.items(), key=lambda item: (item[0][0] or 0, *item[0][1:])
        )
    )
    with connection.cursor() as cursor:
        cursor.executemany(ADD, list(rows))


def note_names(environment: str, stored: Tables, *, now: datetime) -> None:
    """Remember which names events have."""
    names = sorted(stored[EVENTS]["name"].unique().to_pylist())[:MAX_NAMES]
    with connection.cursor() as cursor:
        cursor.executemany(NAME, [(environment, name, now) for name in names])


def note_exposures(environment: str, stored: Tables) -> None:
    """Add to the exposures per flag, variant and day; what is no flag is not counted."""
    shown = stored[EXPOSURES].select(["flag", "variant", "ts"])
    days = pc.floor_temporal(shown["ts"], unit="day").cast(pa.date32())
    groups = shown.append_column("day", days).group_by(["flag", "variant", "day"])
    found = groups.aggregate([("ts", "count"), ("ts", "max")]).sort_by([("ts_count", "descending")])
    rows = found.slice(0, MAX_GROUPS).select(["flag", "variant", "day", "ts_count", "ts_max"]).to_pylist()
    known = delivery_queries.existing_flags({row["flag"] for row in rows})
    values = sorted((environment, *row.values()) for row in rows if row["flag"] in known)
    with connection.cursor() as cursor:
        cursor.executemany(EXPOSED, values)
