"""Opening trips, and doing at once and exactly once what they ask for.

A trip and the job that acts on it are written in the transaction of the look; the job's own transaction holds
the action, its audit row and the end of the job. A worker may die anywhere between them.

A trip opens under the lock under which everything is launched: either the launch comes first, or it sees the
trip and is refused. Locks come in one order: the experiment, the environment, trips, the audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from analysis import queries
from analysis.guardrails import Action
from analysis.guardrails import Trip as Harmed
from analysis.models import UNSETTLED, AnalysisRun, GuardrailTrip, TripSeverity
from experiments import lifecycle
from experiments import queries as experiments
from experiments import services as experiment_services
from flags.services import lock_environment
from flags.services.holds import hold
from ledger import audit, jobs
from ledger.jobs import RunningJob

KIND = "analysis.trip"
QUEUE = "ramp"
MONITOR = "guardrail monitor"
RANK = {TripSeverity.HARM.value: 1, TripSeverity.CONFIRMED.value: 2}


def open_trips(run: AnalysisRun, harmed: Iterable[Harmed], *, now: datetime) -> list[GuardrailTrip]:
    """Trips that are new at this look, or have become more severe; returns those.

    An alarm never goes away by itself, so a trip that somebody settled under the same plan is not opened
    again unless the harm has become more severe since.
    """
    found = list(harmed)
    if found:
        lock_environment(environment=run.experiment.environment)
    known = [_of_place(run, each) for each in found]
    opened = (_open(run, each, trips, now) for each, trips in zip(found, known, strict=True))
    return [trip for trip in opened if trip is not None]


def act(job: RunningJob) -> None:
    """Hold the flag or roll the experiment back, as the trip asked when this job was written."""
    trip_id, action = int(job.payload["trip"]), Action(job.payload["action"])
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        if action is Action.ROLL_BACK:
            experiment_services.hold_traffic(key=queries.trip(trip_id).experiment.key)
        trip = GuardrailTrip.objects.select_for_update().get(id=trip_id)
        if trip.state not in UNSETTLED:
            _record(trip, "trip.not_acted", now, reason=f"it was {trip.state} before")
            return
        outcome = _hold(trip, now) if action is Action.HOLD else _roll_back(trip, now)
        trip.acted_at, trip.outcome = now, outcome
        trip.save(update_fields=["acted_at", "outcome", "hold_id"])
        _record(trip, "trip.acted", now, reason=outcome)


def reason_of(trip: GuardrailTrip) -> str:
    """Why a flag is held or an experiment stopped, in one sentence with the numbers."""
    limit = f", the limit is {trip.margin:.4g}" if trip.margin is not None else ""
    word = "confirmed harm" if trip.severity == TripSeverity.CONFIRMED else "harm"
    effect = f"{trip.estimate:+.4g} ({trip.low:+.4g} to {trip.high:+.4g}){limit}"
    return f"guardrail {trip.metric}: {word} in {trip.arm} of {trip.experiment.key}, {effect}; trip {trip.id}"


def _open(
    run: AnalysisRun, harmed: Harmed, known: Sequence[GuardrailTrip], now: datetime
) -> GuardrailTrip | None:
    """`known` are all trips so far of the same guardrail and arm."""
    unsettled = next((trip for trip in known if trip.state in UNSETTLED), None)
    rank = RANK[harmed.harm.value]
    if unsettled is not None:
        return _escalate(unsettled, run, harmed, now) if rank > RANK[unsettled.severity] else None
    if any(RANK[trip.severity] >= rank for trip in known if trip.run.plan_version == run.plan_version):
        return None
    trip = GuardrailTrip.objects.create(
        experiment_id=run.experiment_id,
        metric_version_id=harmed.binding.metric_version_id,
        metric=harmed.binding.metric,
        arm=harmed.arm,
        is_blocking=harmed.binding.blocking,
        opened_at=now,
        **_numbers(run, harmed),
    )
    _follow(trip, "trip.opened", now)
    return trip


def _of_place(run: AnalysisRun, harmed: Harmed) -> Sequence[GuardrailTrip]:
    """All trips so far of the same guardrail and arm, held until the end of the transaction."""
    place = {"experiment_id": run.experiment_id, "metric": harmed.binding.metric, "arm": harmed.arm}
    return list(GuardrailTrip.objects.select_for_update(of=("self",)).select_related("run").filter(**place))


def _escalate(trip: GuardrailTrip, run: AnalysisRun, harmed: Harmed, now: datetime) -> GuardrailTrip:
    for name, value in _numbers(run, harmed).items():
        setattr(trip, name, value)
    trip.acted_at, trip.outcome = None, ""
    trip.save()
    _follow(trip, "trip.escalated", now)
    return trip


def _numbers(run: AnalysisRun, harmed: Harmed) -> dict[str, Any]:
    return {
        "run": run,
        "severity": harmed.harm.value,
        "action": harmed.action.value,
        "estimate": harmed.estimate,
        "low": harmed.low,
        "high": harmed.high,
        "margin": harmed.margin,
    }


def _follow(trip: GuardrailTrip, action: str, now: datetime) -> None:
    """Write down what happened, and ask for what has to follow."""
    _record(trip, action, now)
    if trip.action != Action.ALARM:
        jobs.enqueue(
            kind=KIND,
            key=f"{trip.id}/{trip.severity}",
            queue=QUEUE,
            payload={"trip": trip.id, "action": trip.action},
            now=now,
        )


def _hold(trip: GuardrailTrip, now: datetime) -> str:
    owner = trip.experiment
    if not owner.assigned_here:
        return "nothing to hold: another system assigns the arms"
    held = hold(
        flag=owner.flag, environment=owner.environment, reason=reason_of(trip), actor=MONITOR, now=now
    )
    trip.hold_id = held.id
    return f"flag {owner.flag} is held in {owner.environment}"


def _roll_back(trip: GuardrailTrip, now: datetime) -> str:
    """Hold the flag and stop the experiment: every unit gets the flag's default from now on."""
    held = _hold(trip, now)
    owner = experiments.experiment(trip.experiment.key)
    if not owner.assigned_here:
        return "nothing to roll back: another system assigns the arms"
    if owner.lifecycle_state not in lifecycle.EXPOSING:
        return f"{held}; the experiment was {owner.lifecycle_state.words} already"
    experiment_services.stop(key=owner.key, reason=reason_of(trip), actor=MONITOR, now=now)
    return f"{held}; the experiment was stopped, every unit gets the flag's default"


def _record(trip: GuardrailTrip, action: str, now: datetime, reason: str = "") -> None:
    """One audit row with the numbers that caused it."""
    numbers = {name: getattr(trip, name) for name in ("estimate", "low", "high", "margin")}
    what = {name: getattr(trip, name) for name in ("metric", "arm", "severity", "action", "state")}
    audit.record(
        now=now,
        actor=MONITOR,
        action=action,
        subject=f"experiment:{trip.experiment.key}",
        after={"trip": trip.id, "look": trip.run.look, **what, **numbers},
        reason=reason,
    )
