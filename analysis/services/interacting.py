"""The job that estimates an interaction: one reading of the store, one row. Worker processes only."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from analysis import interactions, looks
from analysis.engines import choice
from analysis.engines.contract import Readings
from analysis.interactions import Found, Pair
from analysis.models import InteractionReading
from analysis.plan import AnalysisPlan, analysis_plan
from analysis.services import own_tables, sources
from experiments import queries as experiments
from experiments.plan import LockedPlan
from ledger.jobs import RunningJob

log = logging.getLogger(__name__)


def estimate(job: RunningJob) -> None:
    """Do the job; nothing is stored when one of the plans was replaced meanwhile."""
    plans = [experiments.plan(job.payload[name]) for name in ("one", "other")]
    found = None
    if [plan.version for plan in plans] == job.payload["plan_versions"]:
        found = _read(*plans, cut=datetime.fromisoformat(job.payload["cut"]))
    else:
        log.info("%s: not estimated, a plan was replaced", job.key)
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        if found is not None:
            _store(job, plans, found, now=now)


def _read(one: LockedPlan, other: LockedPlan, *, cut: datetime) -> Found:
    pair = Pair(one, other, *(analysis_plan(plan, until=cut) for plan in (one, other)))
    cells = interactions.cells(pair)
    return interactions.judge(pair, cells, _crossed(pair, cells))


def _crossed(pair: Pair, cells: AnalysisPlan) -> Readings:
    """Both are read from the same place (`pairs.why_not`): the store, or the same tables."""
    if pair.one.source:
        return own_tables.crossed(pair.one, cells, pair.one_read, pair.other_read)
    files = sources.files(cells, pair.one.environment)
    return sources.engine().crossed(cells, pair.one_read, pair.other_read, files)


def _store(job: RunningJob, plans: list[LockedPlan], found: Found, *, now: datetime) -> None:
    ids = [experiments.experiment(plan.experiment).id for plan in plans]
    InteractionReading.objects.get_or_create(
        one_id=ids[0],
        other_id=ids[1],
        one_plan_version=plans[0].version,
        other_plan_version=plans[1].version,
        data_cut=datetime.fromisoformat(job.payload["cut"]),
        defaults={
            "units": dict(found.units),
            "left_out": found.left_out,
            "is_skewed": found.is_skewed,
            "split_p_value": found.p_value,
            "inference": found.inference.value,
            "lines": [line.to_dict() for line in found.lines],
            "engine": own_tables.engine_name(plans[0]) if plans[0].source else choice.name(),
            "code_version": looks.CODE_VERSION,
            "actor": job.payload["actor"],
            "requested_at": datetime.fromisoformat(job.payload["requested_at"]),
            "finished_at": now,
        },
    )
