# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Simulations of estimators and comparisons: each function returns the shares it measured.

Everything is seeded; nothing is asserted here. `test_estimators.py` holds the figures against their bands,
and `python -m tests.calibration` prints them.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from analysis.stats.adjusted import cuped, post_stratified
from analysis.stats.compare import Margin, difference, lift, noninferiority
from analysis.stats.estimators import mean, proportion, ratio
from analysis.stats.many import Estimates, differences
from analysis.stats.moments import Moments
from analysis.stats.results import Counts, Estimate
from analysis.stats.simulate import Population, calibrate, overdispersed_counts, sessions

Figures = dict[str, float]


def many_means(samples):
    """Estimates of many simulated arms at once, samples [replicates, units]."""
    size = np.full(len(samples), float(samples.shape[1]))
    return Estimates.means(size, samples.mean(axis=1), samples.var(axis=1, ddof=1))


def welch(replicates=20_000) -> Figures:
    """Skewed totals, unequal sizes and variances, no difference of the means."""
    rng = np.random.default_rng(101)
    control = rng.gamma(2.0, 1.0, (replicates, 500))
    treatment = 2.0 + 2.0 * (rng.gamma(2.0, 1.0, (replicates, 200)) - 2.0)
    found = differences(many_means(control), many_means(treatment))
    return {"false_positives": float((found.p_value < 0.05).mean())}


def ratio_of_sums(replicates=10_000) -> Figures:
    """Sessions of 300 users an arm: the delta method, and the t test that takes sessions as independent."""
    population = Population(user_sd=0.8, session_sd=0.5, mean_sessions=6.0)
    hits = np.zeros(2)
    for stream in np.random.SeedSequence(102).spawn(replicates):
        rng = np.random.default_rng(stream)
        arms = [sessions(rng, population, 300) for _ in range(2)]
        by_user = difference(*(ratio(Moments.from_rows(arm.totals_per_user())) for arm in arms))
        by_session = difference(*(mean(Moments.from_rows(arm.values)) for arm in arms))
        hits += [by_user.rejects, by_session.rejects]
    return {"delta_method": hits[0] / replicates, "sessions_as_independent": hits[1] / replicates}


def counts(replicates=10_000) -> Figures:
    """Overdispersed events of 200 users an arm: Welch per user against a Poisson test on the totals."""
    rng = np.random.default_rng(103)
    arms = [overdispersed_counts(rng, replicates * 200, 2.0, 1.5).reshape(replicates, 200) for _ in range(2)]
    per_user = differences(*(many_means(arm) for arm in arms)).p_value < 0.05
    totals = [arm.sum(axis=1) for arm in arms]
    z = (totals[1] - totals[0]) / np.sqrt(totals[0] + totals[1])
    return {"welch": float(per_user.mean()), "poisson_on_totals": float((np.abs(z) > 1.96).mean())}


def newcombe() -> Figures:
    """Exact, not simulated: all pairs of counts weighted by their probability, 400 units an arm."""
    shares, n = (0.01, 0.015), 400
    weights = [stats.binom.pmf(np.arange(41), n, share) for share in shares]
    covered = rejected = 0.0
    for e0, w0 in enumerate(weights[0]):
        for e1, w1 in enumerate(weights[1]):
            found = difference(few(e0, n), few(e1, n))
            covered += w0 * w1 * (0.005 in found.confidence_interval)
    null = weights[0]
    for e0, w0 in enumerate(null):
        for e1, w1 in enumerate(null):
            rejected += w0 * w1 * difference(few(e0, n), few(e1, n)).rejects
    return {"coverage": covered, "false_positives": rejected, "probability_left_out": 1 - null.sum()}


def few(events, trials):
    return proportion(Moments.from_events(events, trials))


