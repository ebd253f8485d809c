"""The edge cases a report has to survive, one function each; the golden files hold what it makes of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from analysis.report.facts import (
    ArmFacts,
    ArmResult,
    ArmValue,
    CalibrationFacts,
    CurveFacts,
    CurvePoint,
    Harm,
    HistogramFacts,
    MoneyRange,
    Reading,
    SliceFacts,
    SliceScanFacts,
    WorthFacts,
)
from analysis.stats.results import NotEstimable, Why
from experiments.plan import ArmRole, Inference, PlannedArm, Role
from metrics.definitions import Direction, Kind, Tier
from tests.core.report.build import (
    CHECKOUT,
    ORDERS,
    START,
    arm_result,
    binding,
    checkout,
    checks,
    comparison,
    crashes,
    definition,
    errors,
    facts,
    harmed,
    latency,
    metric,
    missing,
    orders,
    unbounded,
)

CREATED = datetime(2026, 3, 4, 9, 7, tzinfo=UTC)
WORTH = WorthFacts(
    currency="USD",
    measured=MoneyRange(21_000_000, 108_000_000),
    modelled=MoneyRange(-88_000_000, -31_000_000),
    model="speed ratio v7",
    valid_until=date(2026, 6, 30),
)


CALIBRATED = CalibrationFacts(
    "orders", 28, 5600, 0.05, 0.0489, (0.0403, 0.0593), 0.9511, (0.9407, 0.9597), True
)
OFF = {
    "metric": "checkout-p95",
    "false_positive_share": 0.081,
    "false_positive_band": (0.0698, 0.0938),
    "coverage_share": 0.919,
    "coverage_band": (0.9062, 0.9302),
    "is_within": False,
}


def curve(metric_key="checkout-p95", scale=1.0, arm="treatment"):
    effects = {0.5: (-6, 2), 0.75: (4, 3), 0.9: (21, 6), 0.95: (42, 8.5), 0.99: (120, 31)}
    control = {0.5: 310.0, 0.75: 488.0, 0.9: 690.0, 0.95: 812.0, 0.99: 1420.0}
    points = tuple(
        CurvePoint(share, control[share], control[share] + at * scale, comparison(at * scale, error * scale))
        for share, (at, error) in effects.items()
    )
    return CurveFacts(metric_key, arm, points)


def scan(of=CHECKOUT, *, harm=True):
    levels = {"android low-end": (131, 22), "android": (21, 9), "ios": (3, 8), "desktop": (9, 7)}
    slices = [
        SliceFacts(
            metric=of.metric,
            arm="treatment",
            dimension="device",
            level=level,
            units=units,
            difference=comparison(at if harm else at / 20, error),
            adjusted_p=0.0002 if at > 100 and harm else 0.31,
            flagged=at > 100 and harm,
        )
        for (level, (at, error)), units in zip(
            levels.items(), (31_200, 118_400, 96_700, 166_000), strict=True
        )
    ]
    return SliceScanFacts(tuple(slices), smallest_detectable=25.0, detectable_metric=of.metric)


def roll_back():
    """The guardrail of the page's design is harmed while orders rise."""
    metrics = [
        orders(),
        checkout(42.0, 8.5, monitor=harmed()),
        errors(),
        crashes(-0.0004, 0.0003),
        *monitored(5),
    ]
    found = facts(metrics, curves=(curve(),), slices=scan(), worth=WORTH, information_share=0.71)
    return replace(found, method=replace(found.method, family_size=1))


def monitored(number):
    names = ("Add to cart", "Searches per user", "Time on page", "Returns", "Support contacts")
    return [
        metric(
            binding(
                definition(f"watched-{at}", names[at % 5] + (f" {at}" if at >= 5 else "")), Role.DIAGNOSTIC
            ),
            0.001 * (at - 2),
            0.002,
            control=1.2 + at,
        )
        for at in range(number)
    ]


def ship():
    metrics = [orders(), checkout(), errors(), crashes(0.00005, 0.0001)]
    return facts(metrics, days=28, look=4, curves=(curve(scale=0.05),), slices=scan(harm=False), worth=WORTH)


