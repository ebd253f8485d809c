"""One look from readings to what the report is told and what is stored. Pure: no rows, no engine, no clock.

Order: estimates per metric, both kinds of comparison, the harm monitor, checks, the decision family, slices,
the verdict. Every step belongs to a module of its own; this one hands their results on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis import (
    comparing,
    curves,
    describing,
    distributions,
    families,
    guardrails,
    health_checks,
    slicing,
)
from analysis.comparing import Beside, Clock, Contrast, History
from analysis.engines.contract import Enrolment, Group, Readings
from analysis.estimation import Estimates, estimate, pre_period, uneven_control
from analysis.guardrails import Moment, Trip, Watch
from analysis.health import Balance, Context, DataFlow, Finding
from analysis.plan import AnalysisPlan, PlannedMetric
from analysis.report import effects, verdict
from analysis.report.facts import (
    ArmFacts,
    ArmResult,
    CalibrationFacts,
    ExperimentFacts,
    MethodFacts,
    MetricFacts,
    ReportFacts,
)
from analysis.report.verdict import Conclusion, Verdict
from analysis.slicing import Scanned
from analysis.stats import compare
from analysis.stats.results import Compared
from experiments.plan import Binding, LockedPlan
from metrics.definitions import Kind


@dataclass(frozen=True, slots=True)
class Look:
    """One look's input. `history` is what earlier looks of the same plan left, by metric and arm.

    `is_after_end`: an earlier look at less data was the one at the planned end.
    `is_imported`: the numbers were computed elsewhere, so nothing is known of the events behind them.
    `rule_version` of the decision rule judged this plan's first report, None before it.
    """

    locked: LockedPlan
    plan: AnalysisPlan
    about: ExperimentFacts
    number: int
    readings: Readings
    flow: DataFlow
    history: Mapping[tuple[str, str], History] = field(default_factory=dict)
    is_after_end: bool = False
    code_version: str = ""
    config_hash: str = ""
    engine: str = ""
    is_imported: bool = False
    calibration: tuple[CalibrationFacts, ...] = ()
    earlier_looks: int = 0
    rule_version: int | None = None

    @property
    def at(self) -> Moment:
        """When this look is, by the plan's own measure."""
        hours = comparing.hours_until(self.locked, self.plan.until)
        units = min(arm_units(self.locked, self.readings.enrolment).values())
        return Moment(self.number, hours, comparing.plan_share(self.locked, units=units, hours=hours))


