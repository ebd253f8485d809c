"""When an experiment is looked at: which data cut is due, and under which key a look is stored.

Hourly during the first day, then every six hours, once more at the end; cuts lie on whole UTC hours, so that
any number of schedulers ask for the same look. Pure rules: no clock, no Django.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from experiments.plan import LockedPlan

FIRST_DAY = timedelta(hours=24)
EARLY_STEP = timedelta(hours=1)
STEP = timedelta(hours=6)
FIRST_LOOK_AFTER = timedelta(hours=1)
SETTLING = timedelta(minutes=5)
"""Events up to the cut are given this long to arrive and be compacted before the look."""

IMPORTED = "imported"
"""The engine of looks whose numbers were computed elsewhere and brought."""

CODE_VERSION = "0.1.0"
"""Version of Headway that computed a look."""

METHOD_VERSION = "4"
"""Raised whenever the same data and plan would give other numbers than before."""


def due_cut(plan: LockedPlan, *, now: datetime) -> datetime | None:
    """The newest data cut whose data have settled; None while the experiment is too young for a look."""
    if plan.started_at is None:
        return None
    settled = now - SETTLING
    if plan.stopped_at is not None and plan.stopped_at <= settled:
        cut = plan.stopped_at
    else:
        early = _whole(min(settled, plan.started_at + FIRST_DAY), EARLY_STEP)
        cut = max(early, _whole(settled, STEP))
    return cut if cut >= plan.started_at + FIRST_LOOK_AFTER else None


def manual_cut(plan: LockedPlan, *, now: datetime) -> datetime:
    """The data cut of a look somebody asks for: this second, but not after the end of the experiment."""
    this_second = now.astimezone(UTC).replace(microsecond=0)
    return this_second if plan.stopped_at is None else min(this_second, plan.stopped_at)


def config_hash(plan: LockedPlan, *, engine: str) -> str:
    """SHA-256 over everything but the data that decides the numbers of a look."""
    content: dict[str, Any] = {"plan": plan.sha256, "method": METHOD_VERSION, "engine": engine}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def look_key(plan: LockedPlan, *, cut: datetime, config: str) -> str:
    """The natural key of a look: the same question about the same data is asked once."""
    return f"{plan.experiment}/{plan.version}/{cut.astimezone(UTC).isoformat()}/{config[:12]}"


def _whole(at: datetime, step: timedelta) -> datetime:
    """The latest multiple of `step` since midnight UTC."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // step * step
