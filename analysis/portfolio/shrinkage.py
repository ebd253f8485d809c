"""What shipped experiments really add up to: empirical Bayes against the winner's curse. Pure.

What is shipped was picked because it looked good, so its estimates are too large on average. The spread of
the true effects is learned from all decided experiments on the metric, shipped or not; each estimate is then
drawn towards their mean by how uncertain it is: posterior mean (y / s^2 + m / t^2) / (1 / s^2 + 1 / t^2) with
variance 1 / (1 / s^2 + 1 / t^2) (normal-normal model; Efron & Morris 1975), m and t^2 from a random-effects
model (DerSimonian & Laird 1986). Effects multiply, so all of it happens to log(1 + effect). With fewer than
FEWEST experiments no spread can be learned: the mean is then 0 and t^2 the median squared error, which halves
a typical estimate.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.stats import meta
from analysis.stats.results import Estimate, NotEstimable
from analysis.stats.tails import critical_value

FEWEST = 5
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Seen:
    """One decided experiment: the estimate it was decided on, with its error, and whether it was shipped."""

    experiment: str
    estimate: float
    standard_error: float
    shipped: bool

    @property
    def log_effect(self) -> float:
        return math.log1p(self.estimate)

    @property
    def log_error(self) -> float:
        """To first order."""
        return self.standard_error / (1 + self.estimate)


@dataclass(frozen=True, slots=True)
class Prior:
    """Mean and variance of the true effects as logarithms; `learned`: could the experiments show them?"""

    mean: float
    variance: float
    learned: bool


@dataclass(frozen=True, slots=True)
class Shrunk:
    """One experiment after shrinking. `kept_share` is what is left of the estimate, None when it was 0."""

    experiment: str
    estimate: float
    shrunk: float
    low: float
    high: float
    shipped: bool
    kept_share: float | None


@dataclass(frozen=True, slots=True)
class Total:
    """What the shipped ones add up to, as they were read and shrunk: (1 + x)(1 + y) - 1."""

    shipped: int
    naive: float
    shrunk: float
    low: float
    high: float


def prior(seen: Sequence[Seen]) -> Prior:
    """How the true effects on this metric spread."""
    median = statistics.median(each.log_error**2 for each in seen)
    if len(seen) < FEWEST:
        return Prior(0.0, median, learned=False)
    pooled = meta.random_effects([Estimate(each.log_effect, each.log_error**2, math.inf) for each in seen])
    if isinstance(pooled, NotEstimable):
        return Prior(0.0, median, learned=False)
    return Prior(pooled.estimate, pooled.heterogeneity.tau2, learned=True)


def shrink(each: Seen, known: Prior) -> Shrunk:
    """Draw one estimate towards the mean. Without any spread between experiments it becomes the mean."""
    mean, variance = _posterior(each, known)
    half = critical_value((1 - LEVEL) / 2) * math.sqrt(variance)
    shrunk, low, high = (math.expm1(value) for value in (mean, mean - half, mean + half))
    kept = shrunk / each.estimate if each.estimate else None
    return Shrunk(each.experiment, each.estimate, shrunk, low, high, each.shipped, kept)


def _posterior(each: Seen, known: Prior) -> tuple[float, float]:
    """Mean and variance of the true log effect."""
    if known.variance <= 0:
        return known.mean, 0.0
    data, belief = 1 / each.log_error**2, 1 / known.variance
    variance = 1 / (data + belief)
    return variance * (each.log_effect * data + known.mean * belief), variance


def total(seen: Sequence[Seen], known: Prior) -> Total:
    """Of the shipped ones. Errors of different experiments are independent: their units were drawn anew."""
    shipped = [each for each in seen if each.shipped]
    posteriors = [_posterior(each, known) for each in shipped]
    half = critical_value((1 - LEVEL) / 2) * math.sqrt(sum(variance for _, variance in posteriors))
    added = sum(mean for mean, _ in posteriors)
    return Total(
        shipped=len(shipped),
        naive=math.expm1(sum(each.log_effect for each in shipped)),
        shrunk=math.expm1(added),
        low=math.expm1(added - half),
        high=math.expm1(added + half),
    )
