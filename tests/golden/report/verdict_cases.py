"""Edge cases that end in each of the verdicts."""

from dataclasses import replace
from datetime import timedelta

from experiments.plan import Role
from metrics.definitions import Tier
from tests.core.report.build import (
    START,
    binding,
    checkout,
    checks,
    crashes,
    errors,
    facts,
    harmed,
    latency,
    metric,
    orders,
)
from tests.golden.report.parts import WORTH, curve, few, monitored, scan


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