def cuped_variance(replicates=8_000, correlation=0.7) -> Figures:
    """500 users an arm, true correlation 0.7 with the time before."""
    plain, adjusted, reported, rejected = [], [], [], 0
    for stream in np.random.SeedSequence(105).spawn(replicates):
        rng = np.random.default_rng(stream)
        arms = []
        for _ in range(2):
            before = rng.normal(size=500)
            after = correlation * before + np.sqrt(1 - correlation**2) * rng.normal(size=500)
            arms.append(Moments.from_rows(np.column_stack([after, before])))
        found = difference(*cuped(arms))
        plain.append(difference(*(mean(arm) for arm in arms)).estimate)
        adjusted.append(found.estimate)
        reported.append(found.standard_error**2)
        rejected += found.rejects
    return {
        "variance_ratio": float(np.var(adjusted) / np.var(plain)),
        "limit": 1 - correlation**2,
        "reported_over_true": float(np.mean(reported) / np.var(adjusted)),
        "false_positives": rejected / replicates,
    }


def strata(replicates=8_000) -> Figures:
    """Three strata that explain 90 % of the variance; effect 0.1."""
    plain, adjusted, covered = [], [], 0
    for stream in np.random.SeedSequence(106).spawn(replicates):
        rng = np.random.default_rng(stream)
        arms, totals = [], []
        for effect in (0.0, 0.1):
            label = rng.integers(0, 3, 200)
            values = effect + label * np.sqrt(9 * 1.5) + rng.normal(size=200)
            arms.append({str(k): Moments.from_rows(values[label == k]) for k in range(3)})
            totals.append(values.mean())
        found = difference(*post_stratified(arms))
        plain.append(totals[1] - totals[0])
        adjusted.append(found.estimate)
        covered += 0.1 in found.confidence_interval
    return {
        "variance_ratio": float(np.var(adjusted) / np.var(plain)),
        "limit": 0.1,
        "coverage": covered / replicates,
    }


def lifts(replicates=20_000) -> Figures:
    """True lift 20 %, the base only four standard errors from zero."""
    rng = np.random.default_rng(107)
    truth, figures = 0.2, {}
    base, other = rng.normal(4.0, 1.0, replicates), rng.normal(4.8, 1.0, replicates)
    usable = (base > 0) & (other > 0)
    figures["usable"] = float(usable.mean())
    for method in ("fieller", "log", "delta"):
        found = [
            lift(Estimate(b, 1.0), Estimate(o, 1.0), method=method)
            for b, o in zip(base[usable], other[usable], strict=True)
        ]
        inside = [truth in result.confidence_interval for result in found]
        below = [result.confidence_interval.upper < truth for result in found]
        figures[method] = float(np.mean(inside))
        figures[f"{method}_upper_end_below_truth"] = float(np.mean(below))
    return figures


def relative_margin(replicates=40_000) -> Figures:
    """Size at a true loss of exactly 10 %: the exact contrast, and the margin times the observed base taken
    as known."""
    rng = np.random.default_rng(108)
    control = rng.normal(10.0, 0.3, replicates)
    treatment = rng.normal(9.0, 0.3, replicates)
    margin = Margin(0.1, relative=True)
    exact = fixed = 0
    for m0, m1 in zip(control, treatment, strict=True):
        arms = Estimate(m0, 0.09), Estimate(m1, 0.09)
        exact += noninferiority(*arms, margin=margin, better="up").rejects
        fixed += noninferiority(*arms, margin=Margin(0.1 * m0), better="up").rejects
    return {"exact_contrast": exact / replicates, "base_taken_as_known": fixed / replicates}


def real_procedures() -> Figures:
    """Coverage of a planted 5 % slowdown of the mean session by the ratio's log lift."""

    def compare(rng):
        arms = [sessions(rng, Population(), 800, slowdown) for slowdown in (1.0, 1.05)]
        return lift(*(ratio(Moments.from_rows(arm.totals_per_user())) for arm in arms))

    found = calibrate(compare, replicates=8_000, seed=109, truth=0.05)
    return {"coverage": found.coverage_share, "reported_over_true": found.variance_ratio}


def wald_at_no_events() -> Figures:
    """The normal interval for a share, exact coverage at 1 % of 100 units: what the score interval
    replaces."""
    weights = stats.binom.pmf(np.arange(101), 100, 0.01)
    shares = np.arange(101) / 100
    half = 1.96 * np.sqrt(shares * (1 - shares) / 100)
    wald = float(weights @ (np.abs(shares - 0.01) <= half))
    wilson = float(weights @ np.array([0.01 in Counts(e, 100).wilson(1.96) for e in range(101)]))
    return {"wald": wald, "wilson": wilson}
