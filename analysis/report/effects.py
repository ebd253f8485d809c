"""From a comparison on the metric's own scale to an effect whose plus is desirable.

Chooses which inference counts at this look and gives margin and gain their size in the metric's unit. No
states, no wording.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from analysis.report.facts import ArmResult, ArmValue, MetricFacts, Reading, ReportFacts
from analysis.stats.results import Compared, Comparison, Inference, NotEstimable, Why
from experiments import plan as planning
from experiments.plan import Binding
from metrics.definitions import Amount, Direction

POWER_Z = 0.8416212335729143
"""Normal quantile of 80 % power: half-width + this many standard errors below the margin makes a pass likely
(80 %) when there is no true effect."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A point and its interval; plus is desirable. `error` is the standard error."""

    point: float
    low: float
    high: float
    error: float

    def is_inside(self, size: float) -> bool:
        """The whole interval lies strictly within +-size."""
        return -size < self.low and self.high < size


def is_over(facts: ReportFacts) -> bool:
    """Has the run reached its end: stopped, longest duration, planned information?

    Looks are not counted: guardrails and data are looked at every hour, whatever was planned for decisions.
    """
    plan = facts.plan
    if plan.stopped_at is not None and facts.data_until >= plan.stopped_at:
        return True
    is_full = facts.information_share is not None and facts.information_share >= 1
    return is_full or elapsed(facts) >= timedelta(days=plan.max_days)


def elapsed(facts: ReportFacts) -> timedelta:
    """How long the data run, zero before the start."""
    started_at = facts.plan.started_at
    return max(facts.data_until - started_at, timedelta()) if started_at else timedelta()


def headline(facts: ReportFacts) -> Inference:
    """Fixed intervals count only when the plan says so and only once, at the first look at its end: before
    that nobody may peek, and after it every further one would be one more test."""
    is_planned_look = is_over(facts) and not facts.is_after_planned_look
    is_fixed = facts.plan.inference is planning.Inference.FIXED and is_planned_look
    return Inference.FIXED if is_fixed else Inference.ALWAYS_VALID


def reading(result: ArmResult, inference: Inference) -> Reading:
    return result.fixed if inference is Inference.FIXED else result.always_valid


def sign(direction: Direction) -> float:
    """What turns "treatment is higher" into "treatment is better"; metrics without a direction stay."""
    return -1.0 if direction is Direction.DOWN else 1.0


def oriented(compared: Compared | None, direction: Direction) -> Effect | None:
    """None where there is no number."""
    if not isinstance(compared, Comparison):
        return None
    interval, turn = compared.confidence_interval, sign(direction)
    ends = sorted((turn * interval.lower, turn * interval.upper))
    return Effect(turn * compared.estimate, ends[0], ends[1], compared.standard_error)


def size_in_unit(amount: Amount | None, control: ArmValue) -> float | None:
    """A margin or gain in the metric's unit; None when it is a share of a control value nobody knows."""
    if amount is None or (amount.relative and not control.value):
        return None
    return amount.in_unit(control.value or 0.0)


def precision_share(effect: Effect, margin: float) -> float:
    """How much of the information is there that a harmless change needs to pass with 80 % probability.

    Interval and standard error shrink with the square root of the information.
    """
    needed = (effect.high - effect.low) / 2 + POWER_Z * effect.error
    return (margin / needed) ** 2 if 0 < needed < math.inf else 0.0


def planned_results(facts: ReportFacts) -> Iterator[tuple[MetricFacts, ArmResult]]:
    """Every bound metric in every treatment arm of the plan.

    What the look did not deliver comes as "no units": missing data never counts as a pass.
    """
    by_metric = {(each.binding.metric, each.binding.role): each for each in facts.metrics}
    for binding in facts.plan.bindings:
        metric = by_metric.get((binding.metric, binding.role)) or _no_metric(binding)
        by_arm = {result.arm: result for result in metric.arms}
        for arm in facts.plan.treatments:
            yield metric, by_arm.get(arm.key) or _no_result(arm.key)


def _no_metric(binding: Binding) -> MetricFacts:
    return MetricFacts(binding, ArmValue(0, None), ())


def _no_result(arm: str) -> ArmResult:
    nothing = Reading(NotEstimable(Why.NO_UNITS, "treatment"))
    return ArmResult(arm, ArmValue(0, None), nothing, nothing)


def is_unbounded(compared: Comparison) -> bool:
    """Does the interval reach to infinity on a side?"""
    interval = compared.confidence_interval
    return not (math.isfinite(interval.lower) and math.isfinite(interval.upper))
