"""One treatment arm against the control under both kinds of inference.

The clock on which information is counted is set at the first look that has enough units and kept, so that
the always-valid intervals of later looks belong to one and the same sequential procedure. It counts in units
of the metric's level: totals to date grow with their spread, and on their own scale information says nothing
about the end. No metric kinds and no verdicts here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from analysis.report.facts import Reading
from analysis.stats import compare
from analysis.stats.monitor import MIN_HOURS, MIN_UNITS_PER_ARM, MonitorLook
from analysis.stats.results import Compared, Comparison, Estimate, Estimated, Inference, NotEstimable, Why
from analysis.stats.sequential import AlwaysValid, clock_unit, tuned_tau2
from analysis.stats.tails import critical_value
from experiments.plan import Binding, LockedPlan, Role
from metrics.definitions import Direction

DECISIVE = (Role.PRIMARY, Role.SUCCESS)
MONITORED = (Role.GUARDRAIL, Role.DETERIORATION)


@dataclass(frozen=True, slots=True)
class Clock:
    """`planned_information` is 1 / se^2 expected at the planned end. `is_relative`: errors count in units of
    the metric's level, else on its own scale (a level that is not positive; looks of earlier versions)."""

    planned_information: float
    is_relative: bool = False

    def unit(self, control: Estimated, treatment: Estimated) -> float | None:
        """What counts as 1 at this look; None when the level it counts in is not there."""
        return clock_unit(control, treatment) if self.is_relative else 1.0


@dataclass(frozen=True, slots=True)
class History:
    """What earlier looks of the same plan left for one metric and arm, oldest look first.

    `clock` is None until a look could set it. `numbers[i]` is the number of the look that `looks[i]` was.
    """

    clock: Clock | None = None
    looks: tuple[MonitorLook, ...] = ()
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Contrast:
    """The estimates that are compared: one metric in the control and in one treatment arm.

    `units` are those of the smaller arm.
    """

    control: Estimated
    treatment: Estimated
    units: int


@dataclass(frozen=True, slots=True)
class BothReadings:
    """`clock` is the one that all later looks have to keep; None before it can be set. `unit` is what counts
    as 1 on it at this look; None when it cannot be read now. `caution` is the factor on standard errors with
    which harm is judged."""

    fixed: Reading
    always_valid: Reading
    clock: Clock | None = None
    unit: float | None = None
    caution: float = 1.0


def hours_until(plan: LockedPlan, cut: datetime) -> float:
    """Hours from the start to the data cut."""
    return 0.0 if plan.started_at is None else (cut - plan.started_at) / timedelta(hours=1)


def plan_share(plan: LockedPlan, *, units: int, hours: float) -> float:
    """The share of the plan that has passed: of its units in the smallest arm where a number was planned,
    else of its longest time. Nothing in it depends on the effect."""
    passed = units / plan.planned_units if plan.planned_units else hours / (24 * plan.max_days)
    return min(1.0, passed)


def has_ended(plan: LockedPlan, *, units: int, cut: datetime) -> bool:
    """Is the planned end reached: stopped, longest time, or the planned units in the smallest arm?"""
    if plan.stopped_at is not None and cut >= plan.stopped_at:
        return True
    is_full = plan.planned_units is not None and units >= plan.planned_units
    return is_full or hours_until(plan, cut) >= 24 * plan.max_days


def family_size(plan: LockedPlan) -> int:
    """Comparisons in the decision family: primary and success metrics times treatment arms, at least 1."""
    decisive = sum(binding.role in DECISIVE for binding in plan.bindings)
    return max(1, decisive * len(plan.treatments))


def interval_alpha(plan: LockedPlan, binding: Binding) -> float:
    """Metrics of the decision family share alpha (Bonferroni); guardrails are not adjusted."""
    return plan.alpha / family_size(plan) if binding.role in DECISIVE else plan.alpha


def both_readings(
    plan: LockedPlan, binding: Binding, arms: Contrast, history: History, *, cut: datetime
) -> BothReadings:
    """Fixed and always-valid comparison, lift and margin contrast."""
    alpha = interval_alpha(plan, binding)
    fixed = _fixed(binding, arms, alpha)
    if isinstance(fixed.difference, NotEstimable):
        return BothReadings(fixed, fixed, history.clock)
    clock = history.clock or _first_clock(plan, arms, fixed.difference, cut)
    if clock is None:
        return BothReadings(fixed, _silent(fixed, Why.TOO_FEW_UNITS))
    unit = clock.unit(arms.control, arms.treatment)
    if unit is None:
        return BothReadings(fixed, _silent(fixed, Why.BASE_NOT_POSITIVE), clock)
    test, caution = always_valid(clock, alpha), _caution(binding, arms)
    valid = Reading(
        difference=test.of(_with_caution(fixed.difference, caution), unit=unit),
        lift=test.lift(arms.control, arms.treatment, unit=unit),
        contrast=None
        if fixed.contrast is None
        else test.of(_with_caution(fixed.contrast, caution), unit=unit),
    )
    return BothReadings(fixed, valid, clock, unit, caution)


