"""Plans for tests that need no database."""

from dataclasses import replace

from experiments.plan import ArmRole, Binding, Hypothesis, LockedPlan, PlannedArm, Role
from metrics.definitions import Amount, Direction, Kind, Margin, Measure, MetricDefinition, Source, Tier


def definition(key="orders", **changes):
    made = MetricDefinition(
        key=key,
        title=key.capitalize(),
        question="How many?",
        kind=Kind.COUNT,
        unit="orders",
        direction=Direction.UP,
        owner="rosa",
        hypothesis="An easier checkout raises it.",
        source=Source("purchase", Measure.COUNT),
        tier=Tier.BETA,
    )
    return replace(made, **changes)


def binding(key="orders", role=Role.PRIMARY, *, blocking=False, margin=None, **changes):
    return Binding(key, 1, 7, definition(key, **changes), role, blocking, margin)


def guardrail(key="errors", *, blocking=True, margin=Margin(0.02, relative=True), **changes):
    return binding(key, Role.GUARDRAIL, blocking=blocking, margin=margin, **changes)


def plan(**changes):
    made = LockedPlan(
        experiment="checkout-prefetch",
        version=1,
        flag="checkout-prefetch",
        environment="production",
        unit_type="user",
        control="control",
        arms=(
            PlannedArm("control", "off", 500_000, ArmRole.CONTROL),
            PlannedArm("treatment", "on", 500_000, ArmRole.TREATMENT),
        ),
        bindings=(binding(), guardrail()),
        hypothesis=Hypothesis(
            change="Prefetch payment methods",
            audience="signed-in users",
            metric="orders",
            direction=Direction.UP,
            expected=Amount(0.01, relative=True),
            mechanism="the last step opens faster",
            refuted_if="orders do not rise by 1 %",
        ),
        planned_units=10_000,
    )
    return replace(made, **changes)
