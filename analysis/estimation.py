"""From readings to one estimate per arm: which estimator a metric kind gets, on which moments.

The only place that maps metric kinds to estimators. Comparisons belong to `pipeline`, formulas to `stats`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.engines.contract import Group, Readings
from analysis.plan import PlannedMetric, Vector
from analysis.report.facts import ArmValue
from analysis.stats import adjusted, estimators
from analysis.stats.moments import Moments
from analysis.stats.results import Estimate, Estimated, NotEstimable, Status, Why
from experiments.plan import LockedPlan
from metrics.definitions import Kind

Estimator = Callable[[Moments], Estimated]

PLAIN: Mapping[Kind, Estimator] = {
    Kind.MEAN: estimators.mean,
    Kind.COUNT: estimators.count,
    Kind.PROPORTION: estimators.proportion,
    Kind.RATIO: estimators.ratio,
}


SMALLEST = 1e-140
"""Sizes below this count as zero: their squares leave the range of a double, and nobody measures them."""

ADJUSTED = ("cuped", "regression adjusted")
"""Methods of estimates that stand on a pre-period."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A level of a dimension; the default is everybody."""

    dimension: str = ""
    level: str = ""

    def group(self, arm: str) -> Group:
        return Group(arm, self.dimension, self.level)


EVERYBODY = Slice()


@dataclass(frozen=True, slots=True)
class Estimates:
    """A metric's estimate and shown value in each arm, in the order of the plan's arms."""

    arms: tuple[str, ...]
    estimates: tuple[Estimated, ...]
    values: tuple[ArmValue, ...]

    def of(self, arm: str) -> Estimated:
        return self.estimates[self.arms.index(arm)]

    def value(self, arm: str) -> ArmValue:
        return self.values[self.arms.index(arm)]


def estimate(
    metric: PlannedMetric,
    readings: Readings,
    arms: Sequence[str],
    *,
    where: Slice = EVERYBODY,
    is_capped: bool = True,
    uneven_control: str = "",
) -> Estimates:
    """The metric in every arm, inside one slice; `is_capped` False ignores the metric's cap.

    Where arms are planned to be of unequal size, `uneven_control` names the control: a covariate then gets
    slopes of its own in every arm, because one common slope may lose precision.
    """
    if metric.stream is not None and metric.share is not None:
        return quantiles(metric, metric.share, readings, arms, where=where)
    vector = metric.vector if is_capped else metric.uncapped or metric.vector
    if vector is None:
        raise ValueError(f"metric {metric.key} has neither a vector nor a stream")
    moments = [_moments(readings, vector, where.group(arm)) for arm in arms]
    found = _with_covariate(metric.kind, vector, moments, _position(arms, uneven_control))
    values = [_value(metric.kind, of, part) for of, part in zip(found, moments, strict=True)]
    return Estimates(tuple(arms), tuple(found), tuple(values))


def quantiles(
    metric: PlannedMetric, share: float, readings: Readings, arms: Sequence[str], *, where: Slice = EVERYBODY
) -> Estimates:
    """A quantile of the metric's stream in every arm; its units are those that have events."""
    stats = readings.quantiles.get((metric.stream, share), {}) if metric.stream is not None else {}
    found: list[Estimated] = []
    values = []
    for arm in arms:
        stat = stats.get(where.group(arm))
        found.append(_measurable(estimators.quantile(stat)) if stat else NotEstimable(Why.NO_UNITS))
        values.append(ArmValue(stat.cluster.n if stat else 0, stat.value if stat else None))
    return Estimates(tuple(arms), tuple(found), tuple(values))


def pre_period(vector: Vector, readings: Readings, arms: Sequence[str]) -> dict[str, Moments]:
    """Moments of the covariate (and its denominator) by arm; empty for a vector without one."""
    if vector.covariate is None:
        return {}
    before = [entry for entry in (vector.covariate, vector.covariate_denominator) if entry is not None]
    columns = [len(vector.entries) - len(before) + index for index in range(len(before))]
    return {arm: _moments(readings, vector, Group(arm)).select(columns) for arm in arms}


def _moments(readings: Readings, vector: Vector, group: Group) -> Moments:
    return _measured(readings.moments[vector].get(group) or Moments.empty(len(vector.entries)))


def _measured(found: Moments) -> Moments:
    mean = np.where(abs(found.mean) < SMALLEST, 0.0, found.mean)
    return Moments(found.n, mean, np.where(abs(found.comoment) < SMALLEST**2, 0.0, found.comoment))


def _measurable(found: Estimated) -> Estimated:
    is_zero = isinstance(found, Estimate) and found.variance < SMALLEST**2
    return NotEstimable(Why.NO_VARIATION) if is_zero else found


def uneven_control(locked: LockedPlan) -> str:
    """The control of a plan whose arms are not all of one size; else nothing."""
    return locked.control if len({arm.weight_ppm for arm in locked.arms}) > 1 else ""


def is_adjusted(found: Estimated) -> bool:
    """Did a pre-period change the value?"""
    return isinstance(found, Estimate) and any(name in found.method for name in ADJUSTED)


def _position(arms: Sequence[str], key: str) -> int | None:
    return list(arms).index(key) if key else None


def of_moments(kind: Kind, vector: Vector, moments: Sequence[Moments]) -> list[Estimated]:
    """One estimate for each of these groups of units, as a metric of that kind is estimated in equal arms."""
    return _with_covariate(kind, vector, list(map(_measured, moments)), None)


def _with_covariate(
    kind: Kind, vector: Vector, moments: Sequence[Moments], control: int | None
) -> list[Estimated]:
    """Adjusted where a covariate varies. Few events keep their score limits instead, which have no adjusted
    form; a covariate without spread would only cost a degree of freedom."""
    plain = [PLAIN[kind](part) for part in moments]
    few = any(isinstance(of, Estimate) and of.status is Status.FEW_EVENTS for of in plain)
    if vector.covariate is None or few or not _varies(vector, moments):
        return plain
    is_ratio = kind is Kind.RATIO
    if control is None:
        return adjusted.cuped_ratio(moments) if is_ratio else adjusted.cuped(moments)
    return _control_first(adjusted.lin_ratio if is_ratio else adjusted.lin, moments, control)


def _control_first(
    adjust: Callable[[Sequence[Moments]], list[Estimated]], moments: Sequence[Moments], control: int
) -> list[Estimated]:
    """Estimates in the order of `moments` from a function that wants the control to come first."""
    order = sorted(range(len(moments)), key=lambda position: position != control)
    found = adjust([moments[position] for position in order])
    return [found[order.index(position)] for position in range(len(moments))]


def _varies(vector: Vector, moments: Sequence[Moments]) -> bool:
    column = vector.entries.index(vector.covariate) if vector.covariate else 0
    return any(part.comoment[column, column] > 0 for part in moments)


def _value(kind: Kind, found: Estimated, moments: Moments) -> ArmValue:
    """Sums are shown only where their quotient is the value: an adjusted value is not."""
    value = found.value if isinstance(found, Estimate) else None
    if value is None or is_adjusted(found):
        return ArmValue(moments.n, value)
    base = _sum(moments, 1) if kind is Kind.RATIO else float(moments.n)
    return ArmValue(moments.n, value, numerator=_sum(moments, 0), denominator=base)


def _sum(moments: Moments, column: int) -> float:
    """n times the mean, without the last digits' noise where it is a count of events."""
    total = float(moments.mean[column]) * moments.n
    nearest = round(total)
    return float(nearest) if abs(total - nearest) < 1e-9 * max(abs(total), 1.0) else total
