"""Nightly A/A splits of live traffic: which experiments, the reading, and one row a metric and night.

The job runs in worker processes; asking for it imports nothing heavy.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from analysis import looks
from analysis.models import CalibrationNight
from analysis.plan import analysis_plan
from analysis.rates import ALPHA
from experiments import queries as experiments
from experiments.plan import LockedPlan
from ledger import jobs
from ledger.jobs import RunningJob
from ledger.refusals import Refused

if TYPE_CHECKING:
    from analysis.resplitting import Night

log = logging.getLogger(__name__)

KIND, QUEUE = "analysis.resplit", "analysis"


def schedule_resplits(*, now: datetime) -> int:
    """Ask for tonight's splits of every running experiment, whether it reads the event store or the company's
    own tables; returns how many were not asked for yet. One broken plan stops no other."""
    day = now.astimezone(UTC).date()
    keys = experiments.running().order_by("key").values_list("key", flat=True)
    return sum(_schedule(key, day, now) for key in keys)


def _schedule(experiment: str, day: date, now: datetime) -> bool:
    try:
        locked = experiments.plan(experiment)
    except (Refused, experiments.BrokenPlan) as refused:
        log.warning("no A/A splits of %s: %s", experiment, refused)
        return False
    if locked.started_at is None:
        return False
    payload = {"experiment": experiment, "plan_version": locked.version, "day": day.isoformat()}
    key = f"{experiment}/{locked.version}/{day.isoformat()}"
    return jobs.enqueue(kind=KIND, key=key, queue=QUEUE, payload=payload, now=now).created_at == now


def resplit(job: RunningJob) -> None:
    """Do the job. Units with enough data only; nothing is stored for a metric that has no estimate."""
    locked, day = experiments.plan(job.payload["experiment"]), date.fromisoformat(job.payload["day"])
    is_current = locked.version == job.payload["plan_version"]
    nights = _nights(locked, day, now=timezone.now()) if is_current else []
    with transaction.atomic():
        job.finish(now=timezone.now())
        _store(locked, day, nights, now=timezone.now())


def _nights(locked: LockedPlan, day: date, *, now: datetime) -> list[Night]:
    from analysis import resplitting
    from analysis.services import history, own_tables, sources

    plan = analysis_plan(locked, until=looks.manual_cut(locked, now=now))
    caps = history.settled_caps(locked.experiment, locked.version, plan)
    deal = day.toordinal()
    if locked.source:
        return resplitting.resplit(plan, own_tables.parts(locked, plan, caps, deal), day=day)
    files = sources.files(plan, locked.environment)
    return resplitting.resplit(plan, sources.engine().parts(plan, files, caps, deal), day=day)


def _store(locked: LockedPlan, day: date, nights: list[Night], *, now: datetime) -> None:
    versions = {binding.metric: binding.metric_version_id for binding in locked.bindings}
    CalibrationNight.objects.bulk_create(
        (
            CalibrationNight(
                day=day,
                experiment_id=experiments.experiment(locked.experiment).id,
                metric_version_id=versions[night.metric],
                metric=night.metric,
                units=night.units,
                replicates=night.replicates,
                rejected=night.rejected,
                covered=night.covered,
                alpha=ALPHA,
                variance_ratio=night.variance_ratio,
                code_version=looks.CODE_VERSION,
                created_at=now,
            )
            for night in nights
        ),
        # A plan that was revised during the day has its splits already under the same metric version.
        ignore_conflicts=True,
    )
