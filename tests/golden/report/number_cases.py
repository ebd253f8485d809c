"""Edge cases of what was delivered: nothing, too much, too small, other arms, other names."""

from dataclasses import replace

from analysis.report.facts import (
    Harm,
)
from analysis.stats.results import NotEstimable, Why
from experiments.plan import ArmRole, PlannedArm, Role
from metrics.definitions import Direction, Kind
from tests.core.report.build import (
    CHECKOUT,
    ORDERS,
    arm_result,
    binding,
    checkout,
    checks,
    comparison,
    definition,
    facts,
    harmed,
    latency,
    metric,
    missing,
    orders,
    unbounded,
)
from tests.golden.report.parts import curve, few, monitored


def no_data():
    """Started, but nobody was enrolled."""
    nothing = [missing(ORDERS), missing(CHECKOUT)]
    not_run = ("not_run", "no unit has been enrolled yet")
    found = facts(nothing, days=0.05, look=1)
    absent = checks(split=not_run, assignment=not_run, data=not_run, before=not_run)
    return replace(found, arms=few(0), checks=absent)


def no_metrics_delivered():
    """The look delivered nothing for the planned metrics."""
    return replace(facts([orders(), checkout()]), metrics=())


def srm():
    split = ("fail", "largest deviation from the planned shares 1.84 points; shares are off in device ios")
    return facts([orders(), checkout()], checks=checks(split=split), arms=few(412_300))


def missing_check():
    """A check that nobody made is not a pass."""
    return replace(facts([orders(), checkout()]), checks=checks()[1:])


def three_arms():
    """Two treatments; one of them is harmed."""
    arms = (
        PlannedArm("control", "off", 340_000, ArmRole.CONTROL),
        PlannedArm("eager", "eager", 330_000, ArmRole.TREATMENT),
        PlannedArm("lazy", "lazy", 330_000, ArmRole.TREATMENT),
    )
    both = {
        "orders": [
            arm_result(ORDERS, 0.0031, 0.0009, control=0.4121, arm="eager", adjusted_p=0.0012),
            arm_result(ORDERS, 0.0040, 0.0010, control=0.4121, arm="lazy", adjusted_p=0.0002),
        ],
        "checkout": [
            arm_result(CHECKOUT, 55.0, 9.0, control=812.0, arm="eager", monitor=harmed(1, Harm.CONFIRMED)),
            arm_result(CHECKOUT, -4.0, 4.0, control=812.0, arm="lazy"),
        ],
    }
    metrics = [
        metric(ORDERS, 0, 0, control=0.4121, arms=both["orders"]),
        metric(CHECKOUT, 0, 0, control=812.0, arms=both["checkout"]),
    ]
    return facts(metrics, planned={"arms": arms}, curves=(curve(arm="eager"),))


def two_arms_to_ship():
    arms = (
        PlannedArm("control", "off", 340_000, ArmRole.CONTROL),
        PlannedArm("b", "b", 330_000, ArmRole.TREATMENT),
        PlannedArm("c", "c", 330_000, ArmRole.TREATMENT),
    )
    results = [
        arm_result(ORDERS, 0.0031, 0.0009, control=0.4121, arm="b"),
        arm_result(ORDERS, 0.0050, 0.0010, control=0.4121, arm="c"),
    ]
    return facts(
        [metric(ORDERS, 0, 0, control=0.4121, arms=results)], planned={"arms": arms}, days=28, look=4
    )


def missing_arm():
    """The plan has a treatment of which nothing arrived."""
    arms = (
        PlannedArm("control", "off", 340_000, ArmRole.CONTROL),
        PlannedArm("b", "b", 330_000, ArmRole.TREATMENT),
        PlannedArm("c", "c", 330_000, ArmRole.TREATMENT),
    )
    only = [arm_result(ORDERS, 0.0031, 0.0009, control=0.4121, arm="b")]
    safe = [arm_result(CHECKOUT, 1.0, 3.0, control=812.0, arm="b")]
    metrics = [
        metric(ORDERS, 0, 0, control=0.4121, arms=only),
        metric(CHECKOUT, 0, 0, control=812.0, arms=safe),
    ]
    return facts(metrics, planned={"arms": arms}, arms=few(274_000), days=28, look=4)


def inverse_metric():
    """Less is better for the primary metric."""
    bounces = binding(
        definition("bounces", "Bounce rate", "share", Kind.PROPORTION, direction=Direction.DOWN), gain=0.001
    )
    return facts([metric(bounces, -0.0042, 0.0011, control=0.381), checkout()], days=28, look=4)


