"""Putting an approved change in force, whatever its kind."""

from datetime import datetime

from django.db import transaction

from experiments import queries
from experiments.changes import ChangeKind
from experiments.models import PendingChange
from experiments.services.running import apply_revision
from experiments.services.transitions import locked_row
from experiments.services.widening import raise_coverage
from ledger.refusals import Conflict, problem


@transaction.atomic
def apply_change(*, key: str, actor: str, now: datetime, reason: str = "") -> PendingChange:
    """Apply the open change: a new phase with the new plan, or with more units. It has to be approved."""
    change = queries.open_change(locked_row(key))
    if change is None:
        why = f'"{key}" has no change that waits for anybody'
        raise Conflict(problem("change", "idle", why, "Ask for one first."))
    why = reason.strip() or change.reason
    if change.kind == ChangeKind.VERSION:
        apply_revision(key=key, actor=actor, now=now, reason=why)
    else:
        raise_coverage(key=key, coverage_ppm=change.coverage_ppm or 0, actor=actor, now=now, reason=why)
    change.refresh_from_db()
    return change
