# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Simulations of clustered quantiles: coverage at one look, and false alarms when looking often."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.stats.compare import Margin, difference, noninferiority
from analysis.stats.estimators import estimated, quantile, ratio
from analysis.stats.moments import Moments
from analysis.stats.quantiles import QuantileStat
from analysis.stats.results import Estimated
from analysis.stats.sequential import AlwaysValid, tuned_tau2
from analysis.stats.simulate import Population, Sessions, sessions

Figures = dict[str, float]

SHARES = (0.5, 0.9, 0.95, 0.99)
QUICK = Population(user_sd=0.7, session_sd=0.6, mean_sessions=5.0)


def coverage_of_quantiles(replicates=6_000, users=800) -> Figures:
    """No difference between two arms of 800 users: how often the interval holds zero, by user and as if
    sessions were independent."""
    clustered, independent = np.zeros(len(SHARES)), np.zeros(len(SHARES))
    for stream in np.random.SeedSequence(201).spawn(replicates):
        rng = np.random.default_rng(stream)
        arms = [sessions(rng, QUICK, users) for _ in range(2)]
        for i, q in enumerate(SHARES):
            found = difference(*(estimate(arm, q) for arm in arms))
            clustered[i] += 0.0 in found.confidence_interval
            error = np.sqrt(sum(independent_variance(arm.values, q) for arm in arms))
            independent[i] += abs(found.estimate) <= 1.96 * error
    names = [f"p{round(100 * q)}" for q in SHARES]
    figures = {name: float(hits / replicates) for name, hits in zip(names, clustered, strict=True)}
    figures |= {f"{n}_independent": float(h / replicates) for n, h in zip(names, independent, strict=True)}
    return figures


def estimate(arm: Sessions, q: float) -> Estimated:
    return quantile(QuantileStat.from_sessions(arm.values, arm.users, q))


def independent_variance(values, q):
    """The textbook order-statistic variance with every session a unit of its own."""
    alone = quantile(QuantileStat.from_sessions(values, np.arange(values.size), q))
    return alone.variance


def margins(replicates=3_000, users=800) -> Figures:
    """A true loss of exactly 5 % against a relative margin of 5 %, one-sided 5 %: how often a p95 and a ratio
    of sums are shown not to be worse; and a p95 whose control is taken as known (must fail)."""
    hits = {"p95": 0, "ratio": 0, "p95_control_taken_as_known": 0}
    margin = Margin(0.05, relative=True)
    for stream in np.random.SeedSequence(203).spawn(replicates):
        rng = np.random.default_rng(stream)
        arms = [sessions(rng, QUICK, users, slowdown) for slowdown in (1.0, 1.05)]
        p95 = [estimate(arm, 0.95) for arm in arms]
        known = estimated(p95[0], lambda found: replace(found, variance=0.0))
        ratios = [ratio(Moments.from_rows(arm.totals_per_user())) for arm in arms]
        hits["p95"] += noninferiority(*p95, margin=margin, better="down").rejects
        hits["ratio"] += noninferiority(*ratios, margin=margin, better="down").rejects
        hits["p95_control_taken_as_known"] += noninferiority(
            known, p95[1], margin=margin, better="down"
        ).rejects
    return {name: count / replicates for name, count in hits.items()}


def looking_often_at_a_quantile(replicates=400) -> Figures:
    """16 looks from 250 to 4,000 users an arm, no effect: false alarms of the always-valid test and of
    1.96 at every look, both two-sided at 5 %."""
    sizes = np.linspace(250, 4000, 16).astype(int)
    figures: Figures = {}
    for q in (0.5, 0.95):
        valid = naive = 0
        for stream in np.random.SeedSequence(202).spawn(replicates):
            rng = np.random.default_rng(stream)
            looks = quantile_looks(rng, sizes, q)
            tau2 = tuned_tau2(looks[-1].standard_error ** 2)
            valid += any(AlwaysValid(tau2).of(look).rejects for look in looks)
            naive += any(look.rejects for look in looks)
        figures[f"p{round(100 * q)}_always_valid"] = valid / replicates
        figures[f"p{round(100 * q)}_peeking"] = naive / replicates
    return figures


def quantile_looks(rng, sizes, q):
    arms = [sessions(rng, QUICK, int(sizes[-1])) for _ in range(2)]
    return [difference(*(estimate(first_users(arm, size), q) for arm in arms)) for size in sizes]


def first_users(arm, size):
    end = np.searchsorted(arm.users, size)
    return Sessions(arm.values[:end], arm.users[:end])
