"""Reviews of a version: submit, approve, reject, withdraw. Who wrote or submitted it never approves it."""

from datetime import datetime
from typing import Any

from django.db import transaction

from flags import document, queries
from flags.models import FlagVersion, VersionState
from flags.services import reasons
from flags.services.versions import Act, Place, place
from ledger import audit
from ledger.refusals import Conflict, problem, refuse


@transaction.atomic
def submit_version(
    *, flag: str, environment: str, version: int, actor: str, now: datetime, reason: str = ""
) -> FlagVersion:
    """Ask for a review of the draft; until it is withdrawn it cannot be edited."""
    where, act = place(flag, environment), Act(actor, now, reasons.checked(reason))
    row = _in_state(where, version, VersionState.DRAFT)
    document.check(queries.document_parts(where.environment), flag, row.definition)
    row.submitted_by, row.submitted_at, row.review_note = actor, now, act.reason
    return _moved(where, row, VersionState.IN_REVIEW, act)


@transaction.atomic
def approve_version(
    *, flag: str, environment: str, version: int, actor: str, now: datetime, reason: str = ""
) -> FlagVersion:
    """Agree that the version may be published as it stands."""
    where, act = place(flag, environment), Act(actor, now, reasons.checked(reason))
    row = _in_state(where, version, VersionState.IN_REVIEW)
    _raise_if_own(row, actor)
    row.reviewed_by, row.reviewed_at, row.review_note = actor, now, act.reason
    return _moved(where, row, VersionState.APPROVED, act)


@transaction.atomic
def reject_version(
    *, flag: str, environment: str, version: int, actor: str, now: datetime, reason: str
) -> FlagVersion:
    """Say that the version must not be published, and why. It stays to be read and copied from."""
    act = Act(actor, now, reasons.checked(reason, needed="rejecting a version"))
    where = place(flag, environment)
    row = _in_state(where, version, VersionState.IN_REVIEW)
    _raise_if_own(row, actor)
    row.reviewed_by, row.reviewed_at, row.review_note = actor, now, act.reason
    return _moved(where, row, VersionState.REJECTED, act)


@transaction.atomic
def withdraw_version(
    *, flag: str, environment: str, version: int, actor: str, now: datetime, reason: str = ""
) -> FlagVersion:
    """Make it a draft again that can be edited; an approval is void."""
    where, act = place(flag, environment), Act(actor, now, reasons.checked(reason))
    row = _in_state(where, version, VersionState.IN_REVIEW, VersionState.APPROVED)
    row.submitted_by, row.submitted_at = "", None
    row.reviewed_by, row.reviewed_at, row.review_note = "", None, ""
    return _moved(where, row, VersionState.DRAFT, act)


def _in_state(where: Place, version: int, *wanted: VersionState) -> FlagVersion:
    row = queries.version(where.flag, where.environment, version)
    if row.state not in wanted:
        possible = " or ".join(state.replace("_", " ") for state in wanted)
        why = f"this version is {row.state.replace('_', ' ')}, not {possible}"
        raise Conflict(problem("version", version, why, "Reload the page to see what can be done now."))
    return row


def _raise_if_own(row: FlagVersion, actor: str) -> None:
    if actor in {row.author, row.submitted_by}:
        did = "wrote" if actor == row.author else "submitted"
        fix = "Ask somebody else; you can withdraw it."
        raise refuse("reviewer", actor, f"who {did} a version cannot review it", fix)


def _moved(where: Place, row: FlagVersion, state: VersionState, act: Act) -> FlagVersion:
    before = _facts(where, row, row.state)
    row.state = state
    row.save()
    audit.record(
        now=act.now,
        actor=act.actor,
        action=f"flag.version.{ACTIONS[state]}",
        subject=where.subject,
        before=before,
        after=_facts(where, row, state),
        reason=act.reason,
    )
    return row


def _facts(where: Place, row: FlagVersion, state: str) -> dict[str, Any]:
    return {
        "environment": where.environment.key,
        "number": row.number,
        "state": str(state),
        "checksum": row.checksum,
    }


ACTIONS: dict[str, str] = {
    VersionState.IN_REVIEW: "submitted",
    VersionState.APPROVED: "approved",
    VersionState.REJECTED: "rejected",
    VersionState.DRAFT: "withdrawn",
}
