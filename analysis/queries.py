"""Reads of what the looks found. Other apps get rows to look at, never rows to change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from analysis.looks import IMPORTED
from analysis.models import (
    UNSETTLED,
    AnalysisRun,
    CalibrationNight,
    GuardrailTrip,
    HealthCheck,
    MetricResult,
    ReportSnapshot,
    ShareLink,
)
from analysis.rates import Rates, add_up
from ledger.refusals import NotFound, problem
from metrics import queries as metrics


def runs(experiment: str) -> QuerySet[AnalysisRun]:
    """Finished looks at an experiment, newest first."""
    return AnalysisRun.objects.filter(experiment__key=experiment).order_by("-data_cut", "-id")


def runs_of_plan(experiment: str, *, plan_version: int) -> QuerySet[AnalysisRun]:
    """Finished looks under one locked plan, oldest first."""
    return AnalysisRun.objects.filter(experiment__key=experiment, plan_version=plan_version).order_by("look")


def brought(experiment: str, *, plan_version: int) -> QuerySet[AnalysisRun]:
    """Looks under one locked plan at numbers that were computed elsewhere, oldest first."""
    return runs_of_plan(experiment, plan_version=plan_version).filter(engine=IMPORTED)


def read_here(experiment: str, *, plan_version: int) -> AnalysisRun | None:
    """The first look under the plan that found a number in events, as against numbers that were brought."""
    own = runs_of_plan(experiment, plan_version=plan_version).exclude(engine=IMPORTED)
    return own.filter(results__estimate__isnull=False).first()


def results(experiment: str, *, metric: str = "", look: int | None = None) -> QuerySet[MetricResult]:
    """Tidy rows of all looks, or of some; newest look first."""
    found = MetricResult.objects.filter(run__experiment__key=experiment).select_related("run")
    found = found.filter(metric=metric) if metric else found
    found = found if look is None else found.filter(run__look=look)
    return found.order_by("-run__data_cut", "metric", "arm", "dimension", "level")


def memories(
    experiment: str, *, plan_version: int, before: datetime
) -> Iterator[tuple[str, str, int, dict[str, Any]]]:
    """Metric, arm, look number and what looks at earlier data remembered of them, oldest data first; over
    everybody. A cut that was computed again counts once, as it was computed last."""
    of_plan = {"run__experiment__key": experiment, "run__plan_version": plan_version, "dimension": ""}
    rows = MetricResult.objects.filter(**of_plan, run__data_cut__lt=before)
    last_of_cut = rows.order_by("run__data_cut", "metric", "arm", "-run__look", "-id").distinct(
        "run__data_cut", "metric", "arm"
    )
    yield from last_of_cut.values_list("metric", "arm", "run__look", "detail__memory")


def checks(run: AnalysisRun) -> QuerySet[HealthCheck]:
    return run.checks.order_by("id")


def latest_snapshot(experiment: str) -> ReportSnapshot | None:
    """The newest report; None before the first look."""
    return snapshots(experiment).first()


def snapshots(experiment: str) -> QuerySet[ReportSnapshot]:
    """All reports of an experiment, newest first."""
    found = ReportSnapshot.objects.filter(experiment__key=experiment).select_related("run")
    return found.order_by("-run__data_cut", "-id")


def rule_version(experiment: str, *, plan_version: int) -> int | None:
    """Of the decision rule in the first report under a plan; None before there is one."""
    found = ReportSnapshot.objects.filter(experiment__key=experiment, run__plan_version=plan_version)
    document = found.order_by("run__look").values_list("document", flat=True).first()
    return None if document is None else int(json.loads(document)["decision"]["rule_version"])


def snapshot(sha256: str) -> ReportSnapshot:
    """The report with this hash (or its first 12 characters or more), or NotFound."""
    is_hash = 12 <= len(sha256) <= 64 and set(sha256) <= set("0123456789abcdef")
    found = list(ReportSnapshot.objects.filter(sha256__startswith=sha256)[:2]) if is_hash else []
    if len(found) != 1:
        fix = "Use the hash shown on the report, at least its first 12 characters."
        raise NotFound(problem("sha256", sha256, "there is no report with this hash", fix))
    return found[0]


def shares(experiment: str) -> QuerySet[ShareLink]:
    """All links to reports of an experiment, newest first, closed ones too."""
    found = ShareLink.objects.filter(experiment__key=experiment)
    return found.select_related("experiment", "snapshot__run").defer("snapshot__document")


def latest_verdicts() -> dict[str, str]:
    """The newest verdict of every experiment that has one, by experiment key."""
    newest_first = ReportSnapshot.objects.order_by("experiment_id", "-run__data_cut", "-id")
    newest = newest_first.distinct("experiment_id")
    return dict(newest.values_list("experiment__key", "verdict"))


CALIBRATED_OVER = timedelta(days=28)
"""Nights that are added up for the figures that are shown."""


def calibration(metric_versions: Iterable[int], *, until: date) -> list[Rates]:
    """What the A/A splits of the four weeks up to a day said of these metric versions, in all experiments."""
    nights = CalibrationNight.objects.filter(
        metric_version__in=list(metric_versions), day__gt=until - CALIBRATED_OVER, day__lte=until
    )
    counts = nights.order_by("metric", "day", "id").values_list("metric", "replicates", "rejected", "covered")
    return add_up(counts)


def current_calibration(*, until: date) -> list[Rates]:
    """The same of every metric's current version that had splits, those out of bounds first."""
    current = [row.current_id for row in metrics.metrics() if row.current_id is not None]
    return sorted(calibration(current, until=until), key=lambda of: (of.is_within, of.metric))


def calibration_nights(metric: str = "") -> QuerySet[CalibrationNight]:
    """Single nights, newest first."""
    found = CalibrationNight.objects.select_related("experiment", "metric_version")
    found = found.filter(metric=metric) if metric else found
    return found.order_by("-day", "metric", "-id")


def trips() -> QuerySet[GuardrailTrip]:
    """All trips, newest first."""
    return GuardrailTrip.objects.select_related("experiment", "run", "metric_version").order_by(
        "-opened_at", "-id"
    )


def unsettled_trips(experiment: str = "") -> QuerySet[GuardrailTrip]:
    """Open and acknowledged trips, of one experiment or of all."""
    found = trips().filter(state__in=UNSETTLED)
    return found.filter(experiment__key=experiment) if experiment else found


def blocking_trips(*, experiment: str = "", flag: str = "") -> QuerySet[GuardrailTrip]:
    """Unsettled trips of blocking guardrails, of an experiment or of any experiment on a flag."""
    found = unsettled_trips(experiment).filter(is_blocking=True)
    return found.filter(experiment__flag=flag) if flag else found


def trip(trip_id: int) -> GuardrailTrip:
    """The trip, or NotFound."""
    found = trips().filter(id=trip_id).first()
    if found is None:
        raise NotFound(problem("trip", trip_id, "there is no such trip", "Trips are listed on the report."))
    return found


def last_cut(experiment: str) -> datetime | None:
    """The data cut of the newest finished look."""
    return runs(experiment).values_list("data_cut", flat=True).first()
