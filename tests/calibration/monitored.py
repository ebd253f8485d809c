"""A guardrail of a simulated experiment under the product's own monitor, look by look.

Estimates, comparison, clock, monitor, state and trip are the product's functions, on its own schedule of
looks. `can_trip` spares most harmless experiments the replay: where no statistic comes near any bound there
is provably no trip.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, cached_property

import numpy as np

from analysis import comparing, guardrails, looks
from analysis.comparing import Clock, Contrast, History, both_readings
from analysis.guardrails import Action, Moment
from analysis.report import effects, states
from analysis.report.facts import ArmResult, ArmValue, MetricFacts, ReportFacts
from analysis.stats.estimators import mean, quantile, ratio
from analysis.stats.moments import Moments
from analysis.stats.monitor import MIN_UNITS_PER_ARM, GuardrailMonitor
from analysis.stats.quantiles import QuantileStat
from analysis.stats.results import Estimate, NotEstimable, Why
from analysis.stats.spending import spent
from analysis.stats.tails import critical_value
from experiments.plan import Inference, Role
from metrics.definitions import Direction, Kind
from tests.calibration.simulated_traffic import HOURS, WEEK, Traffic, arm
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.store import START
from tests.core.analysis.world import definition

SHARE = 0.95
USUAL = Traffic(4_000)
ESTIMATORS = {"mean": mean, "ratio": ratio, "quantile": quantile}
KINDS = {"mean": Kind.MEAN, "ratio": Kind.RATIO, "quantile": Kind.QUANTILE}


@dataclass(frozen=True)
class Case:
    """One kind of experiment. `slowdown` is the true effect as a share of the control (0.02: 2 % slower),
    `margin` the largest loss accepted, alike; `better` which way the metric should go. The treatment gets
    `treatment` users for each one in the control. `is_hourly`: looks every hour to the end, not the product's
    schedule."""

    kind: str
    traffic: Traffic = USUAL
    slowdown: float = 0.0
    margin: float | None = None
    better: Direction = Direction.DOWN
    treatment: float = 1.0
    is_hourly: bool = False
    inference: Inference = Inference.ALWAYS_VALID

    @property
    def binding(self):
        more = {"quantile": SHARE} if self.kind == "quantile" else {}
        of = definition(self.kind, KINDS[self.kind], "request", direction=self.better, **more)
        return binding(of, Role.GUARDRAIL, blocking=True, margin=self.margin)

    def plan(self, start_hour):
        return _plan(self.binding, self.smaller_arm, self.inference, start_hour)

    @property
    def arms(self):
        """Traffic and slowdown of the control and of the treatment."""
        changed = replace(self.traffic, users=round(self.traffic.users * self.treatment))
        return (self.traffic, 1.0), (changed, 1.0 + self.slowdown)

    @property
    def smaller_arm(self):
        return min(traffic.users for traffic, _ in self.arms)


@cache
def _plan(bound, users, inference, start_hour):
    started_at = START + timedelta(hours=int(start_hour))
    return locked_plan(
        bindings=(bound,),
        planned_units=users,
        max_days=14,
        inference=inference,
        started_at=started_at,
        stopped_at=None,
    )


@cache
def look_hours(start_hour, *, is_hourly):
    """Hours after the start of every look: what the scheduler asks for when it is asked each hour."""
    if is_hourly:
        return np.arange(1, HOURS + 1)
    started_at = START + timedelta(hours=int(start_hour))
    plan = locked_plan(started_at=started_at, stopped_at=started_at + timedelta(hours=HOURS))
    asked = (started_at + timedelta(hours=hour, minutes=10) for hour in range(1, HOURS + 1))
    cuts = sorted({cut for cut in (looks.due_cut(plan, now=now) for now in asked) if cut is not None})
    return np.array([round((cut - started_at) / timedelta(hours=1)) for cut in cuts])


@dataclass(frozen=True, eq=False)
class Run:
    """One experiment: its looks, the units of the smaller arm, and what is estimated in each arm from which
    moments or order statistics; None where an arm has no units."""

    case: Case
    start_hour: int
    hours: np.ndarray
    units: np.ndarray
    parts: tuple[list, list]

    @property
    def plan(self):
        return self.case.plan(self.start_hour)

    @cached_property
    def control(self):
        return self._estimates(self.parts[0])

    @cached_property
    def treatment(self):
        return self._estimates(self.parts[1])

    def _estimates(self, parts):
        estimator = ESTIMATORS[self.case.kind]
        return [NotEstimable(Why.NO_UNITS) if part is None else estimator(part) for part in parts]


@dataclass(frozen=True)
class Outcome:
    """Hours until the ramp was held and until the experiment was stopped; infinite where it never was."""

    held: float = np.inf
    rolled_back: float = np.inf


def run(rng, case, *, until=HOURS):
    """Draw one experiment that starts at a random hour of the week, with its looks `until` this hour."""
    start_hour = int(rng.integers(WEEK))
    arms = [arm(rng, traffic, start_hour, factor) for traffic, factor in case.arms]
    hours = look_hours(start_hour, is_hourly=case.is_hourly)
    hours = hours[hours <= until]
    units = np.min([np.searchsorted(each.arrived, hours) for each in arms], axis=0)
    parts = tuple((_order_statistics if case.kind == "quantile" else _moments)(each, hours) for each in arms)
    return Run(case, start_hour, hours, units, parts)


def _moments(each, hours):
    n, means, comoments = each.sums(hours)
    return [Moments(int(n[k]), means[k], comoments[k]) if n[k] else None for k in range(hours.size)]


def _order_statistics(each, hours):
    counts = np.searchsorted(each.at, hours)
    return [
        QuantileStat.from_sessions(each.ms[:count], each.user[:count], SHARE) if count else None
        for count in counts
    ]


def outcome(found, *, stop_at_hold=False):
    """Replay every look through the product: when was the ramp held, when was the experiment stopped?"""
    history, held, is_after_end = History(), np.inf, False
    for number in range(1, found.hours.size + 1):
        history, action, is_over = _look(found, history, number, is_after_end)
        is_after_end |= is_over
        hour = float(found.hours[number - 1])
        if action in (Action.HOLD, Action.ROLL_BACK):
            held = min(held, hour)
        if action is Action.ROLL_BACK:
            return Outcome(held, hour)
        if stop_at_hold and np.isfinite(held):
            break
    return Outcome(held)


def _look(found, history, number, is_after_end):
    """The history with this look, what it sets off, and whether the planned end was reached."""
    plan, bound, k = found.plan, found.plan.bindings[0], number - 1
    hours, units = float(found.hours[k]), int(found.units[k])
    cut = plan.started_at + timedelta(hours=hours)
    contrast = Contrast(found.control[k], found.treatment[k], units)
    both = both_readings(plan, bound, contrast, history, cut=cut)
    share = comparing.plan_share(plan, units=units, hours=hours)
    seen = guardrails.watch(bound, both, history, units=units, at=Moment(number, hours, share))
    result = ArmResult("treatment", _value(contrast.treatment), both.fixed, both.always_valid)
    metric = MetricFacts(bound, _value(contrast.control), (replace(result, monitor=seen.facts),))
    facts = ReportFacts(
        plan=plan,
        experiment=None,
        arms=(),
        look=number,
        data_until=cut,
        metrics=(metric,),
        checks=(),
        method=None,
        information_share=units / plan.planned_units,
        is_after_planned_look=is_after_end,
    )
    judged = states.judge(metric, metric.arms[0], inference=effects.headline(facts), alpha=plan.alpha)
    trip = guardrails.trip_of(judged, is_trusted=True)
    kept = replace(history, clock=both.clock)
    if seen.look is not None:
        kept = replace(kept, looks=(*history.looks, seen.look), numbers=(*history.numbers, number))
    return kept, trip and trip.action, effects.is_over(facts)


def _value(found):
    return ArmValue(found.units, found.value) if isinstance(found, Estimate) else ArmValue(0, None)


def scores(found, loss=0.0):
    """z of "the treatment is worse by more than this share" at each look, error in units of the level; nan
    where nothing is estimated."""
    sign = 1.0 if found.case.better is Direction.DOWN else -1.0
    weight = 1.0 + sign * loss
    z, error = np.full((2, found.hours.size), np.nan)
    for k, (control, treatment) in enumerate(zip(found.control, found.treatment, strict=True)):
        if isinstance(control, Estimate) and isinstance(treatment, Estimate):
            raw = np.hypot(treatment.standard_error, weight * control.standard_error)
            z[k] = sign * (treatment.value - weight * control.value) / raw
            error[k] = 2 * raw / (control.value + treatment.value)
    return z, error


def can_trip(found, *, loss=0.0):
    """Could any bound be crossed at any look? Errs on the side of yes. `loss`: beyond a loss of this share,
    which is what a roll-back needs."""
    clock, counts = first_clock(found), found.units >= MIN_UNITS_PER_ARM
    if clock is None:
        return False
    z, error = scores(found, loss)
    monitor = GuardrailMonitor(clock.planned_information, found.plan.alpha)
    tests = [monitor.always_valid, comparing.always_valid(clock, found.plan.alpha)]
    if loss:
        tests.append(replace(monitor.always_valid, alpha=monitor.alpha))
    bound = np.min([_at_least(test, error) for test in tests], axis=0)
    final = np.where(found.units >= found.plan.planned_units, 1.9, np.inf)
    final[-1] = 1.9
    bound = (
        np.minimum(bound, final) if loss else np.minimum(np.minimum(bound, final), _planned(found, monitor))
    )
    return bool((counts & (z > bound - 1e-6)).any())


def first_clock(found) -> Clock | None:
    """The clock that the first look with enough units sets."""
    enough = found.units >= MIN_UNITS_PER_ARM
    for k in np.flatnonzero(enough):
        contrast = Contrast(found.control[k], found.treatment[k], int(found.units[k]))
        cut = found.plan.started_at + timedelta(hours=float(found.hours[k]))
        both = both_readings(found.plan, found.plan.bindings[0], contrast, History(), cut=cut)
        if both.clock is not None:
            return both.clock
    return None


def _at_least(test, error):
    """A lower limit of the always-valid multiplier at each error: that of the normal mixture without the
    factor log Phi, which is below 0."""
    variance = error**2
    level = test.alpha if test.sides == 2 else 2 * test.alpha
    shrink = test.tau2 / (variance + test.tau2)
    return np.sqrt((np.log1p(test.tau2 / variance) - 2 * np.log(level)) / shrink)


def _planned(found, monitor):
    """A lower limit of the bound at each look: crossing it takes at most all alpha that may be spent."""
    alpha, passed = monitor.alpha, np.minimum(1.0, found.units / found.plan.planned_units)
    first_day = alpha * monitor.first_day_share * np.minimum(1.0, found.hours / 24)
    rest = alpha * (1 - monitor.always_valid_share - monitor.first_day_share)
    totals = first_day + [spent(share, rest, monitor.spending) for share in passed]
    return np.array([critical_value(max(total, 1e-12)) for total in totals])
