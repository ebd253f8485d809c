"""Writing what a look found: the run, its results and checks, trips and the report. All of it or nothing.

Called inside the transaction that ends the look's job.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from analysis import caps, pipeline
from analysis.engines.contract import Enrolment, Group
from analysis.estimation import Slice
from analysis.models import AnalysisRun, HealthCheck, MetricResult, ReportSnapshot
from analysis.pipeline import ArmOutcome, Outcome
from analysis.plan import PlannedMetric
from analysis.report import document, effects, worth
from analysis.report.states import State
from analysis.services import history, tripping
from analysis.slicing import Scanned
from analysis.stats.results import Compared, NotEstimable, plain
from experiments import queries as experiments

LOCK = 0x4C4F_4F4B
UNFLAGGED, FLAGGED = "not_flagged", "flagged"


def lock(experiment: str) -> None:
    """Until the end of the transaction, nobody else stores a look at this experiment."""
    owner = experiments.experiment(experiment)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, owner.id])


def store(outcome: Outcome, *, trigger: str, actor: str, requested_at: datetime) -> AnalysisRun:
    """Every row of one look."""
    now = timezone.now()
    run = _run(outcome, trigger=trigger, actor=actor, requested_at=requested_at, now=now)
    rows = [*(_overall(run, outcome, arm) for arm in outcome.arms), *_sliced(run, outcome)]
    MetricResult.objects.bulk_create(rows)
    HealthCheck.objects.bulk_create(
        HealthCheck(
            run=run,
            kind=finding.kind.value,
            status=finding.status.value,
            statistic=plain(finding.statistic),
            limit=plain(finding.limit),
            detail=finding.detail,
            evidence=_jsonable(finding.evidence),
        )
        for finding in outcome.findings
    )
    _snapshot(run, outcome, now)
    tripping.open_trips(run, outcome.trips, now=now)
    return run


def _run(outcome: Outcome, *, trigger: str, actor: str, requested_at: datetime, now: datetime) -> AnalysisRun:
    look, locked = outcome.look, outcome.look.locked
    return AnalysisRun.objects.create(
        experiment_id=experiments.experiment(locked.experiment).id,
        plan_version=locked.version,
        plan_sha256=locked.sha256,
        look=look.number,
        data_cut=look.plan.until,
        config_hash=look.config_hash,
        code_version=look.code_version,
        engine=look.engine,
        trigger=trigger,
        actor=actor,
        requested_at=requested_at,
        finished_at=now,
        caps=caps.to_json(look.plan, look.readings.caps),
        enrolment=_enrolment(look.readings.enrolment, pipeline.arm_units(locked, look.readings.enrolment)),
    )


def _enrolment(enrolment: Enrolment, units: dict[str, int]) -> dict[str, Any]:
    return {
        "units": units,
        "by_day": [[day.isoformat(), arm, n] for (day, arm), n in enrolment.by_day.items()],
        "crossovers": enrolment.crossovers,
        "unplanned": enrolment.unplanned,
        "forced": enrolment.forced,
        "excluded": enrolment.excluded,
        "untriggered": enrolment.untriggered,
    }


def _overall(run: AnalysisRun, outcome: Outcome, arm: ArmOutcome) -> MetricResult:
    """The row over everybody: the headline comparison, and all of it in `detail`."""
    control, result = arm.estimates.value(outcome.look.locked.control), arm.result
    compared = effects.reading(result, effects.headline(outcome.facts)).difference
    return MetricResult(
        run=run,
        metric_version_id=arm.binding.metric_version_id,
        metric=arm.binding.metric,
        role=arm.binding.role.value,
        arm=result.arm,
        units_control=control.units,
        units_treatment=result.treatment.units,
        alpha_spent=result.monitor.alpha_spent,
        state=_state(outcome, arm).value,
        detail=_detail(outcome, arm),
        **_numbers(compared),
    )


def _sliced(run: AnalysisRun, outcome: Outcome) -> Iterator[MetricResult]:
    bindings = {binding.metric: binding for binding in outcome.look.locked.bindings}
    for scanned in outcome.slices:
        facts, binding = scanned.facts, bindings[scanned.facts.metric]
        yield MetricResult(
            run=run,
            metric_version_id=binding.metric_version_id,
            metric=facts.metric,
            role=binding.role.value,
            arm=facts.arm,
            dimension=facts.dimension,
            level=facts.level,
            units_control=scanned.units_control,
            units_treatment=scanned.units_treatment,
            state=_slice_state(scanned),
            detail={
                "difference": facts.difference.to_dict(),
                "adjusted_p": facts.adjusted_p,
                "heterogeneity_p": facts.heterogeneity_p,
            },
            **_numbers(facts.difference),
        )


def _slice_state(scanned: Scanned) -> str:
    if isinstance(scanned.facts.difference, NotEstimable):
        return State.CANNOT_SAY.value
    return FLAGGED if scanned.facts.flagged else UNFLAGGED


def _state(outcome: Outcome, arm: ArmOutcome) -> State:
    return next(
        judged.state
        for judged in outcome.conclusion.judged
        if (judged.binding.metric, judged.arm) == (arm.binding.metric, arm.result.arm)
    )


def _numbers(compared: Compared) -> dict[str, Any]:
    if isinstance(compared, NotEstimable):
        return {"why": compared.why.value}
    interval = compared.confidence_interval
    return {
        "estimate": compared.estimate,
        "standard_error": compared.standard_error,
        "low": plain(interval.lower),
        "high": plain(interval.upper),
    }


def _detail(outcome: Outcome, arm: ArmOutcome) -> dict[str, Any]:
    result, look = arm.result, outcome.look
    return {
        "fixed": _reading(result.fixed.difference, result.fixed.lift, result.fixed.contrast),
        "always_valid": _reading(
            result.always_valid.difference, result.always_valid.lift, result.always_valid.contrast
        ),
        "uncapped": result.uncapped and result.uncapped.to_dict(),
        "adjusted_p": _adjusted_p(outcome, arm),
        "monitor": {"harm": result.monitor.harm.value, "look": result.monitor.look},
        "control": plain_value(arm, look.locked.control),
        "treatment": plain_value(arm, result.arm),
        "moments": {key: _moments(look, arm.metric, key) for key in (look.locked.control, result.arm)},
        "memory": history.memory(arm.clock, arm.watch.seen),
    }


def _adjusted_p(outcome: Outcome, arm: ArmOutcome) -> float | None:
    """From the facts: adjusting comes after all comparisons are known."""
    metric = next(each for each in outcome.facts.metrics if each.binding is arm.binding)
    return next(result.adjusted_p for result in metric.arms if result.arm == arm.result.arm)


def _reading(*parts: Compared | None) -> dict[str, Any]:
    names = ("difference", "lift", "contrast")
    return {name: part and part.to_dict() for name, part in zip(names, parts, strict=True)}


def plain_value(arm: ArmOutcome, key: str) -> dict[str, Any]:
    """An arm's value with the estimate behind it."""
    value = arm.estimates.value(key)
    return {
        "units": value.units,
        "value": value.value,
        "numerator": value.numerator,
        "denominator": value.denominator,
        "estimate": arm.estimates.of(key).to_dict(),
    }