@dataclass(frozen=True, slots=True)
class ArmOutcome:
    """All that a look says of one metric in one treatment arm, over everybody.

    `clock` is kept by all later looks of the plan once it is set; `unit` is what counts as 1 on it now.
    """

    binding: Binding
    metric: PlannedMetric
    estimates: Estimates
    result: ArmResult
    watch: Watch
    clock: Clock | None
    unit: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one look found."""

    look: Look
    facts: ReportFacts
    conclusion: Conclusion
    arms: tuple[ArmOutcome, ...]
    slices: tuple[Scanned, ...]
    findings: tuple[Finding, ...]

    @property
    def trips(self) -> tuple[Trip, ...]:
        """Guardrails harmed at this look, whether or not earlier looks said so. Of an ablation harm is
        expected; only its own stop rules end it."""
        if self.facts.experiment.kind == verdict.ABLATION:
            return ()
        is_trusted = self.conclusion.verdict is not Verdict.DO_NOT_USE
        found = (guardrails.trip_of(judged, is_trusted=is_trusted) for judged in self.conclusion.judged)
        return tuple(trip for trip in found if trip is not None)


def judge(look: Look) -> Outcome:
    """Everything that follows from the readings."""
    arms = tuple(outcome for binding in look.locked.bindings for outcome in _of_metric(look, binding))
    findings = health_checks.run_all(_context(look))
    overall = families.adjusted(_facts(look, arms, findings))
    beside = Beside(effects.headline(overall), look.locked.alpha, _clocks(arms))
    scanned = slicing.scan(look.locked, look.plan, look.readings, beside)
    facts = replace(
        overall,
        curves=curves.of_look(look.locked, look.plan, look.readings, beside),
        histograms=distributions.of_look(look.locked, look.plan, look.readings),
        slices=slicing.facts(look.locked, scanned, beside),
    )
    return Outcome(look, facts, verdict.conclude(facts), arms, scanned, findings)


def _clocks(arms: Sequence[ArmOutcome]) -> dict[tuple[str, str], tuple[Clock, float]]:
    """The clocks that can be read at this look."""
    return {
        (arm.binding.metric, arm.result.arm): (arm.clock, arm.unit)
        for arm in arms
        if arm.clock is not None and arm.unit is not None
    }


def _of_metric(look: Look, binding: Binding) -> Iterator[ArmOutcome]:
    metric = next(metric for metric in look.plan.metrics if metric.key == binding.metric)
    estimates, uncapped = _estimates(look, metric), None
    if metric.uncapped is not None:
        uncapped = _estimates(look, metric, is_capped=False)
    for arm in look.locked.treatments:
        yield _of_arm(look, binding, metric, arm.key, estimates, uncapped)


def _estimates(look: Look, metric: PlannedMetric, *, is_capped: bool = True) -> Estimates:
    uneven = uneven_control(look.locked)
    return estimate(metric, look.readings, look.plan.arms, is_capped=is_capped, uneven_control=uneven)


def _of_arm(
    look: Look,
    binding: Binding,
    metric: PlannedMetric,
    arm: str,
    estimates: Estimates,
    uncapped: Estimates | None,
) -> ArmOutcome:
    control = look.locked.control
    history = look.history.get((binding.metric, arm), History())
    units = min(estimates.value(control).units, estimates.value(arm).units)
    contrast = Contrast(estimates.of(control), estimates.of(arm), units)
    both = comparing.both_readings(look.locked, binding, contrast, history, cut=look.plan.until)
    watch = guardrails.watch(binding, both, history, units=units, at=look.at)
    result = ArmResult(
        arm=arm,
        treatment=estimates.value(arm),
        fixed=both.fixed,
        always_valid=both.always_valid,
        monitor=watch.facts,
        uncapped=None if uncapped is None else _fixed(look, uncapped, arm),
    )
    return ArmOutcome(binding, metric, estimates, result, watch, both.clock, both.unit)


def _fixed(look: Look, estimates: Estimates, arm: str) -> Compared:
    control = estimates.of(look.locked.control)
    return compare.difference(control, estimates.of(arm), alpha=look.locked.alpha)


def _facts(look: Look, arms: Sequence[ArmOutcome], findings: Sequence[Finding]) -> ReportFacts:
    """What concerns everybody; slices and curves are read by the inference that follows from it."""
    units = arm_units(look.locked, look.readings.enrolment)
    return ReportFacts(
        plan=look.locked,
        experiment=look.about,
        arms=tuple(ArmFacts(arm, n) for arm, n in units.items()),
        look=look.number,
        data_until=look.plan.until,
        metrics=tuple(_metric_facts(look, binding, arms) for binding in look.locked.bindings),
        checks=tuple(finding.facts for finding in findings),
        method=_method(look, arms),
        information_share=_information_share(look.locked, units),
        is_after_planned_look=look.is_after_end,
        calibration=look.calibration,
        rule_version=look.rule_version,
    )


def _metric_facts(look: Look, binding: Binding, arms: Sequence[ArmOutcome]) -> MetricFacts:
    mine = [arm for arm in arms if arm.binding is binding]
    return MetricFacts(
        binding=binding,
        control=mine[0].estimates.value(look.locked.control),
        arms=tuple(arm.result for arm in mine),
        cap_value=_cap_value(mine[0].metric, look.readings),
        waiting=_waiting(look, binding.definition.window_hours),
    )


def _waiting(look: Look, window_hours: int | None) -> int:
    """Enrolled units whose window is not over; nothing is known of the windows of imported numbers."""
    if window_hours is None or look.is_imported:
        return 0
    enrolment = look.readings.enrolment
    final = sum(enrolment.final.get((window_hours, arm), 0) for arm in look.plan.arms)
    return sum(arm_units(look.locked, enrolment).values()) - final


def _cap_value(metric: PlannedMetric, readings: Readings) -> float | None:
    """The upper limit in force, found in the data or stated."""
    entry = metric.vector.value if metric.vector else None
    if entry is None or entry.cap is None:
        return None
    return readings.caps.get(entry, entry.cap.absolute)


def arm_units(locked: LockedPlan, enrolment: Enrolment) -> dict[str, int]:
    """Enrolled units of every planned arm, in the plan's order."""
    return {arm.key: enrolment.units.get(Group(arm.key), 0) for arm in locked.arms}


def _information_share(locked: LockedPlan, units: Mapping[str, int]) -> float | None:
    """The clock of the plan: units of the smallest arm out of those planned for each."""
    return min(units.values()) / locked.planned_units if locked.planned_units else None


def _method(look: Look, arms: Sequence[ArmOutcome]) -> MethodFacts:
    by_metric = {arm.binding.metric: arm.estimates.of(look.locked.control) for arm in arms}
    return MethodFacts(
        estimator=describing.estimators(look.locked.bindings),
        variance=describing.variance(by_metric.values(), has_own_slopes=bool(uneven_control(look.locked))),
        correction=describing.correction(look.locked),
        family_size=comparing.family_size(look.locked),
        code_version=look.code_version,
        config_hash=look.config_hash,
        engine=look.engine,
    )


def _context(look: Look) -> Context:
    return Context(
        plan=look.locked,
        cut=look.plan.until,
        look=look.number,
        enrolment=look.readings.enrolment,
        active={metric.key: _active(look, metric) for metric in look.plan.metrics},
        flow=look.flow,
        balances=tuple(_balances(look)),
        is_after_end=look.is_after_end,
        is_imported=look.is_imported,
        arrivals=look.readings.arrivals,
        earlier_looks=look.earlier_looks,
    )


def _active(look: Look, metric: PlannedMetric) -> dict[str, int]:
    """Units of every arm with at least one event of the metric."""
    if metric.vector is not None:
        counts = look.readings.active.get(metric.vector, {})
        return {arm: counts.get(Group(arm), 0) for arm in look.plan.arms}
    found = _estimates(look, metric)
    return {arm: found.value(arm).units for arm in look.plan.arms}


def _balances(look: Look) -> Iterator[Balance]:
    for metric in look.plan.metrics:
        moments = pre_period(metric.vector, look.readings, look.plan.arms) if metric.vector else {}
        if moments:
            yield Balance(metric.key, moments, metric.kind is Kind.RATIO)
