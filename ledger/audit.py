"""Writing and checking the audit chain.

`record` is called inside the transaction of the change it describes; a lock makes the chain one line, so
that an altered, deleted or re-ordered row is found by `first_broken`.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from ledger.models import AuditEvent

GENESIS = "0" * 64
CHAIN_LOCK = 0x4845_4144


def record(
    *,
    now: datetime,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> AuditEvent:
    """Append one row. Must run inside the transaction that makes the change."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("audit rows belong into the transaction of the change")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
    last = AuditEvent.objects.order_by("-id").values_list("sha256", flat=True).first()
    event = AuditEvent(
        at=now,
        actor=actor,
        action=action,
        subject=subject,
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        reason=reason,
        previous_sha256=last or GENESIS,
    )
    event.sha256 = digest(event)
    event.save(force_insert=True)
    return event


def digest(event: AuditEvent) -> str:
    """SHA-256 over every field of the row and the previous row's hash."""
    content = {
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
        "previous": event.previous_sha256,
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def first_broken() -> AuditEvent | None:
    """The first row that was altered or does not follow its predecessor; None when the chain holds."""
    previous = GENESIS
    for event in AuditEvent.objects.order_by("id").iterator(chunk_size=5000):
        if event.previous_sha256 != previous or event.sha256 != digest(event):
            return event
        previous = event.sha256
    return None
