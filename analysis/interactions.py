"""Does one experiment change what another does? Estimated on the units that are in both. Pure.

Every unit of both is in one cell, the pair of its arms. The effect of one experiment's arm is taken inside
the control and inside the treatment of the other; the second minus the first is the interaction. A unit
counts from the moment on at which both have it, and without a pre-period, because the first of the two
experiments may have changed that already.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.engines.contract import Group, Readings
from analysis.estimation import Estimates, estimate
from analysis.pairs import cell, shared
from analysis.plan import AnalysisPlan, planned_metric
from analysis.stats import compare, meta, sequential, srm
from analysis.stats.monitor import MIN_UNITS_PER_ARM
from analysis.stats.results import Compared, Comparison, Estimate, Estimated, Inference, NotEstimable, Why
from analysis.stats.sequential import AlwaysValid
from experiments.plan import LockedPlan

LEVEL_CHANGE = 0.1
"""The always-valid test is made for interactions of a tenth of the metric's level, the same at every look."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two experiments with their plans and what is read of each."""

    one: LockedPlan
    other: LockedPlan
    one_read: AnalysisPlan
    other_read: AnalysisPlan

    @property
    def inference(self) -> Inference:
        """Fixed once both have stopped, because then there is one last reading; before that somebody may ask
        every day."""
        is_over = self.one.stopped_at is not None and self.other.stopped_at is not None
        return Inference.FIXED if is_over else Inference.ALWAYS_VALID


@dataclass(frozen=True, slots=True)
class Line:
    """One metric and pair of treatment arms: the effect of `one_arm` beside the other's control and beside
    `other_arm`, and the difference of the two, all on the metric's own scale."""

    metric: str
    one_arm: str
    other_arm: str
    alone: Compared
    beside: Compared
    interaction: Compared

    def to_dict(self) -> dict[str, Any]:
        effects = {name: getattr(self, name).to_dict() for name in ("alone", "beside", "interaction")}
        return {"metric": self.metric, "one_arm": self.one_arm, "other_arm": self.other_arm, **effects}


@dataclass(frozen=True, slots=True)
class Found:
    """What one reading of a pair says. `units` by cell; `left_out` units are in both, but not in one arm of
    each.

    `is_skewed`: the cells do not have the shares that independent hashes give. One experiment then changes
    who gets into the other, and the lines compare different people.
    """

    units: Mapping[str, int]
    left_out: int
    is_skewed: bool
    p_value: float | None
    lines: tuple[Line, ...]
    inference: Inference


def cells(pair: Pair) -> AnalysisPlan:
    """The reading whose arms are the pairs of arms and whose metrics are the shared ones."""
    names = tuple(cell(a.key, b.key) for a in pair.one.arms for b in pair.other.arms)
    metrics = (replace(binding.definition, covariate_days=None) for binding in shared(pair.one, pair.other))
    return AnalysisPlan(
        experiment=f"{pair.one.experiment} × {pair.other.experiment}",
        unit_type=pair.one.unit_type,
        arms=names,
        variants=names,
        since=min(pair.one_read.since, pair.other_read.since),
        until=min(pair.one_read.until, pair.other_read.until),
        metrics=tuple(map(planned_metric, metrics)),
    )


def judge(pair: Pair, plan: AnalysisPlan, readings: Readings) -> Found:
    """The split of the cells and every line."""
    counted = {name: readings.enrolment.units.get(Group(name), 0) for name in plan.arms}
    weights = [float(a.weight_ppm) * b.weight_ppm for a in pair.one.arms for b in pair.other.arms]
    split = srm.e_value(list(counted.values()), weights)
    known = split if isinstance(split, srm.SampleRatio) else None
    return Found(
        units=counted,
        left_out=readings.enrolment.crossovers,
        is_skewed=known is not None and known.mismatch,
        p_value=None if known is None else known.p_value,
        lines=tuple(_lines(pair, plan, readings)),
        inference=pair.inference,
    )


def _lines(pair: Pair, plan: AnalysisPlan, readings: Readings) -> Iterator[Line]:
    for metric in plan.metrics:
        estimates = estimate(metric, readings, plan.arms)
        for one_arm in pair.one.treatments:
            for other_arm in pair.other.treatments:
                yield _line(pair, metric.key, estimates, one_arm.key, other_arm.key)


def _line(pair: Pair, metric: str, estimates: Estimates, one_arm: str, other_arm: str) -> Line:
    names = [[cell(a, b) for a in (pair.one.control, one_arm)] for b in (pair.other.control, other_arm)]
    alpha = min(pair.one.alpha, pair.other.alpha)
    units = min(estimates.value(name).units for row in names for name in row)
    alone, beside = ([estimates.of(name) for name in row] for row in names)
    return Line(
        metric,
        one_arm,
        other_arm,
        alone=_effect(alone, pair.inference, units, alpha),
        beside=_effect(beside, pair.inference, units, alpha),
        interaction=_interaction(alone, beside, pair.inference, units, alpha),
    )


def _effect(arms: Sequence[Estimated], inference: Inference, units: int, alpha: float) -> Compared:
    control, treatment = arms
    return _read(compare.difference(control, treatment, alpha=alpha), control, inference, units)


def _interaction(
    alone: Sequence[Estimated], beside: Sequence[Estimated], inference: Inference, units: int, alpha: float
) -> Compared:
    first, second = (compare.difference(*arms, alpha=alpha) for arms in (alone, beside))
    if isinstance(first, NotEstimable) or isinstance(second, NotEstimable):
        return first if isinstance(first, NotEstimable) else second
    return _read(meta.interaction(first, second, alpha=alpha), alone[0], inference, units)


def _read(fixed: Compared, control: Estimated, inference: Inference, units: int) -> Compared:
    """The comparison as it counts now; `units` are those of the smallest cell."""
    if units < MIN_UNITS_PER_ARM:
        return NotEstimable(Why.TOO_FEW_UNITS)
    if not isinstance(fixed, Comparison) or inference is Inference.FIXED:
        return fixed
    return AlwaysValid(LEVEL_CHANGE**2, fixed.alpha).of(fixed, unit=_unit(control, fixed))


def _unit(control: Estimated, fixed: Comparison) -> float:
    """What the test counts in: the level of the metric, without a positive one the spread of a unit."""
    if not isinstance(control, Estimate):
        return fixed.standard_error
    spread = math.sqrt(control.variance * (control.units or 1))
    return sequential.clock_unit(control, control) or spread or fixed.standard_error
