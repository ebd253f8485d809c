"""All that keeps the store in shape, in order: file what waits, merge what is small, delete what is old."""

from datetime import datetime

from events.compaction import merging, rounds, tending
from events.compaction.rounds import Filed
from events.compaction.storage import open_store


def run(*, now: datetime) -> Filed:
    """Any number of processes may run this at the same time."""
    storage = open_store()
    filed = rounds.compact(now=now, storage=storage)
    merging.merge(storage, now=now)
    tending.tend(storage, now=now)
    return filed
