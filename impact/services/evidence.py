"""Findings: recorded by studies, miners and people; accepted or rejected by somebody with a reason."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from events.labels import is_address
from impact import queries
from impact.grades import Design, Grade, Kind, grade_of
from impact.models import Evidence, EvidenceState
from ledger import audit
from ledger.refusals import Conflict, Problem, problem, raise_if_any
from organisation import queries as organisation

LONGEST_KEY = 63
MOST_UNITS = 10**12


@transaction.atomic
def record(
    *,
    surface: str,
    title: str,
    outcome: str,
    design: Design,
    per_100_ms: float,
    standard_error: float,
    began_on: date,
    ended_on: date,
    method: str,
    actor: str,
    now: datetime,
    units: int = 0,
    details: Mapping[str, Any] | None = None,
    link: str = "",
    origin: str = "",
) -> Evidence:
    """A finding as a candidate; its grade follows from its design. The same origin is recorded once.

    `per_100_ms` is a relative change (-0.003 is a loss of 0.3 %). Raises Refused for numbers that cannot be.
    """
    known = Evidence.objects.filter(origin=origin).first() if origin else None
    if known is not None:
        return known
    raise_if_any(
        [
            *_problems(title, outcome, per_100_ms, standard_error, began_on, ended_on),
            *_source_problems(units, link),
        ]
    )
    made = Evidence.objects.create(
        surface=organisation.surface(surface),
        kind=design.kind.value,
        grade=grade_of(design).value,
        title=title.strip(),
        outcome=outcome,
        per_100_ms=per_100_ms,
        standard_error=standard_error,
        began_on=began_on,
        ended_on=ended_on,
        units=units,
        method=method,
        details=dict(details or {}),
        link=link,
        origin=origin,
        created_by=actor,
        created_at=now,
    )
    _record("evidence.recorded", made, actor, now, "")
    return made


def accept(*, id: int, actor: str, now: datetime, reason: str = "") -> Evidence:
    """Let the finding count. Raises Conflict when it was judged before, or when its recorder accepts it."""
    row = queries.finding(id)
    if row.created_by == actor and Kind(row.kind) is not Kind.BORROWED:
        fix = "Ask somebody else to look at it."
        raise Conflict(problem("actor", actor, "who recorded a finding does not accept it", fix))
    return _judge(id, EvidenceState.ACCEPTED, actor, now, reason)


def reject(*, id: int, reason: str, actor: str, now: datetime) -> Evidence:
    """Leave the finding out; it stays visible with the reason. An accepted one can be rejected later."""
    if not reason.strip():
        raise_if_any([problem("reason", reason, "this is empty", "Say why it does not count.")])
    return _judge(id, EvidenceState.REJECTED, actor, now, reason)


@transaction.atomic
def _judge(finding_id: int, state: EvidenceState, actor: str, now: datetime, reason: str) -> Evidence:
    queries.finding(finding_id)
    row = Evidence.objects.select_for_update().get(id=finding_id)
    if row.state == state or row.state == EvidenceState.REJECTED:
        raise Conflict(problem("state", row.state, f"this finding was {row.state} before"))
    row.state, row.reason, row.judged_by, row.judged_at = state.value, reason.strip(), actor, now
    row.save(update_fields=["state", "reason", "judged_by", "judged_at"])
    _record(f"evidence.{state.value}", row, actor, now, reason)
    return row


def _problems(
    title: str, outcome: str, slope: float, error: float, began_on: date, ended_on: date
) -> list[Problem]:
    found = []
    if not title.strip() or len(title) > 200:
        found.append(problem("title", title, "a title has 1 to 200 characters", "Say what happened."))
    if not outcome.strip() or len(outcome) > LONGEST_KEY:
        why = f"a metric has 1 to {LONGEST_KEY} characters"
        found.append(problem("outcome", outcome, why, "Name the metric that moved."))
    if not math.isfinite(slope) or abs(slope) > 1:
        fix = "Give a share: -0.003 for a loss of 0.3 % per 100 ms."
        found.append(problem("per_100_ms", slope, "this is no relative change per 100 ms", fix))
    if not (math.isfinite(error) and error > 0):
        found.append(problem("standard_error", error, "an error is above 0", "Give it as a share."))
    if ended_on < began_on:
        found.append(problem("ended_on", ended_on.isoformat(), f"it began on {began_on.isoformat()}"))
    return found


def _source_problems(units: int, link: str) -> list[Problem]:
    found = []
    if not 0 <= units <= MOST_UNITS:
        found.append(problem("units", units, "this is no number of units", "Say how many were measured."))
    if link and not is_address(link):
        found.append(problem("link", link, "this is not the address of a page", "It begins with https://."))
    return found


def _record(action: str, row: Evidence, actor: str, now: datetime, reason: str) -> None:
    facts = {
        "finding": row.id,
        "kind": row.kind,
        "grade": row.grade,
        "per_100_ms": row.per_100_ms,
        "standard_error": row.standard_error,
        "state": row.state,
    }
    audit.record(
        now=now, actor=actor, action=action, subject=f"surface:{row.surface.key}", after=facts, reason=reason
    )


def usable(surface: str) -> list[Evidence]:
    """Accepted findings of a surface whose grade may be put into money."""
    accepted = queries.findings(surface=surface, state=EvidenceState.ACCEPTED)
    return [row for row in accepted if Grade(row.grade).gives_money]
