"""Posterior answers for readers who ask for them: how probable is it that treatment is better.

Shown beside the frequentist result, never deciding. Looking at a posterior every day and stopping when it
pleases does raise false alarms; that is what `sequential` is for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.stats.results import (
    LARGEST,
    SMALLEST,
    Compared,
    Counts,
    Interval,
    InvalidInput,
    NotEstimable,
    check_level,
    fields_as_dict,
)
from analysis.stats.tails import critical_value, special, upper_tail

NODES = 1024
MOST_TRIALS = 1e12
"""More have no use, and the beta functions lose their digits."""
TAIL = 1e-12
"""Quadrature over the control's posterior between the points with this tail outside. Probability and loss are
right to 1e-7; interval ends to 1e-3 of a share when every unit or none has the event, else far better."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Of the effect treatment - control. `expected_loss` = E max(0, -effect): the price of shipping if it is
    worse, in metric units. `probability_positive` is not a p value."""

    mean: float
    standard_deviation: float
    credible_interval: Interval
    probability_positive: float
    expected_loss: float
    method: str

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


def normal_posterior(
    comparison: Compared, *, prior_sd: float, prior_mean: float = 0.0, level: float = 0.95
) -> Posterior | NotEstimable:
    """Normal prior times normal likelihood (Gelman et al., Bayesian Data Analysis, 3rd ed., eq. 2.12).

    `prior_mean`, `prior_sd` of the effect, in the comparison's unit. Raises InvalidInput for a prior without
    spread.
    """
    if isinstance(comparison, NotEstimable):
        return comparison
    if not (SMALLEST <= prior_sd <= LARGEST and abs(prior_mean) <= LARGEST):
        prior = (prior_mean, prior_sd)
        raise InvalidInput("prior", prior, "a prior needs a mean and a spread", "Use those of past effects.")
    check_level("level", level)
    # The share of the data in the mean, and the error, from the quotient of the two spreads: neither of the
    # precisions need fit a double.
    quotient = prior_sd / comparison.standard_error
    sd = prior_sd / math.hypot(1.0, quotient)
    share = (quotient / math.hypot(1.0, quotient)) ** 2
    mean = prior_mean + share * (comparison.estimate - prior_mean)
    z, half = mean / sd, critical_value((1 - level) / 2) * sd
    density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    loss = max(sd * density - mean * upper_tail(z), 0.0)
    return Posterior(mean, sd, Interval(mean - half, mean + half), upper_tail(-z), loss, "normal-normal")


def beta_binomial(
    control: Counts, treatment: Counts, *, prior: tuple[float, float] = (1.0, 1.0), level: float = 0.95
) -> Posterior:
    """Difference of two shares under independent beta posteriors (Gelman et al., section 2.4), by quadrature
    over the control's. Raises InvalidInput for impossible counts or beta parameters below 0.5."""
    if not all(0.5 <= parameter <= MOST_TRIALS for parameter in prior):
        raise InvalidInput("prior", prior, "beta parameters start at 0.5 here", "Use (1, 1) for a flat one.")
    check_level("level", level)
    base, other = _posterior(control, prior), _posterior(treatment, prior)
    points, weights = _density_points(*base)
    worse = _cdf(other, points)
    probability = float(weights @ special().betaincc(*other, points))
    # E max(p0 - p1, 0) given p0 is the integral of p1's distribution function up to p0.
    partial = _cdf((other[0] + 1, other[1]), points)
    loss = float(weights @ (points * worse - _mean(other) * partial))
    mean = _mean(other) - _mean(base)
    sd = math.sqrt(_variance(base) + _variance(other))
    tail = (1 - level) / 2
    interval = Interval(
        _difference_quantile(other, points, weights, tail),
        _difference_quantile(other, points, weights, 1 - tail),
    )
    return Posterior(mean, sd, interval, min(probability, 1.0), max(loss, 0.0), "beta-binomial")


Beta = tuple[float, float]


def _posterior(counts: Counts, prior: Beta) -> Beta:
    if not 0 <= counts.events <= counts.trials <= MOST_TRIALS:
        raise InvalidInput("counts", counts, "events lie between 0 and the trials")
    return counts.events + prior[0], counts.trials - counts.events + prior[1]


def _mean(beta: Beta) -> float:
    return beta[0] / (beta[0] + beta[1])


def _variance(beta: Beta) -> float:
    total = beta[0] + beta[1]
    return beta[0] * beta[1] / (total * total * (total + 1))


def _cdf(beta: Beta, points: Array) -> Array:
    values: Array = special().betainc(*beta, np.clip(points, 0.0, 1.0))
    return values


def _density_points(a: float, b: float) -> tuple[Array, Array]:
    """Shares and their weights under Beta(a, b): equal steps of the log odds.

    In log odds the density is smooth and falls off exponentially on both sides, where equal steps converge
    faster than any power; as a function of the share it may be infinite at an end.
    """
    betaincinv = special().betaincinv
    smallest, smallest_rest = betaincinv(a, b, TAIL), betaincinv(b, a, TAIL)
    low = np.log(smallest) - np.log1p(-smallest)
    high = np.log1p(-smallest_rest) - np.log(smallest_rest)
    odds = np.linspace(low, high, NODES)
    log_density = -a * np.logaddexp(0, -odds) - b * np.logaddexp(0, odds) - special().betaln(a, b)
    weights = np.exp(log_density) * (odds[1] - odds[0])
    return special().expit(odds), weights / weights.sum()


def _difference_quantile(other: Beta, points: Array, weights: Array, share: float) -> float:
    """d with P(p1 - p0 <= d) = share, by bisection."""
    low, high = -1.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        below = float(weights @ _cdf(other, points + middle)) < share
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2