def _moments(look: pipeline.Look, metric: PlannedMetric, arm: str) -> dict[str, Any] | None:
    """The sufficient statistics behind an arm's estimate."""
    group = Slice().group(arm)
    if metric.vector is not None:
        moments = look.readings.moments.get(metric.vector, {}).get(group)
        return None if moments is None else moments.to_dict()
    return _quantile(look, metric, group)


def _quantile(look: pipeline.Look, metric: PlannedMetric, group: Group) -> dict[str, Any] | None:
    if metric.stream is None or metric.share is None:
        return None
    stat = look.readings.quantiles.get((metric.stream, metric.share), {}).get(group)
    if stat is None:
        return None
    order = {"n": stat.n, "value": stat.value, "lower": stat.lower, "upper": stat.upper}
    return {**order, "cluster": stat.cluster.to_dict()}


def _snapshot(run: AnalysisRun, outcome: Outcome, now: datetime) -> None:
    """The next link of the experiment's chain of reports."""
    newest = ReportSnapshot.objects.filter(experiment_id=run.experiment_id).order_by("-id").first()
    previous = newest.sha256 if newest else ""
    facts = worth.valued(outcome.facts, now=now)
    built = document.build(facts, prev_sha256=previous, created_at=now)
    text, sha256 = document.serialise(built)
    ReportSnapshot.objects.create(
        experiment_id=run.experiment_id,
        run=run,
        verdict=outcome.conclusion.verdict.value,
        document=text,
        sha256=sha256,
        prev_sha256=previous,
        created_at=now,
    )


def _jsonable(value: Any) -> Any:
    """JSON knows no infinity and no nan."""
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
