"""Asking for an estimate of how two experiments change each other's effects. The work is a job."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from analysis import interaction_queries, looks, pairs, source_queries
from experiments import queries as experiments
from experiments.plan import LockedPlan
from ledger import audit, jobs
from ledger.refusals import Conflict, Refused, problem

if TYPE_CHECKING:
    from ledger.models import Job

QUEUE = "analysis"


@transaction.atomic
def request_interaction(*, one: str, other: str, actor: str, now: datetime) -> Job:
    """Ask for the interaction of two experiments on all data that have settled; returns its job.

    The same pair asked for twice in a minute, or after both have stopped, is one job. Raises NotFound for
    unknown experiments and Conflict for a pair that has no common units, time or metric.
    """
    first, second = pairs.in_order(one, other)
    plans, cut = _plans(first, second, now)
    why = _why_not(plans, cut)
    if why:
        fix = "Pairs that meet are listed on the page Interactions."
        raise Conflict(problem("other", other, why, fix))
    versions = [plan.version for plan in plans]
    payload = {
        "one": first,
        "other": second,
        "plan_versions": versions,
        "cut": cut.isoformat(),
        "actor": actor,
        "requested_at": now.isoformat(),
    }
    key = f"{first}/{second}/{versions[0]}-{versions[1]}/{cut.isoformat()}"
    job = jobs.enqueue(kind=interaction_queries.JOB, key=key, queue=QUEUE, payload=payload, now=now)
    if job.created_at == now:
        _record(first, second, cut, actor=actor, now=now)
    return job


def why_not(one: str, other: str, *, now: datetime) -> str:
    """Why `request_interaction` would refuse this pair; empty when it would not."""
    try:
        plans, cut = _plans(one, other, now)
    except (Refused, experiments.BrokenPlan) as refused:
        return str(refused)
    return _why_not(plans, cut)


def _why_not(plans: list[LockedPlan], cut: datetime) -> str:
    return pairs.why_not(*plans, cut=cut) or _cannot_tell_apart(plans[0].source)


def _cannot_tell_apart(source: str) -> str:
    """Rows of own tables that do not say their experiment are taken for those of any that uses the source."""
    if source and not source_queries.source(source).definition.exposures.experiment:
        return f'the exposure table of source "{source}" has no column for the experiment'
    return ""


def _plans(one: str, other: str, now: datetime) -> tuple[list[LockedPlan], datetime]:
    """Both plans, and the data cut: settled data, up to the first end."""
    plans = [experiments.plan(key) for key in (one, other)]
    settled = (now - looks.SETTLING).replace(second=0)
    return plans, min(looks.manual_cut(plan, now=settled) for plan in plans)


def _record(one: str, other: str, cut: datetime, *, actor: str, now: datetime) -> None:
    audit.record(
        now=now,
        actor=actor,
        action="analysis.interaction.requested",
        subject=f"experiment:{one}",
        after={"other": other, "data_until": cut.isoformat()},
    )
