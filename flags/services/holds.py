"""Holding a flag: it may not open further until somebody says why it may again."""

from datetime import datetime

from django.db import transaction

from flags import queries
from flags.models import Hold
from ledger import audit
from ledger.refusals import Conflict, NotFound, problem, refuse


@transaction.atomic
def hold(*, flag: str, environment: str, reason: str, actor: str, now: datetime) -> Hold:
    """Stop the flag from opening further here. The same reason again returns the open hold."""
    if not reason.strip():
        raise refuse("reason", reason, "a hold needs a reason", "Say what has to be cleared up.")
    found, place = queries.flag(flag), queries.environment(environment)
    held, created = Hold.objects.get_or_create(
        flag=found,
        environment=place,
        reason=reason,
        released_at=None,
        defaults={"held_by": actor, "held_at": now},
    )
    if created:
        audit.record(
            now=now,
            actor=actor,
            action="flag.held",
            subject=f"flag:{flag}",
            after={"environment": environment, "hold": held.id},
            reason=reason,
        )
    return held


@transaction.atomic
def release_hold(*, hold_id: int, reason: str, actor: str, now: datetime) -> Hold:
    """Lift one hold; others stay."""
    held = Hold.objects.select_for_update(no_key=True).filter(id=hold_id).first()
    if held is None:
        raise NotFound(problem("hold", hold_id, "there is no such hold"))
    if held.released_at is not None:
        raise Conflict(
            problem("hold", hold_id, f"{held.released_by} released it at {held.released_at:%F %H:%M}")
        )
    if not reason.strip():
        raise refuse("reason", reason, "releasing a hold needs a reason", "Say why it is safe to go on.")
    held.released_at, held.released_by, held.release_reason = now, actor, reason
    held.save(update_fields=["released_at", "released_by", "release_reason"])
    audit.record(
        now=now,
        actor=actor,
        action="flag.hold.released",
        subject=f"flag:{held.flag.key}",
        after={"environment": held.environment.key, "hold": hold_id},
        reason=reason,
    )
    return held
