"""What people do about a trip: say that they look at it, that it is resolved, or that it is accepted."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from analysis import queries
from analysis.models import UNSETTLED, GuardrailTrip, TripState
from experiments import queries as experiments
from flags import queries as flag_queries
from flags.services.holds import release_hold
from ledger import audit
from ledger.refusals import Conflict, problem, refuse
from organisation import queries as organisation
from organisation.roles import Discipline


@transaction.atomic
def acknowledge_trip(*, trip_id: int, actor: str, now: datetime, reason: str = "") -> GuardrailTrip:
    """Somebody looks at it. It goes on blocking."""
    trip = _unsettled(trip_id)
    if trip.state == TripState.ACKNOWLEDGED:
        who = f"{trip.acknowledged_by} acknowledged it before"
        raise Conflict(problem("trip", trip_id, who, "Resolve it, or have it waived."))
    before = trip.state
    trip.state = TripState.ACKNOWLEDGED
    trip.acknowledged_at, trip.acknowledged_by = now, actor
    trip.save(update_fields=["state", "acknowledged_at", "acknowledged_by"])
    _record(trip, "trip.acknowledged", before, actor, now, reason)
    return trip


@transaction.atomic
def resolve_trip(*, trip_id: int, reason: str, actor: str, now: datetime) -> GuardrailTrip:
    """The cause is gone. The trip stops blocking, and the hold it set is released.

    What blocks is cleared by somebody else than the owner of the experiment or who made it.
    """
    trip = _unsettled(trip_id)
    if trip.is_blocking and _is_advocate(trip, actor):
        why = "the owner of an experiment cannot clear what blocks it"
        raise refuse("actor", actor, why, "Ask somebody else to look and to resolve it.")
    return _settle(trip, TripState.RESOLVED, reason, actor, now)


@transaction.atomic
def waive_trip(*, trip_id: int, reason: str, actor: str, now: datetime) -> GuardrailTrip:
    """The harm is accepted, by somebody of the performance discipline who does not own the experiment."""
    trip = _unsettled(trip_id)
    if not organisation.may_answer_for(actor, Discipline.PERFORMANCE, trip.experiment.environment):
        why = "harm is accepted by the performance discipline only"
        raise refuse("approver", actor, why, "Ask a reviewer of performance; see People and roles.")
    if _is_advocate(trip, actor):
        reason_why = "the owner of an experiment cannot waive its guardrails"
        raise refuse("approver", actor, reason_why, "Ask somebody of the performance discipline.")
    return _settle(trip, TripState.WAIVED, reason, actor, now)


def _is_advocate(trip: GuardrailTrip, actor: str) -> bool:
    """Whether they made the experiment, own it, or did until lately."""
    return actor == trip.experiment.created_by or actor in experiments.owners_lately(trip.experiment)


def _settle(trip: GuardrailTrip, state: TripState, reason: str, actor: str, now: datetime) -> GuardrailTrip:
    if not reason.strip():
        raise refuse("reason", reason, "a trip is not settled without a reason", "Write what was found.")
    before = trip.state
    trip.state, trip.reason = state, reason
    trip.settled_at, trip.settled_by = now, actor
    trip.save(update_fields=["state", "reason", "settled_at", "settled_by"])
    _record(trip, f"trip.{state.value}", before, actor, now, reason)
    _release(trip, reason, actor, now)
    return trip


def _release(trip: GuardrailTrip, reason: str, actor: str, now: datetime) -> None:
    """The hold of this trip only, and only while nobody has released it."""
    owner = trip.experiment
    open_holds = flag_queries.holds_of(owner.flag, owner.environment)
    if trip.hold_id is not None and open_holds.filter(id=trip.hold_id).exists():
        release_hold(hold_id=trip.hold_id, reason=reason, actor=actor, now=now)


def _unsettled(trip_id: int) -> GuardrailTrip:
    """The held row. Raises NotFound, and Conflict when it is settled."""
    queries.trip(trip_id)
    trip = GuardrailTrip.objects.select_for_update().get(id=trip_id)
    if trip.state not in UNSETTLED:
        when = f"{trip.settled_by} {trip.state} it at {trip.settled_at:%Y-%m-%d %H:%M} UTC"
        raise Conflict(problem("trip", trip_id, when, "A settled trip stays as it is."))
    return trip


def _record(trip: GuardrailTrip, action: str, before: str, actor: str, now: datetime, reason: str) -> None:
    audit.record(
        now=now,
        actor=actor,
        action=action,
        subject=f"experiment:{trip.experiment.key}",
        before={"trip": trip.id, "state": before},
        after={"trip": trip.id, "metric": trip.metric, "arm": trip.arm, "state": trip.state},
        reason=reason,
    )
