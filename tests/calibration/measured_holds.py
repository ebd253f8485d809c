"""Holds of a guardrail on simulated experiments: users arrive for two weeks, each hour is a look.

Everything between moments and the hold is the product's: the comparison, the clock of the first look, the
hybrid monitor, and what a blocking guardrail sets off. A hold is the first look with harm.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from analysis.comparing import Contrast, History, both_readings
from analysis.guardrails import Moment, watch
from analysis.report.facts import Harm
from analysis.stats.estimators import mean, ratio
from analysis.stats.moments import Moments
from experiments.plan import Role
from metrics.definitions import Direction, Kind
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.store import START
from tests.core.analysis.world import definition

Figures = dict[str, float]

HOURS, PER_HOUR = 336, 30
UNITS = HOURS * PER_HOUR
LATENCY = definition("latency", Kind.MEAN, "request", direction=Direction.DOWN)
BOUND = replace(binding(LATENCY, Role.GUARDRAIL, blocking=True, margin=0.02))
PLAN = locked_plan(bindings=(BOUND,), planned_units=UNITS, stopped_at=None, max_days=14, started_at=START)
ESTIMATORS = {"mean": mean, "ratio": ratio}


def holds(replicates=120, severe=60) -> Figures:
    """Share of harmless experiments that are held in two weeks, and hours until a slowdown of 16 standard
    errors (as they are at the end) is held: the mean and the slowest tenth."""
    figures: Figures = {}
    for seed, kind in enumerate(ESTIMATORS):
        for name, errors, runs in (("harmless", 0.0, replicates), ("severe", 16.0, severe)):
            streams = np.random.SeedSequence([400, seed, int(errors)]).spawn(runs)
            hours = np.array([hours_to_hold(np.random.default_rng(each), kind, errors) for each in streams])
            figures[f"{kind}_{name}_held"] = float(np.isfinite(hours).mean())
            if errors:
                figures[f"{kind}_mean_hours"] = float(hours.mean())
                figures[f"{kind}_slowest_tenth_hours"] = float(np.quantile(hours, 0.9))
    return figures


def hours_to_hold(rng, kind, errors):
    """Hours until the first look with harm; infinite when there is none in two weeks."""
    slowdown = errors * error_at_the_end(kind)
    arms = [Moments.empty(2), Moments.empty(2)]
    history = History()
    for hour in range(1, HOURS + 1):
        arms = [arm + arrivals(rng, kind, each * slowdown) for each, arm in enumerate(arms)]
        history, is_held = look(kind, arms, history, hour)
        if is_held:
            return hour
    return np.inf


def arrivals(rng, kind, slowdown):
    """One hour's users of one arm: time spent waiting, and the number of requests it is divided by."""
    requests = np.ones(PER_HOUR) if kind == "mean" else 1.0 + rng.poisson(2.0, PER_HOUR)
    own = rng.gamma(4.0, 75.0, PER_HOUR)  # some users are slow for good
    return Moments.from_rows(np.column_stack([requests * (own + slowdown), requests]))


def error_at_the_end(kind):
    """Standard error of the difference at the planned end, from one large sample of users."""
    rng = np.random.default_rng(401)
    sample = Moments.empty(2)
    for _ in range(1_000):
        sample += arrivals(rng, kind, 0.0)
    return float(np.sqrt(2 * ESTIMATORS[kind](sample).variance * sample.n / UNITS))


def look(kind, arms, history, hour):
    """The history with this look, and whether it finds harm."""
    control, treatment = (ESTIMATORS[kind](arm) for arm in arms)
    units = min(arm.n for arm in arms)
    both = both_readings(
        PLAN, BOUND, Contrast(control, treatment, units), history, cut=START + timedelta(hours=hour)
    )
    at = Moment(hour, float(hour), units / UNITS)
    found = watch(BOUND, both, history, units=units, at=at)
    kept = replace(history, clock=both.clock)
    if found.look is not None:
        kept = replace(kept, looks=(*history.looks, found.look), numbers=(*history.numbers, hour))
    return kept, found.facts.harm is not Harm.NONE
