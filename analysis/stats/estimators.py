"""Metric types: from moments (or a quantile statistic) of one arm to an Estimate.

One arm at a time; whatever needs all arms at once lives in `adjusted`, whatever needs raw values in `robust`.
No comparison and no metric registry in here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from analysis.stats.moments import Moments
from analysis.stats.quantiles import QuantileStat, quantile_ranks
from analysis.stats.results import (
    LARGEST,
    Counts,
    Estimate,
    Estimated,
    InvalidInput,
    NotEstimable,
    Status,
    Why,
    in_range,
)

FEW_EVENTS = 10
"""Below this many events, or non-events, in an arm the normal interval of a share is not trusted."""


def estimated(estimate: Estimated, change: Callable[[Estimate], Estimate]) -> Estimated:
    """Apply `change` to an estimate; pass a NotEstimable on untouched."""
    return estimate if isinstance(estimate, NotEstimable) else change(estimate)


def mean(moments: Moments, column: int = 0) -> Estimated:
    """Mean per unit, in the unit of the values, with variance v / n and n - 1 degrees of freedom (Welch 1947,
    Biometrika 34:28)."""
    refusal = too_few(moments)
    if refusal:
        return refusal
    value, variance = float(moments.mean[column]), moments.variance(column)
    # A constant such as 0.1 leaves a residue of rounding; a spread below the digits of the mean is none.
    residue = 4 * math.ulp(1.0) * value
    if variance <= residue * residue:
        variance = 0.0
    return _estimate(moments, value, variance, "mean")


def count(moments: Moments, column: int = 0) -> Estimated:
    """Events per unit, from moments of each unit's number of events. Deliberately the mean: a Poisson error
    on totals ignores that users differ."""
    return estimated(mean(moments, column), lambda found: replace(found, method="count"))


def capped_mean(moments: Moments, limit: float, column: int = 0) -> Estimated:
    """Mean of unit totals that were cut at `limit` before they became moments (see `robust.pooled_cap`), in
    the unit of the totals. Raises InvalidInput when the mean exceeds the cap."""
    if moments.n and moments.mean[column] > limit * (1 + 1e-9):
        value = float(moments.mean[column])
        raise InvalidInput(
            "moments", value, f"the mean exceeds the cap {limit}", "Cap values before merging."
        )
    return estimated(mean(moments, column), lambda found: replace(found, method=f"mean capped at {limit:g}"))


def proportion(moments: Moments, column: int = 0) -> Estimated:
    """Share of units with the event (values 0 and 1).

    With fewer than `FEW_EVENTS` events or non-events the estimate carries its counts, so that comparisons use
    score limits and an exact p value, and its variance adds one success and one failure, which is never zero
    (Agresti & Caffo 2000, The American Statistician 54:280). A share of 0..1. Raises InvalidInput when the
    values cannot have been 0 and 1.
    """
    refusal = too_few(moments)
    if refusal:
        return refusal
    share = _checked_share(moments, column)
    counts = Counts(round(share * moments.n), moments.n)
    if counts.rarer >= FEW_EVENTS:
        return _estimate(moments, share, moments.variance(column), "proportion")
    trials = counts.trials + 2
    smoothed = (counts.events + 1) / trials
    variance = smoothed * (1 - smoothed) / trials
    return Estimate(
        share, variance, units=moments.n, method="proportion", status=Status.FEW_EVENTS, counts=counts
    )


def ratio(moments: Moments, numerator: int = 0, denominator: int = 1) -> Estimated:
    """Ratio of sums R = sum y / sum d with units as clusters (delta method), in units of y per d.

    Var(R) = Var(y - R d) / (n mean(d)^2): Deng, Knoblich & Lu 2018 (arXiv 1803.06336), section 3, eq. 3.
    """
    refusal = too_few(moments)
    if refusal:
        return refusal
    base = float(moments.mean[denominator])
    if base <= 0:
        return NotEstimable(Why.DENOMINATOR_NOT_POSITIVE)
    value = float(moments.mean[numerator]) / base
    pair = moments.select([numerator, denominator])
    variance = pair.combination_variance([1 / base, -value / base])
    return _estimate(moments, value, variance, "ratio of sums, delta method")


def quantile(stat: QuantileStat) -> Estimated:
    """Quantile of sessions with users as clusters, in their unit: outer interval with post-adjustment.

    Width of the order-statistic interval of independent sessions, times the square root of the design effect
    Var_cluster(mean I) / (p (1 - p) / n): Deng, Knoblich & Lu 2018 section 4.2; Yao, Li & Lu 2024 (arXiv
    2401.14549), algorithm 1. `p` is the observed share at or below the value, which equals q unless sessions
    tie there. The reference distribution is the normal one.
    """
    refusal = too_few(stat.cluster)
    if refusal:
        return refusal
    ranks = quantile_ranks(stat.n, stat.q)
    if not ranks.in_reach:
        return NotEstimable(Why.QUANTILE_OUT_OF_REACH)
    below = ratio(stat.cluster)
    if isinstance(below, NotEstimable):
        return below
    share_variance = below.value * (1 - below.value) / stat.n
    if stat.upper <= stat.lower or share_variance <= 0:
        return NotEstimable(Why.QUANTILE_TIED)
    independent = (stat.upper - stat.lower) / ranks.width_in_standard_errors(stat.q)
    variance = independent * independent * below.variance / share_variance
    return measured(
        Estimate(stat.value, variance, units=stat.cluster.n, method="quantile, clustered outer interval")
    )


def too_few(moments: Moments) -> NotEstimable | None:
    """The refusal for an arm that is too small for any variance."""
    if moments.n >= 2:
        return None
    return NotEstimable(Why.TOO_FEW_UNITS if moments.n else Why.NO_UNITS)


def measured(estimate: Estimate) -> Estimated:
    """The estimate, unless its numbers have left the range in which comparisons can square them."""
    is_known = estimate.status is Status.NO_VARIATION and abs(estimate.value) <= LARGEST
    if is_known or in_range(estimate.value, estimate.variance):
        return estimate
    return NotEstimable(Why.OUT_OF_RANGE)


def _estimate(moments: Moments, value: float, unit_variance: float, method: str) -> Estimated:
    status = Status.NO_VARIATION if unit_variance == 0 else Status.OK
    return measured(Estimate(value, unit_variance / moments.n, moments.n - 1, moments.n, method, status))


def _checked_share(moments: Moments, column: int) -> float:
    share = float(moments.mean[column])
    if not -1e-12 <= share <= 1 + 1e-12:
        raise InvalidInput("moments", share, "a share lies between 0 and 1", "Give 0 or 1 per unit.")
    share = min(max(share, 0.0), 1.0)
    expected = moments.n * share * (1 - share)
    if abs(float(moments.comoment[column, column]) - expected) > 1e-6 * max(expected, 1.0):
        raise InvalidInput("moments", share, "the spread is not that of 0 and 1 values", "Use mean instead.")
    return share
