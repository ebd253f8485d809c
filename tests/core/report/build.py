"""Report facts for tests: a look that has everything, with keyword overrides."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from analysis.report.facts import (
    ArmFacts,
    ArmResult,
    ArmValue,
    CheckFacts,
    CheckKind,
    CheckStatus,
    ExperimentFacts,
    Harm,
    MethodFacts,
    MetricFacts,
    MonitorFacts,
    Reading,
    ReportFacts,
)
from analysis.stats.results import Comparison, Inference, Interval, NotEstimable, Scale, Status, Why
from experiments.plan import ArmRole, Binding, Hypothesis, LockedPlan, PlannedArm, Role
from metrics.definitions import Amount, Direction, Kind, Margin, Measure, MetricDefinition, Source, Tier

START = datetime(2026, 2, 16, 9, tzinfo=UTC)
Z, ALWAYS_Z = 1.959964, 2.8
CONTROL = PlannedArm("control", "off", 500_000, ArmRole.CONTROL)
TREATMENT = PlannedArm("treatment", "on", 500_000, ArmRole.TREATMENT)
HYPOTHESIS = Hypothesis(
    change="Prefetch payment methods",
    audience="signed-in web users",
    metric="orders",
    direction=Direction.UP,
    expected=Amount(0.01, relative=True),
    mechanism="the last step opens faster",
    refuted_if="orders do not rise by 1 %",
)


def definition(key="orders", title="Orders per user", unit="orders", kind=Kind.COUNT, **changes):
    made = MetricDefinition(
        key=key,
        title=title,
        question=f"How does {title} change?",
        kind=kind,
        unit=unit,
        direction=Direction.UP,
        owner="rosa",
        hypothesis="An easier checkout raises it.",
        source=Source("purchase", Measure.COUNT),
        tier=Tier.FINAL,
    )
    return replace(made, **changes)


def latency(key="checkout-p95", title="p95 checkout time", **changes):
    given = {"unit": "ms", "kind": Kind.QUANTILE, "direction": Direction.DOWN, "quantile": 0.95}
    return definition(key, title, **{**given, **changes})


def binding(of, role=Role.PRIMARY, *, margin=None, gain=None, blocking=None):
    """`margin` and `gain` as a number are in the metric's unit; as text like "2%" relative."""
    is_blocking = (role is Role.GUARDRAIL) if blocking is None else blocking
    return Binding(of.key, 1, 7, of, role, is_blocking, _amount(Margin, margin), _amount(Amount, gain))


def _amount(kind, given):
    if given is None:
        return None
    if isinstance(given, str):
        return kind(float(given.rstrip("%")) / 100, relative=True)
    return kind(given, relative=False)


def comparison(estimate, error, *, always=False, half=None, **changes):
    """A normal comparison; `half` sets the half-width of the interval."""
    wide = half if half is not None else (ALWAYS_Z if always else Z) * error
    made = Comparison(
        estimate=estimate,
        standard_error=error,
        degrees_of_freedom=math.inf,
        statistic=estimate / error,
        p_value=math.erfc(abs(estimate / error) / math.sqrt(2)),
        confidence_interval=Interval(estimate - wide, estimate + wide),
        inference=Inference.ALWAYS_VALID if always else Inference.FIXED,
    )
    return replace(made, **changes)


def reading(estimate, error, *, control, always, margin=None, direction=Direction.UP, half=None):
    """Difference, lift and, for a relative margin, the contrast that decides."""
    difference = comparison(estimate, error, always=always, half=half)
    lift = NotEstimable(Why.BASE_NOT_POSITIVE, "control")
    if control > 0:
        shrunk = None if half is None else half / control
        lift = comparison(estimate / control, error / control, always=always, half=shrunk)
        lift = replace(lift, scale=Scale.RELATIVE, p_value=difference.p_value, method="lift, log")
    contrast = None
    if margin is not None and margin.relative:
        turn = 1.0 if direction is Direction.UP else -1.0
        contrast = comparison(estimate + turn * margin.value * control, error, always=always, half=half)
    return Reading(difference, lift, contrast)


def arm_result(of, estimate, error, *, control, arm="treatment", units=206_000, half=None, **changes):
    kwargs = {
        "control": control,
        "margin": of.margin,
        "direction": of.definition.direction,
    }
    made = ArmResult(
        arm=arm,
        treatment=ArmValue(units, control + estimate),
        fixed=reading(estimate, error, always=False, **kwargs),
        always_valid=reading(estimate, error, always=True, half=half, **kwargs),
    )
    return replace(made, **changes)


