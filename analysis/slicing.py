"""Who is hit? Every declared slice of every metric, corrected for how many were looked at.

Slices are levels of the plan's dimensions at the first exposure. Pure; which slices are shown is decided by
the report.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from analysis.comparing import Beside
from analysis.engines.contract import Group, Readings
from analysis.estimation import Slice, estimate, uneven_control
from analysis.plan import AnalysisPlan, PlannedMetric
from analysis.report.facts import SliceFacts, SliceScanFacts
from analysis.stats import compare
from analysis.stats.multiplicity import benjamini_hochberg
from analysis.stats.results import Comparison
from analysis.stats.tails import critical_value
from experiments.plan import LockedPlan, Role

FALSE_DISCOVERY_RATE = 0.05
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Scanned:
    """A slice's facts with the units of both arms, as they are stored."""

    facts: SliceFacts
    units_control: int
    units_treatment: int


def scan(locked: LockedPlan, plan: AnalysisPlan, readings: Readings, beside: Beside) -> tuple[Scanned, ...]:
    """All metrics x treatment arms x slices, with Benjamini-Hochberg over all of them."""
    levels = slices(readings.enrolment.units)
    found = [
        scanned
        for metric in plan.metrics
        for where in levels
        for scanned in _of_slice(locked, plan, metric, readings, where, beside)
    ]
    return _adjusted(found)


def slices(groups: Iterable[Group]) -> tuple[Slice, ...]:
    """Every level that has units in some arm, in a fixed order."""
    named = {(group.dimension, group.level) for group in groups if group.dimension}
    return tuple(Slice(dimension, level) for dimension, level in sorted(named))


def facts(locked: LockedPlan, scanned: Sequence[Scanned]) -> SliceScanFacts | None:
    """What the report is told; None when the plan declares no slices or nobody is in one."""
    if not scanned:
        return None
    metric = _detectable_metric(locked)
    errors = [
        item.facts.difference.standard_error
        for item in scanned
        if item.facts.metric == metric and isinstance(item.facts.difference, Comparison)
    ]
    smallest = _detectable(locked.alpha, errors) if errors else None
    return SliceScanFacts(tuple(item.facts for item in scanned), smallest, metric if errors else "")


def _of_slice(
    locked: LockedPlan,
    plan: AnalysisPlan,
    metric: PlannedMetric,
    readings: Readings,
    where: Slice,
    beside: Beside,
) -> Iterable[Scanned]:
    uneven = uneven_control(locked)
    estimates = estimate(metric, readings, plan.arms, where=where, uneven_control=uneven)
    control = estimates.value(locked.control).units
    for arm in (arm.key for arm in locked.treatments):
        treatment = estimates.value(arm).units
        fixed = compare.difference(estimates.of(locked.control), estimates.of(arm), alpha=locked.alpha)
        difference = beside.read(metric.key, arm, fixed, units=min(control, treatment))
        of_slice = SliceFacts(
            metric.key, arm, where.dimension, where.level, control + treatment, difference, None, False
        )
        yield Scanned(of_slice, control, treatment)


def _adjusted(scanned: Sequence[Scanned]) -> tuple[Scanned, ...]:
    p_values = {
        index: item.facts.difference.p_value
        for index, item in enumerate(scanned)
        if isinstance(item.facts.difference, Comparison)
    }
    adjusted = dict(zip(p_values, benjamini_hochberg(list(p_values.values())), strict=True))
    return tuple(_with_adjusted(item, adjusted.get(index)) for index, item in enumerate(scanned))


def _with_adjusted(item: Scanned, p_value: float | None) -> Scanned:
    if p_value is None:
        return item
    is_flagged = bool(p_value < FALSE_DISCOVERY_RATE)
    return replace(item, facts=replace(item.facts, adjusted_p=float(p_value), flagged=is_flagged))


def _detectable_metric(locked: LockedPlan) -> str:
    """The primary metric, else the first one of the plan."""
    primary = [binding.metric for binding in locked.bindings if binding.role is Role.PRIMARY]
    return (primary or [binding.metric for binding in locked.bindings])[0]


def _detectable(alpha: float, errors: Sequence[float]) -> float:
    """The effect that the typical slice shows with 80 % power when all slices share alpha."""
    needed = critical_value(alpha / (2 * len(errors))) + critical_value(1 - POWER)
    return needed * median(error for error in errors if math.isfinite(error))
