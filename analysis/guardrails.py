"""Is a guardrail harmed, and what follows at once? Rules only: no rows, no flags.

The monitor asks at every look whether the treatment is worse. A harm counts while a loss beyond the margin is
not ruled out; it is confirmed when the loss is beyond the margin with certainty. Harm of a blocking
guardrail holds the ramp, confirmed harm asks for a roll back.

Confirming may use the whole alpha although the alarm has used it too: "not worse by more than the margin"
holds wherever "not worse" does and is asked only once that is rejected (closed testing: Marcus, Peritz &
Gabriel 1976, Biometrika 63:655), so both together are wrong with probability alpha at most. Ruling a harm out
lets it pass, and keeps the monitor's smaller level.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analysis.comparing import MONITORED, BothReadings, History, base_weight
from analysis.report.facts import Harm, MonitorFacts
from analysis.report.states import DETERIORATED, Judged
from analysis.stats.monitor import GuardrailMonitor, MonitorLook, MonitorResult, SeenLook
from analysis.stats.results import Comparison
from experiments.plan import Binding
from metrics.definitions import Direction

DAY_HOURS = 24.0


class Action(StrEnum):
    """What a trip sets off."""

    ALARM = "alarm"
    HOLD = "hold"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, slots=True)
class Trip:
    """A harmed guardrail of one arm at one look; all numbers on the metric's own scale.

    `low` and `high` are those of the report; `margin` is the largest loss accepted (None: none was stated).
    """

    binding: Binding
    arm: str
    harm: Harm
    action: Action
    estimate: float
    low: float
    high: float
    margin: float | None


@dataclass(frozen=True, slots=True)
class Watch:
    """The monitor's word on one metric and arm, and the look that later looks have to remember: as it was
    seen, and on the clock."""

    facts: MonitorFacts
    look: MonitorLook | None = None
    seen: SeenLook | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When a look is: its number, hours after the start, and the share of the plan that has passed."""

    number: int
    hours: float
    plan_share: float


def watch(binding: Binding, both: BothReadings, history: History, *, units: int, at: Moment) -> Watch:
    """Judge all looks so far including this one. A look at which the clock cannot be read is passed over."""
    reading, direction = both.fixed, binding.definition.direction
    found, clock, unit = reading.difference, both.clock, both.unit
    is_watched = binding.role in MONITORED and direction is not Direction.NONE
    if not is_watched or not isinstance(found, Comparison) or clock is None or unit is None:
        return Watch(MonitorFacts())
    seen = SeenLook(
        difference=found.estimate,
        standard_error=found.standard_error * both.caution,
        unit=unit,
        units=units,
        hours=at.hours,
        scheduled=is_scheduled(history.looks, at.hours),
        plan_share=at.plan_share if _spends_by_plan(history) else None,
    )
    look = seen.on_clock(direction.value)
    monitor = GuardrailMonitor(clock.planned_information, alpha=found.alpha)
    result = monitor.judge((*history.looks, look))
    harm = _harm(_beyond_margin(binding, both, unit), monitor, result)
    crossed = None if result.alarm_look is None else (*history.numbers, at.number)[result.alarm_look]
    return Watch(MonitorFacts(harm, crossed, result.alpha_spent), look, seen)


def _spends_by_plan(history: History) -> bool:
    """One rule for all looks of a plan: those of earlier versions spent alpha by information."""
    return not history.looks or history.looks[0].plan_share is not None


def is_scheduled(looks: tuple[MonitorLook, ...], hours: float) -> bool:
    """Is this the first look of a new hour of the first day, or of a new day after it? Only on those is alpha
    spent; looks that somebody asks for in between are not."""
    last = max((look.hours for look in looks if look.scheduled), default=0.0)
    return _period(hours) > _period(last)


def _period(hours: float) -> float:
    """Start of the hour on the first day, of the day after it."""
    return hours // 1 if hours < DAY_HOURS else hours // DAY_HOURS * DAY_HOURS


def trip_of(judged: Judged, *, is_trusted: bool) -> Trip | None:
    """The trip that a guardrail's state in one arm opens; None when nothing is harmed.

    The state is that of the report, so that the two never disagree. Data that cannot be trusted hold the
    ramp at most: they say that something is wrong, not what.
    """
    binding, found = judged.binding, judged.reading.difference
    is_harmed = binding.role in MONITORED and judged.state in DETERIORATED
    if not is_harmed or not isinstance(found, Comparison):
        return None
    harm = Harm.CONFIRMED if judged.is_confirmed and is_trusted else Harm.HARM
    return Trip(
        binding=binding,
        arm=judged.arm,
        harm=harm,
        action=_action(binding, harm),
        estimate=found.estimate,
        low=found.confidence_interval.lower,
        high=found.confidence_interval.upper,
        margin=judged.margin,
    )


def _action(binding: Binding, harm: Harm) -> Action:
    if not binding.blocking:
        return Action.ALARM
    return Action.ROLL_BACK if harm is Harm.CONFIRMED else Action.HOLD


def _harm(beyond: tuple[float, float] | None, monitor: GuardrailMonitor, result: MonitorResult) -> Harm:
    if not result.is_alarm:
        return Harm.NONE
    if beyond is None:
        return Harm.HARM
    test = monitor.always_valid
    if test.p_value(beyond[0], beyond[1]) < monitor.alpha:
        return Harm.CONFIRMED
    is_ruled_out = test.p_value(-beyond[0], beyond[1]) < test.alpha
    return Harm.NONE if is_ruled_out else Harm.HARM


def _beyond_margin(binding: Binding, both: BothReadings, unit: float) -> tuple[float, float] | None:
    """(loss beyond the margin, its standard error) in units of the clock; None without a margin or a contrast
    for it."""
    if binding.margin is None:
        return None
    sign = -1.0 if binding.definition.direction is Direction.UP else 1.0
    is_relative = base_weight(binding) is not None
    found = both.fixed.contrast if is_relative else both.fixed.difference
    if not isinstance(found, Comparison):
        return None
    margin = 0.0 if is_relative else binding.margin.value
    return (sign * found.estimate - margin) / unit, found.standard_error * both.caution / unit
