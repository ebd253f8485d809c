"""Changes that are to happen at a stated time: planned, approved, cancelled, and carried out by the clock.

What objects is asked when the time has come. A change that is refused then is not tried again: hours later
nobody would expect it.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from flags import definitions, queries, words
from flags.models import FlagVersion, ScheduledChange
from flags.schedule_models import ChangeKind, ChangeState
from flags.services import environments, reasons, steering, versions
from flags.services.versions import Act, Place, place
from ledger import audit
from ledger.refusals import Conflict, Refused, problem, refuse

log = logging.getLogger(__name__)
CLOCK = "schedule"
MAX_PENDING = 20
FURTHEST = timedelta(days=366)
TOO_LATE = timedelta(hours=24)
"""A change that is this late is not carried out: whoever planned it has stopped counting on it."""


@transaction.atomic
def schedule_change(
    *,
    flag: str,
    environment: str,
    kind: str,
    run_at: datetime,
    actor: str,
    now: datetime,
    version: int | None = None,
    coverage_ppm: int | None = None,
    rule: str = "",
    reason: str = "",
) -> ScheduledChange:
    """Plan a publication (`version`), a coverage (`coverage_ppm`, `rule`), switch_on or switch_off."""
    act = Act(actor, now, reasons.checked(reason))
    where = place(flag, environment)
    if kind not in ChangeKind.values:
        fix = f"Possible are: {', '.join(ChangeKind.values)}."
        raise refuse("kind", kind, "this cannot be scheduled", fix)
    _check_time(run_at, now)
    _check_number(where)
    row = ScheduledChange(
        flag=where.flag,
        environment=where.environment,
        kind=kind,
        run_at=run_at,
        reason=act.reason,
        created_by=actor,
        created_at=now,
        **_what(where, kind, version, coverage_ppm, rule),
    )
    row.save()
    _record(row, "scheduled", act)
    return row


@transaction.atomic
def approve_change(*, change_id: int, actor: str, now: datetime, reason: str = "") -> ScheduledChange:
    """Agree to it, where the environment requires a review. Who scheduled it cannot."""
    act, row = Act(actor, now, reasons.checked(reason)), _locked(change_id)
    _raise_if_settled(row)
    if actor == row.created_by:
        raise refuse("approver", actor, "who scheduled a change cannot approve it", "Ask somebody else.")
    row.approved_by, row.approved_at = actor, now
    row.save(update_fields=["approved_by", "approved_at"])
    _record(row, "approved", act)
    return row


@transaction.atomic
def cancel_change(*, change_id: int, actor: str, now: datetime, reason: str = "") -> ScheduledChange:
    """It will not happen."""
    act, row = Act(actor, now, reasons.checked(reason)), _locked(change_id)
    _raise_if_settled(row)
    _settle(row, ChangeState.CANCELLED, act, act.reason or "cancelled")
    return row


def tick(*, now: datetime) -> int:
    """Carry out what is due; returns how many were settled. One that fails does not stop the others."""
    settled = 0
    for change_id in list(queries.due_changes(now).values_list("id", flat=True)):
        try:
            settled += run_one(change_id=change_id, now=now)
        except DatabaseError:
            log.exception(
                "scheduled change %d could not be carried out; the next tick tries again", change_id
            )
    return settled


@transaction.atomic
def run_one(*, change_id: int, now: datetime) -> bool:
    """Carry out one change, or write down what refused it. False when it is settled or not due."""
    row = _locked(change_id)
    if not row.is_pending or row.run_at > now:
        return False
    if now - row.run_at > TOO_LATE:
        why = f"it was due at {row.run_at:%Y-%m-%d %H:%M} UTC and nothing carried it out for a day"
        _settle(row, ChangeState.REFUSED, Act(CLOCK, now), why)
        return True
    try:
        with transaction.atomic():
            made = _carry_out(row, now)
    except Refused as refused:
        why = "; ".join(each.reason for each in refused.problems)
        _settle(row, ChangeState.REFUSED, Act(CLOCK, now), why)
    else:
        _settle(row, ChangeState.DONE, Act(CLOCK, now), f"version {made.number} went live")
    return True


def _carry_out(row: ScheduledChange, now: datetime) -> FlagVersion:
    why = f"scheduled by {row.created_by}" + (f": {row.reason}" if row.reason else "")
    act = Act(row.created_by, now, why, approved_by=row.approved_by)
    named: dict[str, Any] = {"flag": row.flag.key, "environment": row.environment.key}
    if row.kind == ChangeKind.PUBLISH and row.version is not None:
        seen = row.checksum
        return versions.publish(
            **named, version=row.version.number, seen=seen, actor=act.actor, now=now, reason=why
        )
    where = place(**named)
    if row.kind == ChangeKind.COVERAGE:
        return steering.cover(where, row.rule or None, row.coverage_ppm or 0, act)
    return steering.switch(where, act, on=row.kind == ChangeKind.SWITCH_ON)


def _what(
    where: Place, kind: str, version: int | None, coverage_ppm: int | None, rule: str
) -> dict[str, Any]:
    """The fields that say what changes, judged as far as that can be done today."""
    if kind == ChangeKind.PUBLISH:
        row = queries.version(where.flag, where.environment, _needed("version", version))
        if not row.is_open:
            why = f"this version is {row.state.replace('_', ' ')}"
            raise Conflict(problem("version", version, why, "Schedule a draft or an approved version."))
        return {"version": row, "checksum": row.checksum}
    if where.live is None:
        why = f"this flag has no live version in {where.environment.key}"
        raise Conflict(problem("environment", where.environment.key, why, "Publish a version there first."))
    if kind == ChangeKind.COVERAGE:
        wanted = _needed("coverage_ppm", coverage_ppm)
        definitions.with_coverage(where.live.definition, rule or None, wanted)
        return {"coverage_ppm": wanted, "rule": rule}
    return {}


def _needed(field: str, value: int | None) -> int:
    if value is None or isinstance(value, bool):
        raise refuse(field, value, "this is missing", f"Give {field}.")
    return value


def _check_time(run_at: datetime, now: datetime) -> None:
    if not isinstance(run_at, datetime) or timezone.is_naive(run_at):
        fix = "For example 2026-11-23T10:00:00Z."
        shown = run_at.isoformat() if isinstance(run_at, datetime) else run_at
        raise refuse("run_at", shown, "a time needs a zone", fix)
    if not now < run_at <= now + FURTHEST:
        raise refuse(
            "run_at", f"{run_at:%Y-%m-%d %H:%M}", "this is not within the coming year", "Give a later time."
        )


def _check_number(where: Place) -> None:
    pending = queries.scheduled_changes(where.flag, where.environment).filter(state="pending").count()
    if pending >= MAX_PENDING:
        raise Conflict(problem("flag", where.flag.key, f"{pending} changes are scheduled", "Cancel some."))


def _locked(change_id: int) -> ScheduledChange:
    """The environment's lock first, then the row's."""
    known = queries.scheduled_change(change_id)
    environments.locked(known.environment.key)
    rows = ScheduledChange.objects.select_for_update(of=["self"], no_key=True)
    return rows.select_related("flag", "environment", "version").get(id=change_id)


def _raise_if_settled(row: ScheduledChange) -> None:
    if not row.is_pending:
        raise Conflict(problem("change", row.id, f"this change is {row.state}", "Schedule another one."))


def _settle(row: ScheduledChange, state: ChangeState, act: Act, outcome: str) -> None:
    row.state, row.settled_by, row.settled_at, row.outcome = state, act.actor, act.now, outcome
    row.save(update_fields=["state", "settled_by", "settled_at", "outcome"])
    _record(row, str(state), Act(act.actor, act.now, act.reason or outcome))


def _record(row: ScheduledChange, verb: str, act: Act) -> None:
    audit.record(
        now=act.now,
        actor=act.actor,
        action=f"flag.change.{verb}",
        subject=f"flag:{row.flag.key}",
        after={
            "environment": row.environment.key,
            "change": row.id,
            "what": words.scheduled(row.kind, row.version.number if row.version else None, row.coverage_ppm),
            "run_at": row.run_at.isoformat(),
            "state": str(row.state),
        },
        reason=act.reason,
    )
