"""Two proportions with few events: hybrid score interval and exact p value.

Called by `compare` for estimates that carry counts; not meant to be called for anything else.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.stats.results import Alternative, Comparison, Counts, Estimate, Interval
from analysis.stats.tails import special, upper_tail

SAME_PROBABILITY = 1e-7
"""Relative slack within which two tables count as equally probable (rounding of log-gamma)."""

WIDEST_Z = 38.0


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
    events = control.events + treatment.events
    lowest, highest = max(0.0, events - control.trials), min(events, treatment.trials)
    support = np.arange(lowest, highest + 1)
    log_p = _log_choose(treatment.trials, support) + _log_choose(control.trials, events - support)
    log_p -= _log_choose(treatment.trials + control.trials, events)
    seen = log_p[int(treatment.events - lowest)]
    if alternative is Alternative.GREATER:
        chosen = support >= treatment.events
    elif alternative is Alternative.LESS:
        chosen = support <= treatment.events
    else:
        chosen = log_p <= seen + SAME_PROBABILITY
    return min(1.0, math.fsum(np.exp(log_p[chosen])))


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


def _log_choose(n: float, k: np.ndarray | float) -> np.ndarray:
    gammaln = special().gammaln
    return np.asarray(gammaln(n + 1) - gammaln(np.asarray(k) + 1) - gammaln(n - np.asarray(k) + 1))