def always_valid(clock: Clock, alpha: float) -> AlwaysValid:
    """The test of every look on this clock, sharpest at the planned end."""
    return AlwaysValid(tuned_tau2(1 / clock.planned_information, alpha), alpha)


@dataclass(frozen=True, slots=True)
class Beside:
    """How comparisons beside the overall ones (slices, other quantiles) are read at this look.

    As they are when fixed intervals count, else on the clock of the metric's overall comparison, so that they
    hold at every look too. `clocks`, by metric and arm, are those that can be read now, with their unit.
    """

    inference: Inference
    alpha: float
    clocks: Mapping[tuple[str, str], tuple[Clock, float]]

    def read(self, metric: str, arm: str, fixed: Compared, *, units: int) -> Compared:
        """`units` are those of the smaller arm."""
        if isinstance(fixed, NotEstimable) or self.inference is Inference.FIXED:
            return fixed
        known = self.clocks.get((metric, arm))
        if known is None or units < MIN_UNITS_PER_ARM:
            return NotEstimable(Why.TOO_FEW_UNITS)
        clock, unit = known
        return always_valid(clock, self.alpha).of(fixed, unit=unit)

    def half_width(self, metric: str, arm: str, error: float, *, alpha: float) -> float:
        """Half the interval that a comparison with this error has at another level, as it is read here."""
        known = self.clocks.get((metric, arm))
        if known is None or self.inference is Inference.FIXED:
            return critical_value(alpha / 2) * error
        clock, unit = known
        test = replace(always_valid(clock, self.alpha), alpha=alpha)
        return test.multiplier(error / unit) * error


def base_weight(binding: Binding) -> float | None:
    """k of the contrast treatment - k control for a relative margin; None when there is none to test."""
    direction, margin = binding.definition.direction, binding.margin
    if margin is None or not margin.relative or direction is Direction.NONE:
        return None
    return 1 - margin.value if direction is Direction.UP else 1 + margin.value


def _fixed(binding: Binding, arms: Contrast, alpha: float) -> Reading:
    weight = base_weight(binding)
    control, treatment = arms.control, arms.treatment
    return Reading(
        difference=compare.difference(control, treatment, alpha=alpha),
        lift=compare.lift(control, treatment, alpha=alpha),
        contrast=(
            None if weight is None else compare.contrast(control, treatment, base_weight=weight, alpha=alpha)
        ),
    )


def _caution(binding: Binding, arms: Contrast) -> float:
    """The factor on the errors of what sets off alarms, see `compare.caution`."""
    control, treatment = arms.control, arms.treatment
    if (
        binding.role not in MONITORED
        or not isinstance(control, Estimate)
        or not isinstance(treatment, Estimate)
    ):
        return 1.0
    return compare.caution(control, treatment)


def _with_caution(found: Compared, caution: float) -> Compared:
    if isinstance(found, NotEstimable) or caution <= 1.0:
        return found
    return replace(found, standard_error=found.standard_error * caution)


def _silent(fixed: Reading, why: Why) -> Reading:
    """Nothing can be said at this look that would hold at all of them."""
    nothing = NotEstimable(why)
    return Reading(nothing, lift=nothing, contrast=None if fixed.contrast is None else nothing)


def _first_clock(plan: LockedPlan, arms: Contrast, found: Comparison, cut: datetime) -> Clock | None:
    """The clock set now; None while there are too few units for intervals that rest on large numbers."""
    if arms.units < MIN_UNITS_PER_ARM or hours_until(plan, cut) < MIN_HOURS:
        return None
    level = clock_unit(arms.control, arms.treatment)
    information = found.information * (level or 1.0) ** 2
    return Clock(information * _growth(plan, arms.units, cut), is_relative=level is not None)


def _growth(plan: LockedPlan, units: int, cut: datetime) -> float:
    """By how much information is expected to grow until the planned end: as the units where a number was
    planned, else as the time that may pass."""
    if plan.planned_units:
        return plan.planned_units / max(units, 1)
    hours = max(hours_until(plan, cut), 1.0)
    return max(1.0, plan.max_days * 24 / hours)
