"""Two proportions with few events: hybrid score interval and exact p value.

Called by `compare` for estimates that carry counts; not meant to be called for anything else.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from analysis.stats.results import Alternative, Comparison, Counts, Estimate, Interval
from analysis.stats.tails import special, upper_tail

SAME_PROBABILITY = 1e-7
"""Relative slack within which two tables count as equally probable (rounding of log-gamma)."""

WIDEST_Z = 38.0

OPPOSITE = {
    Alternative.TWO_SIDED: Alternative.TWO_SIDED,
    Alternative.GREATER: Alternative.LESS,
    Alternative.LESS: Alternative.GREATER,
}

Array = NDArray[np.float64]


def few_events_interval(
    control: Estimate, treatment: Estimate, z: float, base_weight: float = 1.0
) -> Interval:
    """Newcombe's hybrid score interval of treatment - k control (Newcombe 1998, Statistics in Medicine
    17:873, method 10), with k = `base_weight` scaling the control limits (Zou & Donner 2008, MOVER).
    """
    base, other = _limits(control, z), _limits(treatment, z)
    estimate = treatment.value - base_weight * control.value
    down = math.hypot(treatment.value - other.lower, base_weight * (base.upper - control.value))
    up = math.hypot(other.upper - treatment.value, base_weight * (control.value - base.lower))
    return Interval(estimate - down, estimate + up)


def few_events_p_value(control: Estimate, treatment: Estimate, result: Comparison) -> float:
    """Fisher's exact p value of no difference; against any other null, that of the interval turned round."""
    if result.null == 0 and result.base_weight == 1:
        return fisher(_counts(control), _counts(treatment), result.alternative)
    if result.alternative is Alternative.TWO_SIDED:
        farther = abs(_z_at_null(control, treatment, result))
        return min(1.0, 2 * upper_tail(farther))
    sign = 1 if result.alternative is Alternative.GREATER else -1
    return upper_tail(sign * _z_at_null(control, treatment, result))


def fisher(control: Counts, treatment: Counts, alternative: Alternative) -> float:
    """Fisher's exact test: given the total of events, those in treatment are hypergeometric.

    Two-sided: the probability of all tables not more probable than the one seen.
    """
    if control.events + treatment.events > (control.trials + treatment.trials) / 2:
        return fisher(_without_event(control), _without_event(treatment), OPPOSITE[alternative])
    events = control.events + treatment.events
    lowest, highest = max(0.0, events - control.trials), min(events, treatment.trials)
    support = np.arange(lowest, highest + 1)
    log_p = _log_hypergeometric(support, control, treatment)
    seen = log_p[int(treatment.events - lowest)]
    if alternative is Alternative.GREATER:
        chosen = support >= treatment.events
    elif alternative is Alternative.LESS:
        chosen = support <= treatment.events
    else:
        chosen = log_p <= seen + SAME_PROBABILITY
    return min(1.0, math.fsum(np.exp(log_p[chosen])))


def _log_hypergeometric(support: Array, control: Counts, treatment: Counts) -> Array:
    """Log probabilities from falling factorials over powers of the total: their logs stay as small as the
    number of events, where log-gamma of billions of trials would lose the digits of a p value."""
    events, whole = control.events + treatment.events, control.trials + treatment.trials
    gammaln = special().gammaln
    choose = gammaln(events + 1) - gammaln(support + 1) - gammaln(events - support + 1)
    rest = (events - support).astype(np.int64)
    log_p: Array = choose - _log_falling(whole, int(events), whole)[-1]
    log_p += _log_falling(treatment.trials, int(support[-1]), whole)[support.astype(np.int64)]
    log_p += _log_falling(control.trials, int(rest[0]), whole)[rest]
    return log_p


def _log_falling(n: float, depth: int, scale: float) -> Array:
    """log of n (n - 1) ... (n - k + 1) / scale^k for k = 0 .. depth."""
    steps = np.log((n - np.arange(depth)) / scale)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _without_event(counts: Counts) -> Counts:
    return Counts(counts.trials - counts.events, counts.trials)


def _limits(estimate: Estimate, z: float) -> Interval:
    """An arm with enough events has its score limits too: the two arms must be treated alike."""
    return _counts(estimate).wilson(z)


def _counts(estimate: Estimate) -> Counts:
    return estimate.counts or Counts(round(estimate.value * estimate.units), estimate.units)


def _z_at_null(control: Estimate, treatment: Estimate, result: Comparison) -> float:
    """The signed z at which the score interval just touches the null, by bisection."""
    above = result.estimate >= result.null
    low, high = 0.0, WIDEST_Z
    for _ in range(60):
        middle = (low + high) / 2
        interval = few_events_interval(control, treatment, middle, result.base_weight)
        touches = interval.lower <= result.null if above else interval.upper >= result.null
        low, high = (low, middle) if touches else (middle, high)
    return low if above else -low
