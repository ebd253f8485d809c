"""Tail probabilities and quantiles of the reference distributions, accurate far out.

The only door to scipy.special: it is loaded at the first call, because a process that merely reads results
should not pay for it. Upper tails are computed as such, never as one minus something.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

LARGE_DF = 1e9
"""Above it Student's t is the normal distribution to within 1e-6 relative down to 1e-100 and beyond."""


@cache
def special() -> Any:
    import scipy.special

    return scipy.special


def upper_tail(statistic: float, degrees_of_freedom: float = math.inf) -> float:
    """P(T > statistic) for Student's t, the normal when the degrees of freedom are infinite."""
    if degrees_of_freedom > LARGE_DF:
        return float(special().ndtr(-statistic))
    return float(special().stdtr(degrees_of_freedom, -statistic))


def critical_value(tail: float, degrees_of_freedom: float = math.inf) -> float:
    """The point with probability `tail` above it."""
    if degrees_of_freedom > LARGE_DF:
        return -float(special().ndtri(tail))
    return -float(special().stdtrit(degrees_of_freedom, tail))


def chi_square_tail(statistic: float, degrees_of_freedom: float) -> float:
    """P(X > statistic) for chi-square."""
    return float(special().chdtrc(degrees_of_freedom, statistic))


def f_tail(statistic: float, numerator_df: float, denominator_df: float) -> float:
    """P(F > statistic)."""
    return float(special().fdtrc(numerator_df, denominator_df, statistic))
