# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, arg-type"
"""Simulations of what is adjusted, cut or pooled: unequal arms, ratios with a past, caps, trimming."""

from __future__ import annotations

import numpy as np

from analysis.stats.adjusted import (
    ArmRows,
    cuped,
    cuped_ratio,
    lin,
    lin_ratio,
    post_stratified,
    regression_adjusted,
)
from analysis.stats.bayes import beta_binomial
from analysis.stats.compare import difference, lift
from analysis.stats.estimators import mean, ratio
from analysis.stats.meta import random_effects
from analysis.stats.moments import Moments
from analysis.stats.results import Counts, Estimate
from analysis.stats.robust import capped, pooled_cap, trimmed_mean

Figures = dict[str, float]


def streams(seed, replicates):
    return map(np.random.default_rng, np.random.SeedSequence(seed).spawn(replicates))


class Tally:
    """Estimates, reported variances and answers of one procedure over the replicates."""

    def __init__(self, truth=0.0):
        self.truth, self.estimates, self.reported, self.rejected, self.covered = truth, [], [], 0, 0

    def add(self, found):
        self.estimates.append(found.estimate)
        self.reported.append(found.standard_error**2)
        self.rejected += found.rejects
        self.covered += self.truth in found.confidence_interval

    @property
    def variance(self):
        return float(np.var(self.estimates, ddof=1))

    @property
    def honesty(self):
        return float(np.mean(self.reported) / self.variance)

    @property
    def coverage(self):
        return self.covered / len(self.estimates)

    @property
    def bias(self):
        return float(np.mean(self.estimates)) - self.truth


def unequal_arms(replicates=6_000) -> Figures:
    """900 units against 100, slope 2 in the large arm and 0.5 in the small one, skewed covariate and errors:
    a slope of its own for each arm against one common slope and against none."""
    tallies = {"plain": Tally(), "cuped": Tally(), "lin": Tally()}
    for rng in streams(401, replicates):
        arms = [unequal_arm(rng, size, slope) for size, slope in ((900, 2.0), (100, 0.5))]
        tallies["plain"].add(difference(*map(mean, arms)))
        tallies["cuped"].add(difference(*cuped(arms)))
        tallies["lin"].add(difference(*lin(arms)))
    return {
        "lin_over_plain": tallies["lin"].variance / tallies["plain"].variance,
        "cuped_over_plain": tallies["cuped"].variance / tallies["plain"].variance,
        "reported_over_true": tallies["lin"].honesty,
        "coverage": tallies["lin"].coverage,
    }


def unequal_arm(rng, size, slope):
    before = rng.gamma(4.0, 0.5, size) - 2.0
    after = 10 + slope * before + (rng.gamma(4.0, 0.5, size) - 2.0)
    return Moments.from_rows(np.column_stack([after, before]))


def strata_with_own_effects(replicates=6_000) -> Figures:
    """Three strata in which treatment does 0, 3 and 6; 100 units an arm."""
    tally = Tally(3.0)
    for rng in streams(407, replicates):
        arms = []
        for effect in (0.0, 3.0):
            label = rng.integers(0, 3, 100)
            values = effect * label + rng.normal(size=100)
            arms.append({str(k): Moments.from_rows(values[label == k]) for k in range(3)})
        tally.add(difference(*post_stratified(arms)))
    return {"coverage": tally.coverage, "reported_over_true": tally.honesty}


def ratios_with_a_past(replicates=4_000) -> Figures:
    """Milliseconds per request, 400 users an arm who differ for good, a 2 % slowdown: adjusted ratios."""
    truth, tallies = 0.02, {name: Tally() for name in ("plain", "cuped", "lin")}
    base = 100 * np.exp(0.3**2 / 2 + 0.2**2 / 2)
    for tally in tallies.values():
        tally.truth = truth * base
    for rng in streams(402, replicates):
        arms = [requests(rng, 400, 1.0), requests(rng, 400, 1.0 + truth)]
        tallies["plain"].add(difference(*map(ratio, arms)))
        tallies["cuped"].add(difference(*cuped_ratio(arms)))
        tallies["lin"].add(difference(*lin_ratio(arms)))
    figures = {f"{n}_over_plain": t.variance / tallies["plain"].variance for n, t in tallies.items()}
    figures |= {f"{name}_reported_over_true": tally.honesty for name, tally in tallies.items()}
    return figures | {f"{name}_coverage": tally.coverage for name, tally in tallies.items()}


def lifts_of_adjusted_ratios(replicates=2_500, users=60, truth=0.2) -> Figures:
    """The same with few users and a slowdown of 20 %: how often the interval of the lift misses, and misses
    on the side of small changes, by the log of the ratio and by the delta method."""
    figures = dict.fromkeys(("log_coverage", "delta_coverage", "log_below", "delta_below"), 0.0)
    for rng in streams(408, replicates):
        estimates = cuped_ratio([requests(rng, users, 1.0), requests(rng, users, 1.0 + truth)])
        for method in ("log", "delta"):
            interval = lift(*estimates, method=method).confidence_interval
            figures[f"{method}_coverage"] += (truth in interval) / replicates
            figures[f"{method}_below"] += (interval.upper < truth) / replicates
    return figures


