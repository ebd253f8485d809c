"""The answers of the planning pages and their API: history and rules brought together, ready to be shown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from analysis.planning import history, sizing, traffic, waiting
from analysis.planning.sizing import Baseline, Reach, Shape, Size
from analysis.planning.traffic import Forecast
from analysis.report import differences
from analysis.stats.design import Design, power, power_per_guardrail
from experiments.plan import Binding, Inference, LockedPlan, Role
from metrics.definitions import Direction

REACH_DAYS = (7, 14, 21, 28)


@dataclass(frozen=True, slots=True)
class Question:
    """What the calculator is asked. `effect` is in the metric's unit, or a share of the baseline."""

    baseline: Baseline
    effect: float
    is_relative: bool
    shape: Shape
    target: float = sizing.TARGET
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`days` is the sentence; `reach` what other durations would find."""

    size: Size
    days: str
    reach: list[Reach]
    level: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of a plan. `power` is that at the planned size, `target` what it should be; None: unknown.

    `asks` names what has to be found: the expected effect, or no loss beyond the margin. `window_days` are
    those that the last unit waits for its value; they are among the days.
    """

    metric: str
    role: str
    asks: str
    days: str = ""
    units: int | None = None
    power: float | None = None
    target: float = sizing.TARGET
    missing: str = ""
    window_days: int = 0

    @property
    def is_enough(self) -> bool | None:
        return None if self.power is None else self.power >= self.target


@dataclass(frozen=True, slots=True)
class Sizing:
    """A plan's metrics with what they need, and the traffic it was judged by."""

    lines: list[Line]
    traffic_of: str = ""
    per_day: float = 0.0
    planned_total: int | None = None
    expected_low: int | None = None
    expected_high: int | None = None
    longest: tuple[int | None, int | None] = (None, None)
    days: str = ""
    later: list[waiting.Later] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "lines": [asdict(line) for line in self.lines]}


def answer(asked: Question) -> Answer:
    """How large and how long; InvalidInput of the statistics for what cannot be planned."""
    effect = asked.effect * abs(asked.baseline.value) if asked.is_relative else asked.effect
    planned = sizing.success_design(asked.baseline, asked.shape)
    window = asked.baseline.window_days
    found = sizing.size(planned, asked.shape, effect, asked.forecast, asked.target, window_days=window)
    days = sizing.span(found.first_day, found.last_day) if asked.forecast else ""
    return Answer(found, days, _reach(asked, planned), sizing.level(asked.shape))


def _reach(asked: Question, planned: Design) -> list[Reach]:
    """By the usual durations, of a long window those after it; none without traffic."""
    if asked.forecast is None:
        return []
    window = asked.baseline.window_days
    days = tuple(day for day in REACH_DAYS if day > window) or (window + 7, window + 14)
    return sizing.reach(planned, asked.shape, asked.forecast, days, asked.target, window_days=window)


def sizing_of(plan: LockedPlan, *, coverage_share: float = 1.0, running: bool = False) -> Sizing:
    """What the plan's metrics need with the traffic of the most comparable experiment."""
    source = history.comparable(plan.flag, plan.environment, plan.unit_type)
    known = history.arrivals(source) if source else None
    curve = (
        traffic.forecast(known.new_by_day, days=sizing.MOST_DAYS, coverage_share=coverage_share)
        if known
        else None
    )
    total = _planned_total(plan)
    found = list(_lines(plan, curve, total))
    sizes = [size for _, size in found if size is not None]
    last = plan.max_days - 1
    return Sizing(
        lines=[line for line, _ in found],
        traffic_of=source if curve else "",
        per_day=known.per_day * coverage_share if known else 0.0,
        planned_total=total,
        expected_low=round(curve.low[last]) if curve else None,
        expected_high=round(curve.high[last]) if curve else None,
        longest=_longest(sizes),
        days=sizing.span(*_longest(sizes)) if curve and sizes else "",
        later=_later(plan) if running else [],
    )


def shape_of(plan: LockedPlan, arm: str = "") -> Shape:
    """The comparison of a treatment (the smallest unless named) with the control."""
    treatments = [each for each in plan.treatments if arm in {"", each.key}]
    smallest = min(treatments, key=lambda each: each.weight_ppm)
    success = sum(each.role in {Role.PRIMARY, Role.SUCCESS} for each in plan.bindings)
    return Shape(
        control_share=plan.arm(plan.control).share,
        treatment_share=smallest.share,
        alpha=plan.alpha,
        comparisons=max(1, success) * len(plan.treatments),
        is_sequential=plan.inference is not Inference.FIXED,
    )


