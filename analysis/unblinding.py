"""Who may see results when: hidden from everybody but the owner until the minimum duration.

Opening them earlier, and opening effects that a report hides because the data cannot be trusted, is written
to the audit chain. Verdicts, checks and harm are never hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from experiments import queries as experiments
from ledger import audit
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, problem, refuse

if TYPE_CHECKING:
    from experiments.models import Experiment

UNBLINDED = "report.unblinded"
REVEALED = "report.effects_revealed"


def is_blind(document: Mapping[str, Any], owner: Experiment, *, viewer: str, now: datetime) -> bool:
    """Are this report's results hidden from this viewer now?"""
    until = document["blind_until"]
    if until is None or now.date() >= date.fromisoformat(until) or viewer == owner.owner:
        return False
    return not is_unblinded(owner.key, document["experiment"]["plan_version"])


def is_unblinded(key: str, plan_version: int) -> bool:
    """Has the owner opened the results of this plan to everybody?"""
    opened = ledger_queries.audit_of(f"experiment:{key}").filter(action=UNBLINDED)
    return any((row.after or {}).get("plan_version") == plan_version for row in opened)


def raise_if_blind(document: Mapping[str, Any], owner: Experiment, *, viewer: str, now: datetime) -> None:
    """For machine-readable channels: Conflict while the results are hidden from this viewer."""
    if is_blind(document, owner, viewer=viewer, now=now):
        reason = f"results are hidden until the minimum duration ends on {document['blind_until']}"
        fix = f"Wait, or ask {owner.owner or 'the owner'} to open them; that is logged."
        raise Conflict(problem("experiment", owner.key, reason, fix))


@transaction.atomic
def unblind(*, key: str, plan_version: int, reason: str, actor: str, now: datetime) -> None:
    """Open the results to everybody before the minimum duration. Only the owner can; it needs a reason."""
    owner = experiments.experiment(key)
    if actor != owner.owner:
        fix = f"Ask {owner.owner or 'whoever owns it'}."
        raise refuse("actor", actor, "only the owner of an experiment opens its results early", fix)
    if not reason.strip():
        raise refuse("reason", reason, "this needs a reason", "Write one sentence for the history.")
    audit.record(
        now=now,
        actor=actor,
        action=UNBLINDED,
        subject=f"experiment:{key}",
        after={"plan_version": plan_version},
        reason=reason,
    )


@transaction.atomic
def reveal(*, key: str, sha256: str, actor: str, now: datetime) -> None:
    """Log that somebody looks at effects that a report hides."""
    after = {"snapshot": sha256}
    audit.record(now=now, actor=actor, action=REVEALED, subject=f"experiment:{key}", after=after)
