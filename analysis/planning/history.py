"""What earlier looks know: values and spreads of metrics, and how units came in. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from analysis.models import AnalysisRun, MetricResult
from analysis.planning.sizing import Baseline
from experiments import queries as experiments
from experiments.plan import WHOLE_PPM

FEWEST_UNITS = 100


@dataclass(frozen=True, slots=True)
class Arrivals:
    """New units of each full day of an earlier experiment, as if everybody had taken part."""

    experiment: str
    new_by_day: tuple[float, ...]

    @property
    def per_day(self) -> float:
        """Of the last week."""
        week = self.new_by_day[-7:]
        return sum(week) / len(week) if week else 0.0


def baseline(metric: str, *, flag: str = "") -> Baseline | None:
    """The control's value and the spread of one unit at the newest look that read the metric.

    Experiments on the same flag come first. The spread is the squared error of the control's estimate times
    its units, so that caps, covariates and clusters count as they will be analysed.
    """
    rows = _control_rows().filter(metric=metric)
    same_flag = rows.filter(run__experiment__flag=flag).first() if flag else None
    return _baseline(same_flag or rows.first())


def measured_metrics() -> list[str]:
    """Metrics some look has read over everybody, by key."""
    return sorted(set(_control_rows().order_by().values_list("metric", flat=True)))


def usual() -> dict[str, str]:
    """What a planner most likely asks about: the first readable metric and the traffic of the newest look."""
    newest = _control_rows().first()
    if newest is None:
        return {}
    first = _control_rows().filter(run=newest.run).order_by("id").first() or newest
    return {"metric": first.metric, "traffic_of": newest.run.experiment.key}


def arrivals(experiment: str) -> Arrivals | None:
    """How units came into an experiment, from its newest look; None before it."""
    run = AnalysisRun.objects.filter(experiment__key=experiment).order_by("-data_cut", "-id").first()
    if run is None:
        return None
    by_day: dict[date, float] = defaultdict(float)
    for day, _, n in run.enrolment.get("by_day", []):
        by_day[date.fromisoformat(day)] += n
    full = sorted(day for day in by_day if day < run.data_cut.date()) or sorted(by_day)
    share = _coverage_by_day(experiment)
    return Arrivals(experiment, tuple(by_day[day] / share(day) for day in full))


def comparable(flag: str, environment: str, unit_type: str) -> str:
    """The experiment whose traffic is most like this one's: on the flag, else of the same kind of unit."""
    looked = AnalysisRun.objects.filter(experiment__environment=environment, experiment__unit_type=unit_type)
    keys = looked.order_by("-data_cut").values_list("experiment__key", flat=True)
    return keys.filter(experiment__flag=flag).first() or keys.first() or ""


def looked_at() -> list[tuple[str, str]]:
    """Key and title of every experiment with a look, newest first."""
    rows = AnalysisRun.objects.order_by("-experiment__created_at", "experiment__key")
    return list(dict.fromkeys(rows.values_list("experiment__key", "experiment__title")))


def newest_rows(experiment: str) -> QuerySet[MetricResult]:
    """Of the newest look, over everybody."""
    run = AnalysisRun.objects.filter(experiment__key=experiment).order_by("-data_cut", "-id").first()
    rows = MetricResult.objects.filter(run=run, dimension="") if run else MetricResult.objects.none()
    return rows.order_by("id")


def _control_rows() -> QuerySet[MetricResult]:
    rows = MetricResult.objects.filter(
        dimension="", units_control__gte=FEWEST_UNITS, detail__control__estimate__variance__gt=0
    )
    return rows.select_related("run__experiment", "metric_version").order_by("-run__data_cut", "-id")


def _baseline(row: MetricResult | None) -> Baseline | None:
    if row is None:
        return None
    control: Mapping[str, Any] = row.detail["control"]
    estimate = control["estimate"]
    reads = f"{row.run.experiment.key}, {row.units_control:,} units until {row.run.data_cut:%Y-%m-%d}"
    window = row.metric_version.definition.window_hours or 0
    return Baseline(estimate["value"], estimate["variance"] * row.units_control, reads, window)


def _coverage_by_day(experiment: str) -> Any:
    """Day → the largest share of units that could take part on it."""
    phases = [phase for phase in experiments.phases(experiment) if phase.coverage_ppm > 0]

    def share(day: date) -> float:
        on = [
            phase.coverage_ppm
            for phase in phases
            if phase.started_at.date() <= day and (phase.ended_at is None or phase.ended_at.date() >= day)
        ]
        return max(on, default=WHOLE_PPM) / WHOLE_PPM

    return share
