"""All that keeps the store in shape, in order: file what waits, merge what is small, delete what is old."""

import time
from collections.abc import Callable
from datetime import datetime

from events.compaction import merging, rounds, tending
from events.compaction.rounds import Filed
from events.compaction.storage import open_store

FILING_S = 45.0
MERGING_S = 15.0
"""With the last round and the last merge this stays below the time limit of tasks."""


def run(*, now: datetime, filing_s: float = FILING_S, merging_s: float = MERGING_S) -> Filed:
    """Any number of processes may run this at the same time.

    What is not done in time is done by the next run; merging gets its share also when filing never ends.
    """
    storage = open_store()
    filed = rounds.compact(now=now, storage=storage, has_time=_within(filing_s))
    merging.merge(storage, now=now, has_time=_within(merging_s))
    tending.tend(storage, now=now)
    return filed


def _within(seconds: float) -> Callable[[], bool]:
    """True until so many seconds have passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end
