"""Waivers: an attached guardrail is taken off one experiment until a day, by the performance discipline.

Asked for by anybody, granted by somebody who is neither the one who asked nor the owner of the experiment.
"""

from datetime import date, datetime, timedelta

from django.db import transaction

from experiments import queries as experiments
from governance import policy_queries as queries
from governance.models import Waiver, WaiverState
from ledger import audit
from ledger.refusals import Conflict, problem, refuse
from organisation import queries as organisation
from organisation.roles import Discipline

LONGEST = timedelta(days=90)
OPEN = (WaiverState.REQUESTED, WaiverState.APPROVED)


@transaction.atomic
def request_waiver(
    *, experiment: str, metric: str, reason: str, expires_on: date, actor: str, now: datetime
) -> Waiver:
    """Ask that the experiment need not watch an attached guardrail until a day."""
    owner = experiments.experiment(experiment)
    if metric not in {each.metric for each in experiments.required_of(owner)}:
        why = "no guardrail set attaches this metric here, or it is waived already"
        raise refuse("metric", metric, why, "Guardrails you bound yourself can simply be removed.")
    if not reason.strip():
        raise refuse("reason", reason, "a waiver needs a reason", "Say why the harm is acceptable.")
    last = now.date() + LONGEST
    if not now.date() < expires_on <= last:
        fix = f"Name a day until {last.isoformat()}."
        raise refuse("expires_on", expires_on.isoformat(), "a waiver lasts 1 to 90 days", fix)
    if Waiver.objects.filter(experiment=owner, metric=metric, state__in=OPEN).exists():
        raise Conflict(problem("metric", metric, "there is an open waiver already", "Settle that one."))
    made = Waiver.objects.create(
        experiment=owner,
        metric=metric,
        reason=reason.strip(),
        expires_on=expires_on,
        requested_by=actor,
        requested_at=now,
    )
    _record(made, "waiver.requested", actor, now, reason)
    return made


@transaction.atomic
def approve_waiver(*, id: int, actor: str, now: datetime, note: str = "") -> Waiver:
    """Grant it, for the performance discipline."""
    row = _requested(id)
    _raise_if_not_somebody_else(row, actor)
    row.owner = row.experiment.owner
    if row.expires_on <= now.date():
        fix = "Ask again with a later day."
        raise Conflict(problem("expires_on", row.expires_on.isoformat(), "this day is past", fix))
    return _settle(row, WaiverState.APPROVED, actor, now, note)


@transaction.atomic
def refuse_waiver(*, id: int, note: str, actor: str, now: datetime) -> Waiver:
    """Say no, with the reason."""
    row = _requested(id)
    _raise_if_not_somebody_else(row, actor)
    if not note.strip():
        raise refuse("note", note, "refusing needs a reason", "Say what would make it acceptable.")
    return _settle(row, WaiverState.REFUSED, actor, now, note)


@transaction.atomic
def withdraw_waiver(*, id: int, actor: str, now: datetime, note: str = "") -> Waiver:
    """Take a request or a granted waiver back; the guardrail is attached again. Who asked may do it, the
    owner of the experiment, and the performance discipline."""
    row = _locked(id)
    if actor not in (row.requested_by, row.experiment.owner) and not _answers_for_performance(row, actor):
        fix = f"Ask {row.requested_by}, or somebody of the performance discipline."
        raise refuse("actor", actor, "this waiver is not yours to withdraw", fix)
    if row.state not in OPEN:
        raise Conflict(problem("waiver", id, f"it is {row.state}", "Only open waivers are withdrawn."))
    row.state, row.note = WaiverState.WITHDRAWN, note or row.note
    row.settled_at = now
    row.save(update_fields=["state", "note", "settled_at"])
    _record(row, "waiver.withdrawn", actor, now, note)
    return row


def expire_waivers(*, now: datetime) -> int:
    """End what is past its day; how many ended. Drafts get their guardrail back with their next change, the
    review of a running experiment shows it."""
    due = Waiver.objects.filter(state__in=OPEN, expires_on__lt=now.date()).values_list("id", flat=True)
    return sum(_expire(waiver_id, now) for waiver_id in list(due))


@transaction.atomic
def _expire(waiver_id: int, now: datetime) -> bool:
    row = Waiver.objects.select_for_update().get(id=waiver_id)
    if row.state not in OPEN:
        return False
    row.state = WaiverState.EXPIRED
    row.save(update_fields=["state"])
    _record(row, "waiver.expired", "clock", now, f"its last day was {row.expires_on.isoformat()}")
    return True


def _settle(row: Waiver, state: WaiverState, actor: str, now: datetime, note: str) -> Waiver:
    row.state, row.approver, row.settled_at, row.note = state, actor, now, note.strip()
    row.save()
    _record(row, f"waiver.{state.value}", actor, now, note)
    return row


def _raise_if_not_somebody_else(row: Waiver, actor: str) -> None:
    fix = "Ask somebody of the performance discipline."
    if not _answers_for_performance(row, actor):
        raise refuse("approver", actor, "waivers are granted by the performance discipline", fix)
    if actor == row.requested_by:
        raise refuse("approver", actor, "who asks for a waiver cannot grant it", fix)
    if actor in experiments.owners_lately(row.experiment):
        raise refuse("approver", actor, "the owner of an experiment cannot waive its guardrails", fix)


def _answers_for_performance(row: Waiver, actor: str) -> bool:
    return organisation.may_answer_for(actor, Discipline.PERFORMANCE, row.experiment.environment)


def _requested(waiver_id: int) -> Waiver:
    row = _locked(waiver_id)
    if row.state != WaiverState.REQUESTED:
        raise Conflict(problem("waiver", waiver_id, f"it is {row.state}", "Ask for a new one."))
    return row


def _locked(waiver_id: int) -> Waiver:
    queries.waiver(waiver_id)
    return Waiver.objects.select_for_update(of=("self",)).select_related("experiment").get(id=waiver_id)


def _record(row: Waiver, action: str, actor: str, now: datetime, reason: str) -> None:
    audit.record(
        now=now,
        actor=actor,
        action=action,
        subject=f"experiment:{row.experiment_id}",
        after={
            "waiver": row.id,
            "metric": row.metric,
            "expires_on": row.expires_on.isoformat(),
            "requested_by": row.requested_by,
        },
        reason=reason,
    )
