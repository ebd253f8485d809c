"""Deleting rollups that no look asks for any more; they would be made again if one did."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from analysis.engines import choice
from events import queries as events

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)


def forget_unused(*, now: datetime) -> int:
    """Of how many plans on this machine."""
    from analysis.engines import rollups

    root = choice.rollups(events.store_root())
    forgotten = rollups.forget_unused(root, before=now - KEPT) if root is not None else 0
    if forgotten:
        log.info("forgot the rollups of %d plans", forgotten)
    return forgotten
