"""Links to a report for people without an account: made, opened and revoked.

The address holds a random number under the site's signature. What is not signed is refused before any
look-up, so that guessing costs the guesser everything and the database nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.core.signing import BadSignature, Signer
from django.db import transaction

from analysis import queries, unblinding
from analysis.models import ReportSnapshot, ShareLink
from analysis.report.document import read
from experiments import queries as experiments
from ledger import audit
from ledger.refusals import Conflict, NotFound, Refused, problem, refuse

SALT = "analysis.share"
LONGEST_SHARE_DAYS, USUAL_SHARE_DAYS = 90, 14
MOST_A_MINUTE = 60
MINUTE = timedelta(minutes=1)


class LinkClosed(Refused):
    """The link has expired or was revoked."""


class TooOften(Refused):
    """The link was opened too often within a minute."""


@transaction.atomic
def share_report(
    *, experiment: str, sha256: str, days: int, note: str, actor: str, now: datetime
) -> ShareLink:
    """A link to one snapshot, or with an empty `sha256` to whatever is the newest. Raises Refused, and
    Conflict while the results are hidden from everybody but the owner."""
    owner = experiments.experiment(experiment)
    snapshot = _snapshot(experiment, sha256)
    if not 1 <= days <= LONGEST_SHARE_DAYS:
        fix = f"Choose 1 to {LONGEST_SHARE_DAYS} days; a new link can follow."
        raise refuse("days", days, "a link lasts between a day and a quarter", fix)
    if not note.strip():
        raise refuse("note", note, "the link needs a note", "Write for whom it is; the list shows it.")
    unblinding.raise_if_blind(read(snapshot.document), owner, viewer="", now=now)
    link = ShareLink.objects.create(
        experiment_id=owner.id,
        snapshot=snapshot if sha256 else None,
        token=uuid4(),
        note=note.strip(),
        created_by=actor,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    _record(link, "report.shared", actor, now)
    return link


@transaction.atomic
def revoke_share(*, experiment: str, link_id: int, actor: str, now: datetime) -> ShareLink:
    """From now on the link shows nothing. Raises NotFound, and Conflict when it was revoked before."""
    found = ShareLink.objects.select_for_update(of=("self",)).select_related("experiment")
    link = found.filter(id=link_id, experiment__key=experiment).first()
    if link is None:
        fix = "Links are listed on the page of shared links."
        raise NotFound(problem("share", link_id, "there is no such link to this experiment", fix))
    if link.revoked_at is not None:
        when = f"{link.revoked_by} revoked it at {link.revoked_at:%Y-%m-%d %H:%M} UTC"
        raise Conflict(problem("share", link_id, when, "Nothing is left to do."))
    link.revoked_at, link.revoked_by = now, actor
    link.save(update_fields=["revoked_at", "revoked_by"])
    _record(link, "report.share_revoked", actor, now)
    return link


def open_share(*, signed: str, now: datetime) -> ShareLink:
    """The link behind an address, counted as opened. Raises NotFound for an address that nobody signed,
    LinkClosed and TooOften. The first opening is written to the audit chain."""
    token = _token(signed)
    if token is None:
        raise _no_such_link()
    return _open(token, now)


@transaction.atomic
def _open(token: UUID, now: datetime) -> ShareLink:
    locked = ShareLink.objects.select_for_update(of=("self",)).select_related("experiment", "snapshot")
    link = locked.filter(token=token).first()
    if link is None:
        raise _no_such_link()
    if not link.is_open(now):
        word = "has expired" if link.revoked_at is None else "was revoked"
        raise LinkClosed(problem("link", "", f"this link {word}", "Ask whoever sent it for a new one."))
    _count(link, now)
    if link.opened == 1:
        _record(link, "report.share_opened", "anonymous", now)
    return link


def share_token(link: ShareLink) -> str:
    """The part of the address that names the link."""
    return _signer().sign(link.token.hex)


def shown_under(link: ShareLink) -> ReportSnapshot:
    """The report under the link."""
    return link.snapshot or _snapshot(link.experiment.key, "")


def _snapshot(experiment: str, sha256: str) -> ReportSnapshot:
    found = queries.snapshot(sha256) if sha256 else queries.latest_snapshot(experiment)
    if found is None or found.experiment.key != experiment:
        fix = "A report can be shared once there is one; its hash stands on it."
        raise NotFound(problem("sha256", sha256, f'"{experiment}" has no such report', fix))
    return found


def _no_such_link() -> NotFound:
    return NotFound(problem("link", "", "there is no such link", "Ask whoever sent it for a new one."))


def _count(link: ShareLink, now: datetime) -> None:
    if link.minute_at is None or now - link.minute_at >= MINUTE:
        link.minute_at, link.minute_count = now, 0
    if link.minute_count >= MOST_A_MINUTE:
        reason = f"this link was opened {MOST_A_MINUTE} times within a minute"
        raise TooOften(problem("link", "", reason, "Wait a minute."))
    link.minute_count += 1
    link.opened += 1
    link.last_opened_at = now
    link.save(update_fields=["minute_at", "minute_count", "opened", "last_opened_at"])


def _token(signed: str) -> UUID | None:
    try:
        return UUID(hex=_signer().unsign(signed))
    except (BadSignature, ValueError):
        return None


def _signer() -> Signer:
    return Signer(salt=SALT, sep=".")


def _record(link: ShareLink, action: str, actor: str, now: datetime) -> None:
    sha256 = "" if link.snapshot is None else link.snapshot.sha256
    after = {"share": link.id, "snapshot": sha256 or "live", "expires_at": link.expires_at.isoformat()}
    subject = f"experiment:{link.experiment.key}"
    audit.record(now=now, actor=actor, action=action, subject=subject, after=after, reason=link.note)
