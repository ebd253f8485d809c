"""Tail probabilities and quantiles of the reference distributions, accurate far out.

The only door to scipy.special: it is loaded at the first call, because a process that merely reads results
should not pay for it. Upper tails are computed as such, never as one minus something.
"""

from __future__ import annotations

import math
import sys
from functools import cache
from typing import Any

LARGE_DF = 1e9
"""Above it Student's t is the normal distribution to within 1e-6 relative down to 1e-100 and beyond."""


FARTHEST = 1e100
"""Above it the square of a t statistic nears the end of a double, and its tail is a power to all digits."""

SMALLEST_TAIL = 1e-100
"""Below it SciPy's quantile of Student's t loses its way."""


@cache
def special() -> Any:
    import scipy.special

    return scipy.special


def upper_tail(statistic: float, degrees_of_freedom: float = math.inf) -> float:
    """P(T > statistic) for Student's t, the normal when the degrees of freedom are infinite."""
    if degrees_of_freedom > LARGE_DF:
        return float(special().ndtr(-statistic))
    if statistic > FARTHEST:
        return _power_tail(statistic, degrees_of_freedom)
    return float(special().stdtr(degrees_of_freedom, -statistic))


def critical_value(tail: float, degrees_of_freedom: float = math.inf) -> float:
    """The point with probability `tail` above it."""
    if degrees_of_freedom > LARGE_DF:
        return -float(special().ndtri(tail))
    if tail < SMALLEST_TAIL:
        return _point_far_out(tail, degrees_of_freedom)
    return -float(special().stdtrit(degrees_of_freedom, tail))


def chi_square_tail(statistic: float, degrees_of_freedom: float) -> float:
    """P(X > statistic) for chi-square."""
    return float(special().chdtrc(degrees_of_freedom, statistic))


def f_tail(statistic: float, numerator_df: float, denominator_df: float) -> float:
    """P(F > statistic)."""
    return float(special().fdtrc(numerator_df, denominator_df, statistic))


def _power_tail(statistic: float, df: float) -> float:
    """Student's tail where nothing but its leading term, c statistic^-df, is left."""
    gammaln = special().gammaln
    log_constant = float(gammaln((df + 1) / 2) - gammaln(df / 2)) - 0.5 * math.log(math.pi * df)
    log_tail = log_constant + (df + 1) / 2 * math.log(df) - math.log(df) - df * math.log(statistic)
    return math.exp(log_tail) if log_tail > -745 else 0.0


def _point_far_out(tail: float, df: float) -> float:
    """The quantile by bisection of its logarithm; the end of a double when it lies beyond."""
    low, high = 0.0, math.log(sys.float_info.max)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if upper_tail(math.exp(middle), df) > tail else (low, middle)
    return math.exp(low)
