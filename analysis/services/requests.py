"""Asking for looks: who may ask for which data cut, and which looks are due by themselves.

A look that was asked for is a job row; this module never computes one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from analysis import looks, queries
from analysis.engines import choice
from analysis.models import Trigger
from analysis.services import own_tables
from experiments import queries as experiments
from experiments.lifecycle import State
from experiments.plan import LockedPlan
from ledger import audit, jobs
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, Refused, problem, refuse

if TYPE_CHECKING:
    from ledger.models import Job

log = logging.getLogger(__name__)

KIND = "analysis.look"
QUEUE = "analysis"
SCHEDULER = "schedule"


@transaction.atomic
def request_look(
    *, experiment: str, trigger: str, actor: str, now: datetime, until: datetime | None = None
) -> Job:
    """Ask for a look with events up to `until` (this second when it is None); returns its job.

    The same question about the same data is one job, whoever asks for it again. Raises Conflict before the
    start, when a look at later data exists and when the numbers are brought, Refused for a cut outside the
    run.
    """
    if trigger not in Trigger.values:
        raise refuse("trigger", trigger, "no such trigger", f"Use one of {', '.join(Trigger.values)}.")
    plan = experiments.plan(experiment)
    cut = looks.manual_cut(plan, now=now) if until is None else until
    raise_if_outside(plan, cut, now)
    raise_if_backwards(plan, cut)
    if is_brought(plan):
        why = "its numbers are computed elsewhere and brought, so there is nothing to look at here"
        raise Conflict(problem("experiment", experiment, why, "Import the next numbers."))
    engine = own_tables.configuration(plan) if plan.source else choice.name()
    config = looks.config_hash(plan, engine=engine)
    key = looks.look_key(plan, cut=cut, config=config)
    is_new = ledger_queries.job(KIND, key) is None
    payload = {
        "experiment": experiment,
        "plan_version": plan.version,
        "cut": cut.isoformat(),
        "config": config,
        "trigger": trigger,
        "actor": actor,
        "requested_at": now.isoformat(),
    }
    job = jobs.enqueue(kind=KIND, key=key, queue=QUEUE, payload=payload, now=now)
    if is_new and trigger != Trigger.SCHEDULE:
        subject, after = f"experiment:{experiment}", {"data_until": cut.isoformat(), "trigger": trigger}
        audit.record(now=now, actor=actor, action="analysis.requested", subject=subject, after=after)
    return job


def schedule_looks(*, now: datetime) -> int:
    """Ask for every look that is due and not stored; returns how many. One broken plan stops no other."""
    asked = 0
    for key in _watched():
        try:
            asked += _schedule(key, now)
        except (Refused, experiments.BrokenPlan) as refused:
            log.warning("no look at %s: %s", key, refused)
    return asked


def _watched() -> Iterator[str]:
    """Experiments that may need a look: those that run, and those whose last data may just have come in."""
    for state in (State.RUNNING, State.PAUSED, State.STOPPED):
        found = experiments.experiments(state=state.value)
        yield from found.order_by("started_at", "key").values_list("key", flat=True)


def _schedule(key: str, now: datetime) -> bool:
    plan = experiments.plan(key)
    cut, last = looks.due_cut(plan, now=now), queries.last_cut(key)
    if cut is None or (last is not None and last >= cut) or is_brought(plan) or _is_filling(plan, now):
        return False
    job = request_look(experiment=key, trigger=Trigger.SCHEDULE, actor=SCHEDULER, now=now, until=cut)
    return job.created_at == now


def _is_filling(plan: LockedPlan, now: datetime) -> bool:
    """Was it started here a moment ago with a beginning in the past? Its events are on their way, and a look
    by the clock would judge half of them; whoever has sent them all asks for one."""
    is_running = plan.stopped_at is None
    return is_running and now < experiments.about(plan.experiment).locked_at + looks.FIRST_LOOK_AFTER


def is_brought(plan: LockedPlan) -> bool:
    """Do the looks of this plan come from elsewhere? What Headway assigns itself it goes on watching."""
    if experiments.experiment(plan.experiment).assigned_here:
        return False
    return queries.brought(plan.experiment, plan_version=plan.version).exists()


def raise_if_outside(plan: LockedPlan, cut: datetime, now: datetime) -> None:
    """Raise Refused for a data cut outside the run."""
    if cut.tzinfo is None:
        raise refuse("until", cut.isoformat(), "the time has no zone", "Write 2026-01-31T12:00:00Z.")
    if plan.started_at is not None and cut <= plan.started_at:
        reason = f"the experiment started at {plan.started_at:%Y-%m-%d %H:%M:%S} UTC, there is nothing yet"
        raise refuse("until", cut.isoformat(), reason, "Ask for a time after the start.")
    if plan.stopped_at is not None and cut > plan.stopped_at:
        reason = f"the experiment stopped at {plan.stopped_at:%Y-%m-%d %H:%M:%S} UTC"
        raise refuse("until", cut.isoformat(), reason, "Ask for a time up to the stop.")
    if cut > now + timedelta(seconds=1):
        raise refuse("until", cut.isoformat(), "this lies in the future", "Ask for a time up to now.")


def raise_if_backwards(plan: LockedPlan, cut: datetime) -> None:
    """Looks of one plan go forward in time: going back and looking again would be choosing a result."""
    last = queries.runs_of_plan(plan.experiment, plan_version=plan.version).last()
    if last is not None and last.data_cut > cut:
        reason = f"look {last.look} has seen data until {last.data_cut:%Y-%m-%d %H:%M:%S} UTC"
        raise Conflict(problem("until", cut.isoformat(), reason, "Looks go forward in time only."))