def spread_by_covariate(replicates=3_000) -> Figures:
    """900 units against 100 whose spread grows with the covariate: slopes of their own from moments, and with
    HC2 from rows."""
    tallies = {"moments": Tally(), "hc2": Tally()}
    for rng in streams(409, replicates):
        rows = [uneven_spread(rng, size) for size in (900, 100)]
        tallies["moments"].add(difference(*lin([Moments.from_rows(np.column_stack(row)) for row in rows])))
        tallies["hc2"].add(difference(*regression_adjusted([ArmRows(y, x[:, None]) for y, x in rows])))
    figures = {f"{name}_coverage": tally.coverage for name, tally in tallies.items()}
    return figures | {f"{name}_reported_over_true": tally.honesty for name, tally in tallies.items()}


def uneven_spread(rng, size):
    before = rng.gamma(4.0, 0.5, size) - 2.0
    return 10 + before + rng.normal(size=size) * (0.3 + abs(before)), before


def requests(rng, users, slowdown):
    """Sums of milliseconds and requests, then the same of the time before; every tenth user is new."""
    speed = rng.normal(0.0, 0.3, users)
    counts = 1 + rng.poisson(5, (2, users))
    means = 100 * np.exp(speed + rng.normal(0.0, 0.2, (2, users)))
    after, before = counts[0] * means[0] * slowdown, counts[1] * means[1]
    is_old = rng.random(users) > 0.1
    return Moments.from_rows(np.column_stack([after, counts[0], before * is_old, counts[1] * is_old]))


def caps(replicates=4_000, users=2_000) -> Figures:
    """Heavy-tailed totals, 10 % more in treatment: the shared cap against a cap of its own for each arm.

    The truth is the change of the capped mean at the cap of endless pooled data.
    """
    large = np.random.default_rng(1)
    arms = [heavy(large, 2_000_000, factor) for factor in (1.0, 1.1)]
    cap = pooled_cap(arms)
    truth = float(capped(arms[1], cap).mean() - capped(arms[0], cap).mean())
    shared, own = Tally(truth), Tally(truth)
    for rng in streams(403, replicates):
        arms = [heavy(rng, users, factor) for factor in (1.0, 1.1)]
        cap = pooled_cap(arms)
        shared.add(difference(*(mean(Moments.from_rows(capped(arm, cap))) for arm in arms)))
        own.add(difference(*(mean(Moments.from_rows(capped(arm, pooled_cap([arm])))) for arm in arms)))
    return {
        "coverage": shared.coverage,
        "reported_over_true": shared.honesty,
        "bias_in_errors": shared.bias / shared.variance**0.5,
        "own_caps_coverage": own.coverage,
        "own_caps_reported_over_true": own.honesty,
    }


def heavy(rng, size, factor):
    return factor * rng.lognormal(1.0, 1.5, size)


def trimming(replicates=10_000) -> Figures:
    """Student's t with 2 degrees of freedom, 60 units against 40: size of Yuen's test, and of Welch's on the
    values that are left after trimming as if nothing had been cut."""
    yuen = naive = 0
    for rng in streams(404, replicates):
        arms = [rng.standard_t(2, size) for size in (60, 40)]
        yuen += difference(*(trimmed_mean(arm, 0.2) for arm in arms)).rejects
        kept = [np.sort(arm)[int(0.2 * arm.size) : arm.size - int(0.2 * arm.size)] for arm in arms]
        naive += difference(*(mean(Moments.from_rows(arm)) for arm in kept)).rejects
    return {"yuen": yuen / replicates, "as_if_nothing_was_cut": naive / replicates}


def few_studies(replicates=20_000, studies=5) -> Figures:
    """Five studies of very different size, true effects scattered: coverage with and without the correction
    for an estimated tau^2."""
    rng, truth = np.random.default_rng(405), 1.0
    variances = np.array([0.02, 0.05, 0.1, 0.2, 0.5])[:studies]
    plain, corrected = 0, 0
    for values in rng.normal(truth, np.sqrt(variances + 0.3), (replicates, studies)):
        effects = [Estimate(float(y), float(v)) for y, v in zip(values, variances, strict=True)]
        plain += truth in random_effects(effects).confidence_interval
        corrected += truth in random_effects(effects, hartung_knapp=True).confidence_interval
    return {"hartung_knapp": corrected / replicates, "normal": plain / replicates}


def posterior_of_shares(replicates=2_000) -> Figures:
    """Shares drawn from the prior itself: the 95 % credible interval has to hold the truth in 95 %."""
    rng, covered = np.random.default_rng(406), 0
    shares = rng.beta(1.0, 1.0, (replicates, 2))
    events = rng.binomial(60, shares)
    for (p0, p1), (e0, e1) in zip(shares, events, strict=True):
        found = beta_binomial(Counts(float(e0), 60), Counts(float(e1), 60))
        covered += (p1 - p0) in found.credible_interval
    return {"coverage": covered / replicates}
