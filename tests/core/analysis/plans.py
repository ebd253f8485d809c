"""Locked plans for the tests, with keyword overrides."""

from dataclasses import replace
from datetime import timedelta

from experiments.plan import ArmRole, Binding, Hypothesis, LockedPlan, PlannedArm, Role
from metrics.definitions import Amount, Direction, Kind, Margin
from tests.core.analysis.store import START
from tests.core.analysis.world import definition

ARMS = (
    PlannedArm("control", "off", 500_000, ArmRole.CONTROL),
    PlannedArm("treatment", "on", 500_000, ArmRole.TREATMENT),
)
HYPOTHESIS = Hypothesis(
    change="prefetch payment methods",
    audience="signed-in web users",
    metric="orders",
    direction=Direction.UP,
    expected=Amount(0.01, relative=True),
    mechanism="less waiting",
    refuted_if="orders do not rise",
)


def binding(of=None, role=Role.SUCCESS, *, blocking=False, margin=None, gain=None, version_id=1):
    of = of or definition("orders", Kind.COUNT, "purchase")
    return Binding(
        metric=of.key,
        metric_version=1,
        metric_version_id=version_id,
        definition=of,
        role=role,
        blocking=blocking,
        margin=Margin(margin, relative=True) if margin else None,
        gain=Amount(gain, relative=True) if gain else None,
    )


def locked_plan(**changes):
    plan = LockedPlan(
        experiment="speed",
        version=1,
        flag="speed-flag",
        environment="production",
        unit_type="user",
        control="control",
        arms=ARMS,
        bindings=(binding(),),
        hypothesis=HYPOTHESIS,
        planned_units=1000,
        started_at=START,
        stopped_at=START + timedelta(days=14),
    )
    if "started_at" in changes and "stopped_at" not in changes:
        changes["stopped_at"] = None
    return replace(plan, **changes).locked()
