"""One treatment arm against the control under both kinds of inference.

The scale on which information is counted is frozen at the first look that has enough units, so that the
always-valid intervals of later looks belong to one and the same sequential procedure. No metric kinds and no
verdicts here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from analysis.report.facts import Reading
from analysis.stats import compare
from analysis.stats.monitor import MIN_UNITS_PER_ARM, MonitorLook
from analysis.stats.results import Comparison, Estimated, NotEstimable
from analysis.stats.sequential import AlwaysValid, tuned_tau2
from experiments.plan import Binding, LockedPlan, Role
from metrics.definitions import Direction

DECISIVE = (Role.PRIMARY, Role.SUCCESS)


@dataclass(frozen=True, slots=True)
class History:
    """What earlier looks of the same plan left for one metric and arm, oldest look first.

    `planned_information` is 1 / se^2 expected at the planned end, once it is frozen. `numbers[i]` is the
    number of the look that `looks[i]` was.
    """

    planned_information: float | None = None
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
    """`frozen_information` is the scale that all later looks have to keep; None before it can be set."""

    fixed: Reading
    always_valid: Reading
    frozen_information: float | None


def hours_until(plan: LockedPlan, cut: datetime) -> float:
    """Hours from the start to the data cut."""
    return 0.0 if plan.started_at is None else (cut - plan.started_at) / timedelta(hours=1)


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
        return BothReadings(fixed, fixed, history.planned_information)
    planned = history.planned_information or _expected_information(plan, fixed.difference, arms.units, cut)
    test = AlwaysValid(tuned_tau2(1 / planned, alpha), alpha)
    always_valid = Reading(
        difference=test.of(fixed.difference),
        lift=test.lift(arms.control, arms.treatment),
        contrast=None if fixed.contrast is None else test.of(fixed.contrast),
    )
    is_frozen = history.planned_information is not None or arms.units >= MIN_UNITS_PER_ARM
    return BothReadings(fixed, always_valid, planned if is_frozen else None)


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


def _expected_information(plan: LockedPlan, found: Comparison, units: int, cut: datetime) -> float:
    """Information at the planned end, extrapolated from now: by units where a number was planned, else by
    the time that may pass."""
    if plan.planned_units:
        return found.information * plan.planned_units / max(units, 1)
    hours = max(hours_until(plan, cut), 1.0)
    return found.information * max(1.0, plan.max_days * 24 / hours)