def zero_baseline():
    """The control has none at all, so that there is no relative change."""
    refunds = binding(
        definition("refunds", "Refunds per user", "refunds", direction=Direction.DOWN),
        Role.GUARDRAIL,
        margin="5%",
    )
    zero = metric(refunds, 0.0, 0.00002, control=0.0)
    contrast = NotEstimable(Why.BASE_NOT_POSITIVE, "control")
    fixed = replace(zero.arms[0].fixed, contrast=contrast)
    always = replace(zero.arms[0].always_valid, contrast=contrast)
    zero = replace(zero, arms=(replace(zero.arms[0], fixed=fixed, always_valid=always),))
    return facts([orders(), zero], days=28, look=4)


def all_guardrails_unproven():
    unsure = [
        metric(
            binding(latency(f"page-{at}", f"p95 of page {at}"), Role.GUARDRAIL, margin=10.0),
            at - 2.0,
            9.0,
            control=400.0 + 50 * at,
        )
        for at in range(5)
    ]
    return facts([orders(0.0001, 0.003), *unsure], days=28, look=4)


def unbounded_lift():
    """The base cannot be told from zero: the relative interval is the whole line."""
    found = metric(binding(definition("revenue", "Revenue per user", "$")), 0.004, 0.011, control=0.0031)
    result = found.arms[0]
    always = replace(result.always_valid, lift=unbounded(result.always_valid.lift))
    found = replace(found, arms=(replace(result, always_valid=always),))
    widget = metric(binding(definition("widgets", "Widgets per user", "widgets"), Role.SUCCESS), 0.1, 0.3)
    inner = widget.arms[0]
    lines = replace(
        inner.always_valid,
        lift=unbounded(inner.always_valid.lift),
        difference=unbounded(inner.always_valid.difference),
    )
    return facts([found, replace(widget, arms=(replace(inner, always_valid=lines),))], days=28, look=4)


def capped():
    """A capped metric whose uncapped comparison says something else."""
    revenue = binding(definition("revenue", "Revenue per user", "$", Kind.MEAN), gain="1%")
    found = metric(revenue, 0.31, 0.09, control=24.18)
    result = replace(found.arms[0], uncapped=comparison(-0.12, 0.41))
    return facts([replace(found, arms=(result,), cap_value=1250.0), checkout()], days=28, look=4)


def huge_numbers():
    rows = binding(definition("bytes", "Bytes per user", "bytes", Kind.MEAN, direction=Direction.DOWN))
    stars = binding(definition("atoms", "Atoms per user", "atoms", Kind.MEAN), Role.SUCCESS)
    return facts(
        [metric(rows, -8.1e9, 1.2e9, control=1.93e12), metric(stars, 4e27, 3e28, control=7.5e29)],
        days=28,
        look=4,
        arms=few(2_147_483_647),
    )


def tiny_numbers():
    rare = binding(
        definition("crashes", "Crash rate", "share", Kind.PROPORTION, direction=Direction.DOWN),
        Role.GUARDRAIL,
        margin=2e-7,
    )
    energy = binding(definition("energy", "Energy per request", "J", Kind.MEAN, direction=Direction.DOWN))
    return facts(
        [metric(energy, -3.1e-9, 4e-10, control=5.5e-8), metric(rare, 1e-9, 3e-8, control=6.2e-7)],
        days=28,
        look=4,
    )


def non_ascii():
    """Names in other scripts, and names that try to be markup."""
    first = binding(definition("kaufe", "Käufe je Besucher <b>・購入</b>", "Käufe"))
    second = binding(latency("delay", "遅延 p95 & <script>alert(1)</script>"), Role.GUARDRAIL, margin=30.0)
    found = facts(
        [metric(first, 0.0037, 0.0009, control=0.4121), metric(second, 2.0, 4.0, control=812.0)],
        days=28,
        look=4,
        about={"title": "Größere Schaltfläche “<i>”", "owner": "Ж. Иванов"},
    )
    hypothesis = replace(found.plan.hypothesis, change="Größere Schaltfläche <b>zeigen</b>", metric="kaufe")
    return replace(found, plan=replace(found.plan, hypothesis=hypothesis))


def sixty_metrics():
    extra = [
        metric(
            binding(latency(f"step-{at}", f"p95 of step {at}"), Role.GUARDRAIL, margin=25.0),
            (at % 7) - 3.0,
            2.0 + at % 3,
            control=200.0 + 11 * at,
        )
        for at in range(18)
    ]
    return facts([orders(), checkout(), *extra, *monitored(40)], days=28, look=4)
