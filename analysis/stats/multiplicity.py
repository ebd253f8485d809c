"""Adjusted p values for families of comparisons.

An adjusted p value is compared with alpha (or the false discovery rate) itself. Which comparisons form a
family is decided by the plan, not here. Every function takes p values [m] and gives back [m] in the same
order; InvalidInput for anything but numbers of 0..1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.stats.results import InvalidInput

PValues = NDArray[np.float64]


def bonferroni(p_values: ArrayLike) -> PValues:
    """m p: family-wise error under any dependence (Bonferroni 1936)."""
    p = _checked(p_values)
    return np.minimum(1.0, p * p.size)


def holm(p_values: ArrayLike) -> PValues:
    """Step-down Bonferroni, uniformly better and as general (Holm 1979, Scand. J. Statist. 6:65)."""
    return _stepwise(p_values, lambda rank, m: m - rank + 1.0, np.maximum.accumulate)


def hochberg(p_values: ArrayLike) -> PValues:
    """Step-up version of Holm for independent or positively dependent p values (Hochberg 1988, Biometrika
    75:800)."""
    return _stepwise(p_values, lambda rank, m: m - rank + 1.0, _accumulate_from_the_largest)


def benjamini_hochberg(p_values: ArrayLike) -> PValues:
    """False discovery rate, independent or positively dependent (Benjamini & Hochberg 1995, JRSS B
    57:289)."""
    return _stepwise(p_values, lambda rank, m: m / rank, _accumulate_from_the_largest)


def benjamini_yekutieli(p_values: ArrayLike) -> PValues:
    """False discovery rate under any dependence (Benjamini & Yekutieli 2001, Annals of Statistics 29:1165,
    theorem 1.3)."""
    harmonic = float(np.sum(1 / np.arange(1, _checked(p_values).size + 1)))
    return _stepwise(p_values, lambda rank, m: harmonic * m / rank, _accumulate_from_the_largest)


def _stepwise(
    p_values: ArrayLike,
    factor: Callable[[PValues, int], PValues],
    accumulate: Callable[[PValues], PValues],
) -> PValues:
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    ranks = np.arange(1.0, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, accumulate(p[order] * factor(ranks, p.size)))
    return adjusted


def _accumulate_from_the_largest(values: PValues) -> PValues:
    return np.minimum.accumulate(values[::-1])[::-1]


def _checked(p_values: ArrayLike) -> PValues:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise InvalidInput(
            "p_values", p_values, "p values form a list of numbers from 0 to 1", "Leave out what is missing."
        )
    return p