def ship_with_note():
    """A guardrail of a lower tier got worse inside its limit."""
    slower = metric(
        binding(latency("search-p95", "p95 search time", tier=Tier.BETA), Role.GUARDRAIL, margin=30.0),
        12.0,
        3.0,
        control=340.0,
    )
    return facts([orders(), slower, errors()], days=28, look=4)


def decide():
    """Orders rose, but at the end checkout time is still not proven safe."""
    return facts([orders(), checkout(18.0, 9.0), errors()], days=28, look=4, curves=(curve(scale=0.4),))


def bayesian():
    """The plan asks for a Bayesian read-out beside the results."""
    return facts([orders(), checkout(18.0, 9.0), errors()], days=28, look=4, planned={"prior_sd": 0.02})


def bayesian_arms():
    """The read-out with two treatments, one of which is harmed."""
    found = three_arms()
    return replace(found, plan=replace(found.plan, prior_sd=0.02))


def bayesian_unread():
    """A read-out was planned, but no metric has a relative change yet."""
    found = no_data()
    trusted = facts([missing(ORDERS), missing(CHECKOUT)], planned={"prior_sd": 0.02})
    return replace(trusted, arms=found.arms)


def slice_harm():
    """Everything passes overall, one slice is harmed."""
    return facts([orders(), checkout(), errors()], days=28, look=4, slices=scan())


def no_effect():
    return facts([orders(0.0002, 0.0009), checkout(), errors()], days=28, look=4)


def inconclusive():
    return facts([orders(0.0021, 0.0030), checkout(), errors()], days=28, look=4)


def keep_running_early():
    found = facts([orders(), checkout(), errors()], days=3.4, look=1)
    return replace(
        found, checks=checks(duration=("warn", "3.4 of at least 7 days, 4 of 7 weekdays")), arms=few(48_000)
    )


