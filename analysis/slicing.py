"""Who is hit? Every declared slice of every metric, corrected for how many were looked at.

Slices are levels of the plan's dimensions at the first exposure. Pure; which slices are shown is decided by
the report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from analysis.comparing import Beside
from analysis.engines.contract import Group, Readings
from analysis.estimation import Slice, estimate, uneven_control
from analysis.plan import AnalysisPlan, PlannedMetric
from analysis.report.facts import SLICE_FALSE_DISCOVERY_RATE, SliceFacts, SliceScanFacts
from analysis.stats import compare, meta
from analysis.stats.multiplicity import benjamini_hochberg
from analysis.stats.results import Compared, Comparison, Estimate, Estimated, NotEstimable, Why
from analysis.stats.tails import critical_value
from experiments.plan import LockedPlan, Role

POWER = 0.8
LEAST_WEIGHT = 1e-9
"""Below this share of all weight the other levels are no more than rounding."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A slice's facts with the units of both arms, as they are stored."""

    facts: SliceFacts
    units_control: int
    units_treatment: int


@dataclass(frozen=True, slots=True)
class _Compared:
    """A metric's fixed comparison inside one level, with the units of both arms."""

    metric: str
    arm: str
    where: Slice
    control: int
    treatment: int
    fixed: Compared

    @property
    def family(self) -> tuple[str, str, str]:
        """The levels it belongs to: same metric, arm and dimension."""
        return self.metric, self.arm, self.where.dimension

    def read(self, fixed: Compared, beside: Beside) -> Compared:
        """A comparison of this slice as it counts at this look."""
        return beside.read(self.metric, self.arm, fixed, units=min(self.control, self.treatment))


def scan(locked: LockedPlan, plan: AnalysisPlan, readings: Readings, beside: Beside) -> tuple[Scanned, ...]:
    """All metrics x treatment arms x slices, with Benjamini-Hochberg over all of them."""
    found = [
        compared
        for metric in plan.metrics
        for where in slices(readings.enrolment.units)
        for compared in _of_slice(locked, plan, metric, readings, where)
    ]
    return _scanned(found, beside)


def slices(groups: Iterable[Group]) -> tuple[Slice, ...]:
    """Every level that has units in some arm, in a fixed order."""
    named = {(group.dimension, group.level) for group in groups if group.dimension}
    return tuple(Slice(dimension, level) for dimension, level in sorted(named))


def facts(locked: LockedPlan, scanned: Sequence[Scanned], beside: Beside) -> SliceScanFacts | None:
    """What the report is told; None when the plan declares no slices or nobody is in one."""
    if not scanned:
        return None
    metric, slices = _detectable_metric(locked), tuple(item.facts for item in scanned)
    smallest = _detectable([each for each in slices if each.metric == metric], beside)
    return SliceScanFacts(slices, smallest, "" if smallest is None else metric)


def _of_slice(
    locked: LockedPlan, plan: AnalysisPlan, metric: PlannedMetric, readings: Readings, where: Slice
) -> Iterable[_Compared]:
    uneven = uneven_control(locked)
    estimates = estimate(metric, readings, plan.arms, where=where, uneven_control=uneven)
    control = estimates.value(locked.control).units
    for arm in (arm.key for arm in locked.treatments):
        treatment = estimates.value(arm).units
        fixed = compare.difference(estimates.of(locked.control), estimates.of(arm), alpha=locked.alpha)
        yield _Compared(metric.key, arm, where, control, treatment, fixed)


def _scanned(found: Sequence[_Compared], beside: Beside) -> tuple[Scanned, ...]:
    """Every slice as it is read at this look, with both p values corrected over all slices."""
    read = [each.read(each.fixed, beside) for each in found]
    adjusted = _adjusted(read)
    against = zip(found, _against_others(found), strict=True)
    heterogeneity = _adjusted([each.read(others, beside) for each, others in against])
    return tuple(_facts(*each) for each in zip(found, read, adjusted, heterogeneity, strict=True))


def _facts(of: _Compared, difference: Compared, p_value: float | None, differs: float | None) -> Scanned:
    is_flagged = p_value is not None and p_value < SLICE_FALSE_DISCOVERY_RATE
    units, where = of.control + of.treatment, of.where
    facts = SliceFacts(
        of.metric, of.arm, where.dimension, where.level, units, difference, p_value, is_flagged, differs
    )
    return Scanned(facts, of.control, of.treatment)


@dataclass(slots=True)
class _Sums:
    """What effects pooled by 1 / variance are made of."""

    weight: float = 0.0
    weighted: float = 0.0

    def add(self, effect: Estimate) -> None:
        self.weight += 1 / effect.variance
        self.weighted += effect.value / effect.variance

    def without(self, effect: Estimate) -> Estimated:
        """The pooled effect of the others."""
        weight = self.weight - 1 / effect.variance
        if weight <= LEAST_WEIGHT * self.weight:
            return NotEstimable(Why.TOO_FEW_UNITS)
        return Estimate((self.weighted - effect.value / effect.variance) / weight, 1 / weight)


def _against_others(found: Sequence[_Compared]) -> list[Compared]:
    """The effect in every slice minus that in the other levels of its dimension taken together."""
    sums: dict[tuple[str, str, str], _Sums] = defaultdict(_Sums)
    for each in found:
        if isinstance(each.fixed, Comparison):
            sums[each.family].add(meta.effect_of(each.fixed))
    return [_against(each.fixed, sums[each.family]) for each in found]


def _against(fixed: Compared, all_levels: _Sums) -> Compared:
    if isinstance(fixed, NotEstimable):
        return fixed
    effect = meta.effect_of(fixed)
    return compare.difference(all_levels.without(effect), effect, alpha=fixed.alpha)


def _adjusted(read: Sequence[Compared]) -> list[float | None]:
    """Benjamini-Hochberg over the comparisons that could be made; None for the others."""
    p_values = {i: found.p_value for i, found in enumerate(read) if isinstance(found, Comparison)}
    corrected = dict(zip(p_values, map(float, benjamini_hochberg(list(p_values.values()))), strict=True))
    return [corrected.get(i) for i in range(len(read))]


def _detectable_metric(locked: LockedPlan) -> str:
    """The primary metric, else the first one of the plan."""
    primary = [binding.metric for binding in locked.bindings if binding.role is Role.PRIMARY]
    return (primary or [binding.metric for binding in locked.bindings])[0]


def _detectable(slices: Sequence[SliceFacts], beside: Beside) -> float | None:
    """The effect that the typical slice shows with 80 % power when all slices share alpha; None when no slice
    has a number."""
    errors = [
        (each.arm, each.difference.standard_error)
        for each in slices
        if isinstance(each.difference, Comparison)
    ]
    if not errors:
        return None
    metric, alpha = slices[0].metric, beside.alpha / len(errors)
    return median(
        beside.half_width(metric, arm, error, alpha=alpha) + critical_value(1 - POWER) * error
        for arm, error in errors
    )