def _planned_total(plan: LockedPlan) -> int | None:
    """Units in the whole experiment when the smallest arm has what was planned."""
    if plan.planned_units is None or not plan.arms:
        return None
    return round(plan.planned_units / min(arm.share for arm in plan.arms))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What every line of one plan shares. `pair_units` are those of the two arms compared."""

    plan: LockedPlan
    shape: Shape
    curve: Forecast | None
    pair_units: float | None
    guardrail_target: float


def _lines(plan: LockedPlan, curve: Forecast | None, total: int | None) -> Iterator[tuple[Line, Size | None]]:
    """Success metrics and guardrails; others decide nothing."""
    if not plan.treatments or not plan.control:
        return
    shape = shape_of(plan)
    blocking = sum(each.role is Role.GUARDRAIL and each.blocking for each in plan.bindings)
    target = power_per_guardrail(sizing.TARGET, blocking) if blocking else sizing.TARGET
    around = _Plan(plan, shape, curve, total and total * shape.both, target)
    for binding in plan.bindings:
        if binding.role in {Role.PRIMARY, Role.SUCCESS}:
            yield _success(around, binding)
        elif binding.role is Role.GUARDRAIL:
            yield _guardrail(around, binding)


def _success(around: _Plan, binding: Binding) -> tuple[Line, Size | None]:
    hypothesis = around.plan.hypothesis
    expected = hypothesis.expected if binding.metric == hypothesis.metric else binding.gain
    known = history.baseline(binding.metric, flag=around.plan.flag)
    if expected is None or expected.value <= 0:
        return _unknown(binding, "no size is expected of it", sizing.TARGET)
    if known is None:
        return _unknown(binding, "no look has read it yet", sizing.TARGET)
    effect = expected.value * abs(known.value) if expected.relative else expected.value
    asks = f"a change of {_amount(expected.value, expected.relative, binding)}"
    planned = sizing.success_design(known, around.shape)
    return _line(around, binding, asks, planned, effect, sizing.TARGET)


def _guardrail(around: _Plan, binding: Binding) -> tuple[Line, Size | None]:
    known, margin = history.baseline(binding.metric, flag=around.plan.flag), binding.margin
    target = around.guardrail_target if binding.blocking else sizing.TARGET
    if margin is None or known is None:
        missing = "it has no margin" if margin is None else "no look has read it yet"
        return _unknown(binding, missing, target)
    loss = margin.value * abs(known.value) if margin.relative else margin.value
    share = margin.value if margin.relative else 0.0
    falls = binding.definition.direction is Direction.UP
    asks = f"no loss beyond {_amount(margin.value, margin.relative, binding)}"
    planned = sizing.guardrail_design(known, around.shape, margin=share, falls=falls)
    return _line(around, binding, asks, planned, loss, target)


def _unknown(binding: Binding, missing: str, target: float) -> tuple[Line, None]:
    title, role = binding.definition.title, binding.role.value
    return Line(title, role, asks="", target=target, missing=missing), None


def _line(
    around: _Plan, binding: Binding, asks: str, planned: Design, effect: float, target: float
) -> tuple[Line, Size]:
    window = math.ceil((binding.definition.window_hours or 0) / 24)
    found = sizing.size(planned, around.shape, effect, around.curve, target, window_days=window)
    units = around.pair_units
    line = Line(
        metric=binding.definition.title,
        role=binding.role.value,
        asks=asks,
        days=sizing.span(found.first_day, found.last_day) if around.curve else "",
        units=found.units,
        power=power(planned, effect, units) if units else None,
        target=target,
        window_days=window,
    )
    return line, found


def _longest(sizes: list[Size]) -> tuple[int | None, int | None]:
    """Days until the last metric is ready; None when one never is."""
    if not sizes:
        return None, None
    firsts, lasts = [size.first_day for size in sizes], [size.last_day for size in sizes]
    first = None if None in firsts else max(day for day in firsts if day is not None)
    last = None if None in lasts else max(day for day in lasts if day is not None)
    return first, last


def _later(plan: LockedPlan) -> list[waiting.Later]:
    """How narrow the primary metric's interval becomes, as a share of the control's value."""
    primary = next((each.metric for each in plan.bindings if each.role is Role.PRIMARY), "")
    row = history.newest_rows(plan.experiment).filter(metric=primary).first()
    known = history.arrivals(plan.experiment)
    if row is None or known is None or row.low is None or row.high is None:
        return []
    level = abs(row.detail.get("control", {}).get("value") or 0.0)
    half = (row.high - row.low) / 2
    return waiting.later(half / level, known.new_by_day, steps=(0, *waiting.STEPS)) if level else []


def _amount(value: float, is_relative: bool, binding: Binding) -> str:
    return f"{value * 100:g} %" if is_relative else differences.amount(binding.definition, value)
