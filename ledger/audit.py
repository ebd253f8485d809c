"""Writing and checking the audit chain.

`record` is called inside the transaction of the change it describes; a lock makes the chain one line, so
that an altered, deleted or re-ordered row is found by `check`. Rows cut off the end, or a chain that was
written anew, are found by the seal: a running HMAC over all rows with the site's secret key.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from ledger.models import AuditEvent, AuditHead

GENESIS = "0" * 64
CHAIN_LOCK = 0x4845_4144
PURPOSE = b"headway audit seal"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a walk over the chain found: the rows that were read, and what is wrong first, if anything is.

    `broken` is the row that does not follow from the one before it; None with a `fault` when every row does
    and the seal over all of them does not.
    """

    rows: int
    fault: str = ""
    broken: AuditEvent | None = None


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
    _seal_next(event, is_first=last is None)
    return event


def _seal_next(event: AuditEvent, *, is_first: bool) -> None:
    """Take the row under the seal. A missing head is made for the first row only: else it stays missed."""
    head = AuditHead.objects.first()
    if head is not None:
        seal = next_seal(head.seal, event.sha256)
        AuditHead.objects.filter(id=head.id).update(rows=head.rows + 1, seal=seal)
    elif is_first:
        AuditHead.objects.create(rows=1, seal=next_seal("", event.sha256))


def next_seal(seal: str, sha256: str) -> str:
    """The seal over one more row."""
    key = hmac.new(settings.SECRET_KEY.encode(), PURPOSE, hashlib.sha256).digest()
    return hmac.new(key, f"{seal}{sha256}".encode(), hashlib.sha256).hexdigest()


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
    return check().broken


def check() -> Checked:
    """Walk the whole chain: does every row follow from the one before it, and the seal cover them all?"""
    previous, seal, rows = GENESIS, "", 0
    for event in AuditEvent.objects.order_by("id").iterator(chunk_size=5000):
        if event.previous_sha256 != previous or event.sha256 != digest(event):
            why = "that row or the one before it was altered, removed or re-ordered outside Headway"
            return Checked(rows, f"the chain breaks at row {event.id}: {why}", event)
        previous, seal, rows = event.sha256, next_seal(seal, event.sha256), rows + 1
    return Checked(rows, _fault_of_seal(seal, rows))


def _fault_of_seal(seal: str, rows: int) -> str:
    head = AuditHead.objects.first()
    if head is None:
        return "the seal over the rows was removed" if rows else ""
    if head.rows > rows:
        return f"{head.rows - rows} of {head.rows} rows are missing at the end"
    if head.rows < rows or not hmac.compare_digest(head.seal, seal):
        return "the seal does not fit: rows were written anew outside Headway, or the secret key was changed"
    return ""


@transaction.atomic
def seal_anew(*, actor: str, now: datetime, reason: str) -> None:
    """Seal the rows as they stand, for a site whose secret key was changed; this goes on record itself."""
    record(now=now, actor=actor, action="audit.sealed", subject="audit:chain", reason=reason)
    seal, rows = "", 0
    for sha256 in AuditEvent.objects.order_by("id").values_list("sha256", flat=True):
        seal, rows = next_seal(seal, sha256), rows + 1
    AuditHead.objects.update_or_create(id=1, defaults={"rows": rows, "seal": seal})
