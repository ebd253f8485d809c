"""Edge cases of kinds of experiments, of plans and of looks."""

from dataclasses import replace
from datetime import timedelta

from analysis.report.facts import (
    ArmResult,
    ArmValue,
    HistogramFacts,
    MoneyRange,
    Reading,
)
from analysis.stats.results import Why
from experiments.plan import Inference, Role
from metrics.definitions import Direction, Kind
from tests.core.report.build import (
    CHECKOUT,
    ORDERS,
    START,
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
)
from tests.golden.report.number_cases import (
    no_data,
    three_arms,
)
from tests.golden.report.parts import CALIBRATED, CREATED, OFF, WORTH, curve, few, scan
from tests.golden.report.verdict_cases import (
    roll_back,
    ship,
)


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
