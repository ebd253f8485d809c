"""The guardrail monitor: is the treatment harmful, asked every hour without raising false alarms.

Two tests share alpha and either may alarm, which is valid by the union bound. One spends most of it on
scheduled looks: a quarter on those of the first day, where a severe harm shows within hours, the rest so that
a small one is found with the power of a fixed test. An always-valid one covers every other look. Acting on an
alarm belongs to the caller; so does proving harmlessness, see `compare.noninferiority`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Any

from analysis.stats.results import LARGEST, SMALLEST, Comparison, InvalidInput, Scale, fields_as_dict
from analysis.stats.sequential import AlwaysValid, tuned_tau2
from analysis.stats.spending import Spending, bounds_that_spend, spent

MIN_UNITS_PER_ARM = 100
MIN_HOURS = 1.0
FIRST_DAY_HOURS = 24.0
MIN_GROWTH = 1.01
"""A scheduled look counts when the information has grown by this factor since the last counted one."""


@dataclass(frozen=True, slots=True)
class MonitorLook:
    """One look at the harm (positive = worse) with its error, `hours` after the start.

    `units` is the smaller arm. `scheduled` looks are those on which alpha is spent, hourly ones on the first
    day and daily ones: by `plan_share`, the share of the plan that has passed (of its time or units, nothing
    that depends on the effect); None: by the share of the planned information. Harm and error are in units of
    the clock, see `sequential.clock_unit`.
    """

    harm: float
    standard_error: float
    units: int
    hours: float
    scheduled: bool = False
    plan_share: float | None = None

    @property
    def information(self) -> float:
        return 1 / self.standard_error**2


@dataclass(frozen=True, slots=True)
class SeenLook:
    """A look as it was seen: `difference` (treatment - control) and its error on the metric's own scale.

    `unit` is what counted as 1 on the clock, the rest that of `MonitorLook`. This is what is kept for later,
    because a look on the clock can be made again from it, also on another clock.
    """

    difference: float
    standard_error: float
    unit: float
    units: int
    hours: float
    scheduled: bool = False
    plan_share: float | None = None

    def on_clock(self, better: str) -> MonitorLook:
        """The same look as harm in units of the clock; `better` is "up" or "down". Raises InvalidInput for an
        unknown direction or a unit that is not positive."""
        sign = {"up": -1.0, "down": 1.0}.get(better)
        if sign is None:
            raise InvalidInput("better", better, "unknown direction", 'Use "up" or "down".')
        if not SMALLEST <= self.unit <= LARGEST:
            raise InvalidInput("unit", self.unit, "the clock counts in a positive unit", "See clock_unit.")
        if not (math.isfinite(self.difference) and math.isfinite(self.standard_error)):
            seen = (self.difference, self.standard_error)
            raise InvalidInput("difference, standard_error", seen, "a look has a number and its error")
        if math.isnan(self.hours) or math.isnan(self.plan_share or 0.0):
            raise InvalidInput("hours, plan_share", (self.hours, self.plan_share), "they are no numbers")
        harm, error = sign * self.difference / self.unit, self.standard_error / self.unit
        return MonitorLook(harm, error, self.units, self.hours, self.scheduled, self.plan_share)


class MonitorState(StrEnum):
    TOO_EARLY = "too_early"
    NO_ALARM = "no_alarm"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """What the looks so far say. `alarm_look` is the 0-based index of the first alarm; it never goes away.

    `p_value` is the always-valid one of the last look, to be held against `always_valid_alpha`; `z` and
    `bound` belong to the last scheduled look. `lower_bound` is in units of the clock. `alpha_spent` counts
    the always-valid part in full and the rest as far as the counted looks have used it.
    """

    state: MonitorState
    alarm_look: int | None
    alarm_by: str | None
    p_value: float
    always_valid_alpha: float
    lower_bound: float
    z: float | None
    bound: float | None
    information_share: float
    alpha_spent: float = 0.0

    @property
    def is_alarm(self) -> bool:
        return self.state is MonitorState.ALARM

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class GuardrailMonitor:
    """Hybrid one-sided monitor.

    `planned_information` = 1 / se^2 expected at the end of the experiment, in units of the looks.
    `always_valid_share` of `alpha` goes to the test at every look, tuned for `tuned_share` of the planned
    information; the rest is spent on the scheduled looks: `first_day_share` of `alpha` evenly over the hours
    of the first day, what is left by `spending`. Too large a plan makes the test at every look blunt, too
    small a one costs little. Raises InvalidInput for impossible settings.
    """

    planned_information: float
    alpha: float = 0.05
    always_valid_share: float = 0.1
    first_day_share: float = 0.25
    tuned_share: float = 0.1
    spending: Spending = field(default=Spending.OBRIEN_FLEMING)

    def __post_init__(self) -> None:
        if not SMALLEST <= self.planned_information <= LARGEST:
            raise InvalidInput(
                "planned_information",
                self.planned_information,
                "it must be positive",
                "Use 1 / se^2 at the planned end.",
            )
        for name in ("alpha", "always_valid_share", "tuned_share"):
            if not 0 < getattr(self, name) < 1:
                raise InvalidInput(name, getattr(self, name), "it lies strictly between 0 and 1")
        if self.planned_information * self.tuned_share < SMALLEST:
            raise InvalidInput("tuned_share", self.tuned_share, "it leaves no information to be tuned for")
        if not 0 <= self.first_day_share < 1 - self.always_valid_share:
            raise InvalidInput(
                "first_day_share", self.first_day_share, "it leaves nothing for the days after the first"
            )

    @property
    def always_valid(self) -> AlwaysValid:
        alpha = self.alpha * self.always_valid_share
        variance = 1 / (self.planned_information * self.tuned_share)
        return AlwaysValid(tuned_tau2(variance, alpha, sides=1), alpha, sides=1)

    def judge(self, looks: Sequence[MonitorLook]) -> MonitorResult:
        """The state after all looks so far, in order. A function of the looks alone: nothing is kept between
        calls, and repeating a call changes nothing."""
        counted = [(i, look) for i, look in enumerate(looks) if _late_enough(look)]
        if not counted:
            return MonitorResult(
                MonitorState.TOO_EARLY, None, None, 1.0, self.always_valid.alpha, -math.inf, None, None, 0.0
            )
        quick = self._always_valid_alarm(counted)
        planned = self._spending_alarm(counted)
        found = ((quick, "always_valid"), (planned.alarm_look, "spending"))
        alarms = [(i, by) for i, by in found if i is not None]
        alarm_look, alarm_by = min(alarms) if alarms else (None, None)
        last, test = counted[-1][1], self.always_valid
        return MonitorResult(
            MonitorState.ALARM if alarms else MonitorState.NO_ALARM,
            alarm_look,
            alarm_by,
            test.p_value(last.harm, last.standard_error),
            test.alpha,
            last.harm - test.multiplier(last.standard_error) * last.standard_error,
            planned.z,
            planned.bound,
            last.information / self.planned_information,
            test.alpha + planned.spent,
        )

    def _always_valid_alarm(self, looks: Sequence[tuple[int, MonitorLook]]) -> int | None:
        test = self.always_valid
        return next(
            (i for i, look in looks if test.p_value(look.harm, look.standard_error) < test.alpha), None
        )

    def _spending_alarm(self, looks: Sequence[tuple[int, MonitorLook]]) -> _Planned:
        """A look that adds almost no information says nothing new and is passed over."""
        counted: list[tuple[int, MonitorLook]] = []
        for i, look in looks:
            if look.scheduled and (not counted or look.information > MIN_GROWTH * counted[-1][1].information):
                counted.append((i, look))
        if not counted:
            return _Planned()
        shares = [look.information / self.planned_information for _, look in counted]
        totals = [self._spent(look, share) for (_, look), share in zip(counted, shares, strict=True)]
        totals = list(accumulate(totals, max))
        bounds = bounds_that_spend(shares, totals)
        scores = [look.harm / look.standard_error for _, look in counted]
        crossed = (i for (i, _), z, bound in zip(counted, scores, bounds, strict=True) if z > bound)
        return _Planned(next(crossed, None), scores[-1], bounds[-1], totals[-1])

    def _spent(self, look: MonitorLook, share: float) -> float:
        """Alpha that scheduled looks may have used until this one: that of the first day hour by hour, the
        rest by the plan. Both run by what the effect cannot move (Lan & DeMets 1989)."""
        passed = share if look.plan_share is None else look.plan_share
        first_day = self.alpha * self.first_day_share
        rest = self.alpha * (1 - self.always_valid_share) - first_day
        return first_day * min(1.0, look.hours / FIRST_DAY_HOURS) + spent(passed, rest, self.spending)


@dataclass(frozen=True, slots=True)
class _Planned:
    """The scheduled looks: the first beyond its bound, z and bound of the last, alpha spent so far."""

    alarm_look: int | None = None
    z: float | None = None
    bound: float | None = None
    spent: float = 0.0


def look_of(
    comparison: Comparison,
    *,
    better: str,
    units: int,
    hours: float,
    scheduled: bool = False,
    unit: float = 1.0,
    plan_share: float | None = None,
) -> MonitorLook:
    """The look behind an absolute comparison; `better` is "up" or "down", `units` those of the smaller arm,
    `unit` what counts as 1 on the clock (`sequential.clock_unit`). Raises InvalidInput for a lift, an unknown
    direction or a unit that is not positive.
    """
    if comparison.scale is not Scale.ABSOLUTE:
        raise InvalidInput("comparison", comparison.scale.value, "the clock needs the absolute scale")
    gap, error = comparison.estimate - comparison.null, comparison.standard_error
    return SeenLook(gap, error, unit, units, hours, scheduled, plan_share).on_clock(better)


def _late_enough(look: MonitorLook) -> bool:
    """Counts it at all? Of a look without a measurable error nothing can be said."""
    is_late = look.units >= MIN_UNITS_PER_ARM and look.hours >= MIN_HOURS
    error = look.standard_error
    return is_late and SMALLEST <= error <= LARGEST and abs(look.harm) <= LARGEST
