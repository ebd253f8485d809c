"""One look, start to end: read the store, judge, and store everything in the transaction that ends the job.

Runs in worker processes only. Reading is the slow part and changes nothing; a worker killed in it leaves
nothing behind. Judging needs what earlier looks left and happens under the experiment's lock, so that two
looks at once come one after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from analysis import looks, pipeline, queries, stopping
from analysis.engines import choice
from analysis.engines.contract import Readings
from analysis.health import DataFlow
from analysis.models import Trigger
from analysis.plan import AnalysisPlan, analysis_plan
from analysis.rates import ALPHA
from analysis.report.facts import CalibrationFacts, ExperimentFacts
from analysis.services import history, own_tables, sources, storing
from analysis.services.history import Past
from events import queries as events
from experiments import queries as experiments
from experiments.plan import LockedPlan
from ledger.jobs import NotYet, RunningJob

log = logging.getLogger(__name__)

WAIT_STEP = timedelta(seconds=5)
WAIT_AT_MOST = timedelta(minutes=5)
"""How long a look waits for acknowledged batches to reach the store; after that the check of data warns."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The job's payload."""

    experiment: str
    plan_version: int
    cut: datetime
    config: str
    trigger: str
    actor: str
    requested_at: datetime

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Asked:
        times = {name: datetime.fromisoformat(payload[name]) for name in ("cut", "requested_at")}
        return cls(**{**payload, **times})


@dataclass(frozen=True, slots=True)
class Read:
    """What the slow part brought."""

    plan: AnalysisPlan
    readings: Readings
    flow: DataFlow


def look(job: RunningJob) -> None:
    """Do the job: exactly one set of rows, or none when the question is no longer open."""
    asked = Asked.of(job.payload)
    locked = experiments.plan(asked.experiment)
    if locked.version != asked.plan_version:
        _give_up(job, f"{asked.experiment} runs under plan {locked.version} by now")
        return
    _wait_for_store(locked, asked)
    read = _read(locked, asked)
    with transaction.atomic():
        job.finish(now=timezone.now())
        storing.lock(asked.experiment)
        past = history.past(locked, cut=asked.cut)
        if past.answers(asked.cut, asked.config):
            log.info("%s: a look at these or later data is stored already", job.key)
            return
        if _is_premature(locked, asked, read, past):
            log.info("%s: no unit has arrived yet, and the numbers may still be brought", job.key)
            return
        outcome = pipeline.judge(_input(locked, asked, read, past))
        storing.store(outcome, trigger=asked.trigger, actor=asked.actor, requested_at=asked.requested_at)


def _is_premature(locked: LockedPlan, asked: Asked, read: Read, past: Past) -> bool:
    """Another system assigns and nothing has come from it: a look by the clock would only be in the way of
    numbers that are brought, which are up to an earlier time."""
    if asked.trigger != Trigger.SCHEDULE or past.looks or locked.source:
        return False
    enrolment = read.readings.enrolment
    is_empty = not (any(enrolment.units.values()) or enrolment.crossovers or enrolment.unplanned)
    return is_empty and not experiments.experiment(asked.experiment).assigned_here


def _give_up(job: RunningJob, why: str) -> None:
    with transaction.atomic():
        job.finish(now=timezone.now())
    log.info("%s: not computed, %s", job.key, why)


def _wait_for_store(locked: LockedPlan, asked: Asked) -> None:
    """What was acknowledged before the question has to be in the answer."""
    if locked.source:
        return
    if timezone.now() - asked.requested_at > WAIT_AT_MOST:
        return
    waiting = events.waiting_batches(locked.environment, received_until=asked.requested_at)
    if waiting:
        raise NotYet(f"{waiting} batches are not in the store yet", delay=WAIT_STEP)


def _read(locked: LockedPlan, asked: Asked) -> Read:
    plan = analysis_plan(locked, until=asked.cut)
    frozen = history.settled_caps(locked.experiment, locked.version, plan)
    if locked.source:
        return Read(plan, own_tables.read(locked, plan, frozen), own_tables.data_flow(plan))
    readings = sources.engine().read(plan, sources.files(plan, locked.environment), frozen)
    flow = sources.data_flow(plan, locked.environment, locked.flag, asked_at=asked.requested_at)
    return Read(plan, readings, flow)


def _input(locked: LockedPlan, asked: Asked, read: Read, past: Past) -> pipeline.Look:
    return pipeline.Look(
        locked=locked,
        plan=read.plan,
        about=about(asked.experiment),
        number=past.looks + 1,
        readings=read.readings,
        flow=read.flow,
        history=past.of,
        is_after_end=past.is_after_end,
        earlier_looks=past.earlier_looks,
        rule_version=past.rule_version,
        code_version=looks.CODE_VERSION,
        config_hash=asked.config,
        engine=own_tables.engine_name(locked) if locked.source else choice.name(),
        calibration=calibration(locked, asked.cut),
    )


def calibration(locked: LockedPlan, cut: datetime) -> tuple[CalibrationFacts, ...]:
    """What A/A splits said of the plan's metrics up to the day of the data cut."""
    versions = [binding.metric_version_id for binding in locked.bindings]
    return tuple(
        CalibrationFacts(
            metric=rates.metric,
            nights=rates.nights,
            replicates=rates.replicates,
            alpha=ALPHA,
            false_positive_share=rates.false_positive_share,
            false_positive_band=rates.false_positive_band,
            coverage_share=rates.coverage_share,
            coverage_band=rates.coverage_band,
            is_within=rates.is_within,
        )
        for rates in queries.calibration(versions, until=cut.astimezone(UTC).date())
    )


def about(experiment: str) -> ExperimentFacts:
    """What the report says of an experiment beside its plan."""
    found = experiments.about(experiment)
    return ExperimentFacts(
        title=found.title,
        owner=found.owner,
        kind=found.kind.value,
        population=found.population,
        locked_at=found.locked_at,
        coverage_share=found.coverage_share,
        changes_since_lock=found.changes_since_lock,
        stops=stopping.reached(experiment),
    )
