"""Where in the distribution the effect sits: a latency-like metric's difference at several quantiles."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.comparing import Beside
from analysis.engines.contract import Readings
from analysis.estimation import Estimates, quantiles
from analysis.plan import CURVE_SHARES, AnalysisPlan, PlannedMetric
from analysis.report.facts import CurveFacts, CurvePoint
from analysis.stats import compare
from analysis.stats.results import Comparison
from experiments.plan import LockedPlan


def of_look(
    locked: LockedPlan, plan: AnalysisPlan, readings: Readings, beside: Beside
) -> tuple[CurveFacts, ...]:
    """One curve for every quantile metric and treatment arm that has differences to show."""
    found = [curve for metric in plan.metrics for curve in _of_metric(locked, metric, readings, beside)]
    return tuple(curve for curve in found if _is_known(curve))


def _is_known(curve: CurveFacts) -> bool:
    return any(isinstance(point.difference, Comparison) for point in curve.points)


def _of_metric(
    locked: LockedPlan, metric: PlannedMetric, readings: Readings, beside: Beside
) -> Iterator[CurveFacts]:
    if metric.stream is None:
        return
    arms = [arm.key for arm in locked.arms]
    shares = sorted({*CURVE_SHARES, *([metric.share] if metric.share else [])})
    by_share = {share: quantiles(metric, share, readings, arms) for share in shares}
    for arm in locked.treatments:
        points = (_point(locked, metric, share, arm.key, of, beside) for share, of in by_share.items())
        yield CurveFacts(metric.key, arm.key, tuple(point for point in points if point is not None))


def _point(
    locked: LockedPlan, metric: PlannedMetric, share: float, arm: str, found: Estimates, beside: Beside
) -> CurvePoint | None:
    control, treatment = found.value(locked.control), found.value(arm)
    if control.value is None or treatment.value is None:
        return None
    fixed = compare.difference(found.of(locked.control), found.of(arm), alpha=locked.alpha)
    difference = beside.read(metric.key, arm, fixed, units=min(control.units, treatment.units))
    return CurvePoint(share, control.value, treatment.value, difference)