def few(units):
    return (ArmFacts("control", units // 2), ArmFacts("treatment", units - units // 2))


def keep_running_unproven():
    return facts([orders(), checkout(11.0, 12.0), errors()], days=10, look=2)


def keep_running_undecided():
    return facts([orders(0.0010, 0.0020), checkout(), errors()], days=10, look=2)


def stopped_early():
    """Somebody stopped it before the minimum duration."""
    planned = {"stopped_at": START + timedelta(days=3)}
    short = ("warn", "3.0 of at least 7 days, 3 of 7 weekdays")
    return facts([orders(), checkout()], days=3, look=1, planned=planned, checks=checks(duration=short))


def safe_to_roll_out():
    """No success metric: being safe is the whole question."""
    return facts([checkout(), errors(), crashes(0.0, 0.0001)], days=28, look=4, about={"kind": "rollout"})


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


def ablation():
    """Slower on purpose, to learn what slowness costs."""
    outcome = orders(-0.0052, 0.0010)
    dose = metric(binding(latency("home-p50", "p50 home time"), Role.DIAGNOSTIC), 100.0, 2.0, control=410.0)
    worth = replace(WORTH, measured=MoneyRange(-151_000_000, -38_000_000), modelled=None)
    return facts([outcome, dose], days=28, look=4, about={"kind": "ablation"}, worth=worth)


def ablation_priced():
    """The same, on a site that has a model of money."""
    found = ablation()
    return replace(found, worth=replace(found.worth, per_100_ms=MoneyRange(38_000_000, 151_000_000)))


def ablation_stopped():
    """Its own stop rule ended it; the harm that it causes on purpose never does."""
    found = ablation()
    stops = ("the exposure budget of 2,000,000 delayed page views is used up",)
    return replace(found, experiment=replace(found.experiment, stops=stops))


def ratio_expired():
    """The ratio is out of date when the report is made, though it was not when the data were."""
    found = roll_back()
    return replace(found, worth=replace(WORTH, valid_until=CREATED.date() - timedelta(days=1)))


def distribution():
    """How the events lie in both arms, besides the curve; some are zero."""
    counts = {at: max(0, 9_000 - 260 * (at - 32) ** 2) for at in range(24, 44)}
    slower = {at: max(0, 8_400 - 230 * (at - 33) ** 2) for at in range(24, 47)}
    shown = HistogramFacts("checkout-p95", "treatment", 2**0.25, counts, slower, below_zero=12)
    return replace(ship(), histograms=(shown,), calibration=(CALIBRATED, replace(CALIBRATED, **OFF)))


def aa_agrees():
    """Nothing was changed and nothing differs."""
    return facts([orders(0.0002, 0.0009), checkout()], days=28, look=4, about={"kind": "aa"})


def aa_differs():
    """Nothing was changed and something differs."""
    return facts([orders(), checkout()], days=28, look=4, about={"kind": "aa"})


def imported_aggregate():
    """Numbers of another system, without slices, curves or coverage."""
    clicks = binding(definition("clicks", "Click rate", "share", Kind.PROPORTION))
    arms = (
        ArmResult(
            "treatment",
            ArmValue(40_133, 0.00421, 169, 40_133),
            Reading(comparison(0.00079, 0.00043)),
            Reading(comparison(0.00079, 0.00043, always=True)),
        ),
    )
    found = metric(clicks, 0, 0, control=0.00342, units=40_041, arms=arms)
    found = replace(found, control=ArmValue(40_041, 0.00342, 137, 40_041))
    not_run = ("not_run", "no metric has a pre-period with events")
    return facts(
        [found],
        days=7,
        look=1,
        planned={"looks": None, "stopped_at": START + timedelta(days=7), "dimensions": ()},
        about={"coverage_share": None, "locked_at": None},
        arms=few(80_174),
        checks=checks(before=not_run),
    )


def one_look():
    """Fixed inference: the only look is the planned one."""
    planned = {"inference": Inference.FIXED, "looks": 1, "max_days": 14}
    return facts([orders(), checkout()], days=14, look=1, planned=planned)


def fixed_before_end():
    """Fixed inference read before its end: always-valid intervals count."""
    planned = {"inference": Inference.FIXED, "looks": 1, "max_days": 28}
    early = ("warn", "look 1; intervals hold at the planned end only")
    return facts([orders(), checkout()], days=14, look=1, planned=planned, checks=checks(looks=early))


def forty_looks():
    return facts([orders(), checkout(), errors()], days=20, look=40, planned={"looks": None})


def every_state():
    """One row per state, for the eye."""
    neutral = metric(binding(definition("visits", "Visits per user"), Role.SUCCESS, gain="2%"), 0.001, 0.002)
    none = Direction.NONE
    rows = [
        orders(),
        neutral,
        metric(binding(definition("baskets", "Basket size"), Role.SUCCESS), 0.002, 0.004),
        checkout(42.0, 8.5, monitor=harmed()),
        metric(binding(latency("search-p95", "p95 search time"), Role.GUARDRAIL, margin=30.0), 12.0, 3.0),
        metric(binding(latency("home-p95", "p95 home time"), Role.GUARDRAIL, margin=10.0), 1.0, 6.0),
        missing(
            binding(latency("pay-p99", "p99 payment time"), Role.GUARDRAIL, margin=50.0), Why.TOO_FEW_UNITS
        ),
        errors(),
        crashes(0.0009, 0.0002),
        metric(binding(definition("tabs", "Open tabs", direction=none), Role.DIAGNOSTIC), 0.05, 0.01),
        metric(binding(definition("tickets", "Tickets"), Role.DETERIORATION), -0.05, 0.01),
        missing(binding(definition("ghost", "Ghost events"), Role.DIAGNOSTIC)),
    ]
    return facts(rows, curves=(curve(),), slices=scan(), worth=WORTH)


CASES = {
    made.__name__: made
    for made in (
        roll_back,
        ship,
        ship_with_note,
        decide,
        bayesian,
        bayesian_arms,
        bayesian_unread,
        slice_harm,
        no_effect,
        inconclusive,
        keep_running_early,
        keep_running_unproven,
        keep_running_undecided,
        stopped_early,
        safe_to_roll_out,
        no_data,
        no_metrics_delivered,
        srm,
        missing_check,
        three_arms,
        two_arms_to_ship,
        missing_arm,
        inverse_metric,
        zero_baseline,
        all_guardrails_unproven,
        unbounded_lift,
        capped,
        huge_numbers,
        tiny_numbers,
        non_ascii,
        sixty_metrics,
        ablation,
        ablation_priced,
        ablation_stopped,
        ratio_expired,
        distribution,
        aa_agrees,
        aa_differs,
        imported_aggregate,
        one_look,
        fixed_before_end,
        forty_looks,
        every_state,
    )
}
