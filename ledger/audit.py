"""Writing and checking the audit chain.

`record` is called inside the transaction of the change it describes; a lock makes the chain one line, so
that an altered, deleted or re-ordered row is found by `check`. Rows cut off the end, or a chain that was
written anew, are found by the seal: a running HMAC over all rows with the site's secret key.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Func, QuerySet, Subquery, TextField
from django.db.models.functions import Cast

from ledger.models import AuditEvent, AuditHead

GENESIS = "0" * 64
CHAIN_LOCK = 0x4845_4144
PURPOSE = b"headway audit seal"
SEALED = "audit.sealed"
AT = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
BREAKS = (
    "the chain breaks at row {}: that row or the one before it was altered, removed, added or re-ordered "
    "outside Headway"
)
_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
"""One text for one content, with letters of every language as they are."""
_written = msgspec.json.Encoder(order="deterministic").encode
_read = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Kept:
    """A seal and the rows it is over, as somebody wrote it down."""

    rows: int
    seal: str

    def __str__(self) -> str:
        return f"{self.rows}:{self.seal}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a walk over the chain found: the rows that were read, and what is wrong first, if anything is.

    `broken` is the row that does not follow from the one before it; None with a `fault` when every row does
    and the seal over all of them does not. `seal` is over the rows that were read.
    """

    rows: int
    fault: str = ""
    broken: AuditEvent | None = None
    seal: str = field(default="", compare=False)

    @property
    def kept(self) -> Kept:
        return Kept(self.rows, self.seal)


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
    return _sealed(_seal_key(), seal, sha256)


def _seal_key() -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), PURPOSE, "sha256")


def _sealed(key: bytes, seal: str, sha256: str) -> str:
    return hmac.digest(key, f"{seal}{sha256}".encode(), "sha256").hex()


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
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def first_broken() -> AuditEvent | None:
    """The first row that was altered or does not follow its predecessor; None when the chain holds."""
    return check().broken


def check(*, kept: Kept | None = None) -> Checked:
    """Walk the whole chain: does every row follow from the one before it, and the seal cover them all?

    With `kept`, a seal that was written down elsewhere earlier, it is also asked whether the chain still runs
    through it: that finds rows cut off the end by somebody who put an older seal back as well.
    """
    previous, seal, rows, key = GENESIS, "", 0, _seal_key()
    passed = kept is None or kept == Kept(0, "")
    sealed: tuple[int | None, str] = None, ""
    for row, sha256, head_rows, head_seal, *fields in _walk().iterator(chunk_size=5000):
        sealed, content = (head_rows, head_seal), _Content(*fields)
        if content.previous != previous or not _is_digest(sha256, content, row):
            return Checked(rows, BREAKS.format(row), AuditEvent.objects.get(id=row), seal)
        previous, seal, rows = sha256, _sealed(key, seal, sha256), rows + 1
        passed = passed or kept == Kept(rows, seal)
    fault = _fault_of_seal(_kept(*sealed) if rows else _head(), Kept(rows, seal))
    return Checked(rows, fault or _fault_of_kept(kept, passed, rows), None, seal)


def _walk() -> QuerySet[AuditEvent, Any]:
    """Every row in order, with the seal beside it: one statement sees both as they were at one moment,
    however many rows are written meanwhile."""
    head = AuditHead.objects.all()
    beside = {"head_rows": Subquery(head.values("rows")), "head_seal": Subquery(head.values("seal"))}
    as_text = {
        "after_text": Cast("after", TextField()),
        "at_text": Func(F("at"), template=AT, output_field=TextField()),
        "before_text": Cast("before", TextField()),
    }
    walk = AuditEvent.objects.order_by("id").annotate(**as_text, **beside)
    texts = (
        "action",
        "actor",
        "after_text",
        "at_text",
        "before_text",
        "previous_sha256",
        "reason",
        "subject",
    )
    return walk.values_list("id", "sha256", *beside, *texts)


class _Content(msgspec.Struct):
    """What the hash of a row is over, as texts of the database, in the order of its canonical text."""

    action: str
    actor: str
    after: Any
    at: str
    before: Any
    previous: str
    reason: str
    subject: str


def _is_digest(sha256: str, content: _Content, row: int) -> bool:
    """Whether this is the hash of the row. A fast encoder writes the text first; for a few numbers it has
    other words than the one that counts, but no other text has the same hash."""
    for name in ("before", "after"):
        text = getattr(content, name)
        setattr(content, name, None if text is None else _read(text))
    if hashlib.sha256(_written(content)).hexdigest() == sha256:
        return True
    return digest(AuditEvent.objects.get(id=row)) == sha256


def head() -> Kept:
    """The seal over all rows as it stands, to be written down elsewhere."""
    return _head() or Kept(0, "")


def _head() -> Kept | None:
    return _kept(*(AuditHead.objects.values_list("rows", "seal").first() or (None, "")))


def _kept(rows: int | None, seal: str) -> Kept | None:
    return None if rows is None else Kept(rows, seal)


def _fault_of_seal(found: Kept | None, walked: Kept) -> str:
    rows, seal = walked.rows, walked.seal
    if found is None:
        return "the seal over the rows was removed" if rows else ""
    if found.rows > rows:
        return f"{found.rows - rows} of {found.rows} rows are missing at the end"
    if found.rows < rows or not hmac.compare_digest(found.seal, seal):
        return "the seal does not fit: rows were written anew outside Headway, or the secret key was changed"
    return ""


def _fault_of_kept(kept: Kept | None, passed: bool, rows: int) -> str:
    if kept is None or passed:
        return ""
    if kept.rows > rows:
        return f"there are {rows} rows, and the seal kept earlier was over {kept.rows}"
    return f"the first {kept.rows} rows are not those that the seal kept earlier was over"


@transaction.atomic
def seal_anew(*, actor: str, now: datetime, reason: str) -> None:
    """Seal the rows as they stand, for a site whose secret key was changed; this goes on record itself."""
    record(now=now, actor=actor, action=SEALED, subject="audit:chain", reason=reason)
    seal, rows = "", 0
    for sha256 in AuditEvent.objects.order_by("id").values_list("sha256", flat=True):
        seal, rows = next_seal(seal, sha256), rows + 1
    AuditHead.objects.update_or_create(id=1, defaults={"rows": rows, "seal": seal})
