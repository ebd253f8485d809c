"""Names and numbers of the event store that every process knows. No I/O, no Django, no pyarrow."""

from datetime import timedelta
from typing import Literal

BUCKETS = 16
"""Files are split by the lowest bits of the unit's hash; a unit's rows never cross buckets."""

Kind = Literal["exposures", "events"]
EXPOSURES: Kind = "exposures"
EVENTS: Kind = "events"
SEEN = "seen"
"""Ids and fingerprints of the events of the last days, which compaction compares new ones with."""

DEDUP_WINDOW = timedelta(days=7)
KEPT_REFUSED = timedelta(days=7)
KEPT_RECEIPTS = timedelta(days=7)
KEPT_RAW_DAYS, KEPT_COUNTS_DAYS = 90, 400
"""How long stored events and counts by day stay where an environment says nothing else."""


def bucket_of(unit: int) -> int:
    """The bucket of a unit hash, signed or unsigned: two's complement has the same lowest bits."""
    return unit % BUCKETS


def folder(kind: str, environment: str, day: str, bucket: int) -> str:
    """Where files of one part of the store lie, below its root."""
    return f"{kind}/environment={environment}/day={day}/bucket={bucket:02d}"
