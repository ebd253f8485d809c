"""Where in the distribution the effect sits: a latency-like metric's difference at several quantiles."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.engines.contract import Readings
from analysis.estimation import Estimates, quantiles
from analysis.plan import CURVE_SHARES, AnalysisPlan, PlannedMetric
from analysis.report.facts import CurveFacts, CurvePoint
from analysis.stats import compare
from experiments.plan import LockedPlan


def of_look(locked: LockedPlan, plan: AnalysisPlan, readings: Readings) -> tuple[CurveFacts, ...]:
    """One curve for every quantile metric and treatment arm that has values."""
    found = [curve for metric in plan.metrics for curve in _of_metric(locked, metric, readings)]
    return tuple(curve for curve in found if curve.points)


def _of_metric(locked: LockedPlan, metric: PlannedMetric, readings: Readings) -> Iterator[CurveFacts]:
    if metric.stream is None:
        return
    arms = [arm.key for arm in locked.arms]
    shares = sorted({*CURVE_SHARES, *([metric.share] if metric.share else [])})
    by_share = {share: quantiles(metric, share, readings, arms) for share in shares}
    for arm in locked.treatments:
        points = (_point(locked, share, arm.key, found) for share, found in by_share.items())
        yield CurveFacts(metric.key, arm.key, tuple(point for point in points if point is not None))


def _point(locked: LockedPlan, share: float, arm: str, found: Estimates) -> CurvePoint | None:
    control, treatment = found.value(locked.control).value, found.value(arm).value
    if control is None or treatment is None:
        return None
    difference = compare.difference(found.of(locked.control), found.of(arm), alpha=locked.alpha)
    return CurvePoint(share, control, treatment, difference)