def metric(of, estimate, error, *, control=1.0, units=206_300, half=None, arms=None, **changes):
    """A bound metric with one treatment arm, or with the given arms."""
    given = arms or (arm_result(of, estimate, error, control=control, half=half, **changes),)
    return MetricFacts(of, ArmValue(units, control), tuple(given))


def missing(of, why=Why.NO_UNITS, *, arm="treatment", units=0):
    """A metric that has no number in an arm."""
    nothing = Reading(NotEstimable(why, "treatment"))
    return MetricFacts(of, ArmValue(units, None), (ArmResult(arm, ArmValue(units, None), nothing, nothing),))


def unbounded(found):
    """The same comparison without an interval."""
    whole = Interval(-math.inf, math.inf)
    return replace(found, confidence_interval=whole, status=Status.UNBOUNDED)


def harmed(look=2, harm=Harm.HARM):
    return MonitorFacts(harm, look, 0.021)


DETAILS = {
    CheckKind.SPLIT: "largest deviation from the planned shares 0.05 points",
    CheckKind.ASSIGNMENT: "12 units in more than one arm, 0 in no planned arm",
    CheckKind.DATA: "0.02 % of events refused",
    CheckKind.BEFORE: "4 pre-periods compared; largest difference in orders, treatment",
    CheckKind.DURATION: "16.0 of at least 7 days, 7 of 7 weekdays",
    CheckKind.LOOKS: "look 3; intervals hold at every look",
}


def checks(**statuses):
    """All six checks; `split="fail"` sets one, `split=("fail", "why")` with its detail."""
    return tuple(_check(kind, statuses.get(kind.value, "ok")) for kind in CheckKind)


def _check(kind, given):
    status, detail = given if isinstance(given, tuple) else (given, DETAILS[kind])
    return CheckFacts(kind, CheckStatus(status), detail, statistic=0.41, limit=0.001)


def plan(bindings, **changes):
    made = LockedPlan(
        experiment="checkout-prefetch",
        version=1,
        flag="checkout-prefetch",
        environment="production",
        unit_type="user",
        control="control",
        arms=(CONTROL, TREATMENT),
        bindings=tuple(bindings),
        hypothesis=HYPOTHESIS,
        looks=4,
        min_days=7,
        max_days=28,
        planned_units=300_000,
        dimensions=("device",),
        started_at=START,
    )
    return replace(made, **changes).locked()


METHOD = MethodFacts(
    estimator="arm means, delta method for ratios, clustered quantiles",
    variance="Welch, by unit",
    correction="Bonferroni and Holm",
    family_size=1,
    code_version="0.1.0",
    config_hash="5d41402abc4b2a76b9719d911017c592",
    engine="duckdb",
)
ABOUT = ExperimentFacts(
    title="Prefetch payment methods",
    owner="R.Diaz",
    kind="ab",
    population="signed-in web users",
    locked_at=START,
    coverage_share=0.5,
)


def facts(metrics, *, days=16.0, look=3, planned=None, about=None, **changes):
    """A look at a running experiment with healthy data; `planned` and `about` override plan and title."""
    of_plan = {"bindings": [each.binding for each in metrics], **(planned or {})}
    locked = plan(**of_plan)
    made = ReportFacts(
        plan=locked,
        experiment=replace(ABOUT, **(about or {})),
        arms=tuple(ArmFacts(arm.key, int(412_300 * arm.share)) for arm in locked.arms),
        look=look,
        data_until=START + timedelta(days=days),
        metrics=tuple(metrics),
        checks=checks(),
        method=METHOD,
    )
    return replace(made, **changes)


ORDERS = binding(definition(), gain="1%")
CHECKOUT = binding(latency(), Role.GUARDRAIL, margin=30.0)
ERRORS = binding(
    definition("errors", "Error rate", "share", Kind.RATIO, direction=Direction.DOWN, tier=Tier.BETA),
    Role.GUARDRAIL,
    margin=0.001,
)
CRASHES = binding(
    definition("crash-free", "Crash-free sessions", "share", Kind.PROPORTION, tier=Tier.BETA),
    Role.GUARDRAIL,
    margin=0.001,
)


def orders(estimate=0.0037, error=0.0009, **changes):
    """Orders rose 0.9 % unless said otherwise."""
    return metric(ORDERS, estimate, error, control=0.4121, **changes)


def checkout(estimate=2.0, error=4.0, **changes):
    """p95 checkout time: held inside its limit of 30 ms unless said otherwise."""
    return metric(CHECKOUT, estimate, error, control=812.0, **changes)


def errors(estimate=-0.0001, error=0.0001, **changes):
    return metric(ERRORS, estimate, error, control=0.0031, **changes)


def crashes(estimate=-0.0001, error=0.0001, **changes):
    return metric(CRASHES, estimate, error, control=0.9982, **changes)
