"""Estimators that need the raw unit values: a common cap, and trimmed means.

A cap is chosen once from all arms together and then frozen; trimming is for diagnosis only, because it
changes what is being estimated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.stats.estimators import measured
from analysis.stats.results import Estimate, Estimated, InvalidInput, NotEstimable, Status, Why

CAP_SHARE = 0.99
MONEY_CAP_SHARE = 0.999


def pooled_cap(samples: Sequence[ArrayLike], share: float = CAP_SHARE) -> float | NotEstimable:
    """The cap: the order statistic at `share` of the unit totals of all arms together; nan means missing.

    One threshold for all arms, since a threshold per arm hides part of the effect. Use `MONEY_CAP_SHARE` for
    money; a small share, 0.01 say, gives the floor of totals that may be negative. Raises InvalidInput for a
    share outside 0..1.
    """
    if not 0 < share < 1:
        raise InvalidInput("share", share, "a cap lies at a share strictly between 0 and 1", "Use 0.99.")
    values = np.concatenate([np.asarray(sample, dtype=np.float64) for sample in samples])
    values = values[~np.isnan(values)]
    if values.size == 0:
        return NotEstimable(Why.NO_UNITS)
    rank = math.ceil(values.size * share) - 1
    return float(np.partition(values, rank)[rank])


def capped(values: ArrayLike, limit: float, floor: float = -math.inf) -> NDArray[np.float64]:
    """Values [n] cut at `limit`, and raised to `floor` where totals may be negative; both are shared by all
    arms. Missing values stay missing; turn the rest into moments, then `capped_mean`. Raises InvalidInput
    when the floor lies above the limit."""
    if not floor <= limit:
        raise InvalidInput("floor", floor, f"it lies above the cap {limit}", "Swap them.")
    return np.maximum(np.minimum(np.asarray(values, dtype=np.float64), limit), floor)


def trimmed_mean(values: ArrayLike, share: float = 0.1) -> Estimated:
    """Mean without the `share` smallest and largest values, winsorised variance (Yuen 1974, Biometrika
    61:165).

    variance = (n - 1) s_w^2 / (h (h - 1)), h values kept, h - 1 degrees of freedom. `values[n]`, one per
    unit; raises InvalidInput for missing values and a share outside 0..0.5.
    """
    if not 0 <= share < 0.5:
        raise InvalidInput("share", share, "less than half can go on each side", "Use 0.1.")
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if not np.isfinite(ordered).all():
        raise InvalidInput("values", "nan or inf", "every value must be finite", "Drop missing values first.")
    n = ordered.size
    cut = int(n * share)
    kept = ordered[cut : n - cut]
    if kept.size < 2:
        return NotEstimable(Why.TOO_FEW_UNITS if n else Why.NO_UNITS)
    name = f"trimmed mean {share:g}"
    if kept[0] == kept[-1]:
        return measured(Estimate(float(kept[0]), 0.0, kept.size - 1, n, name, Status.NO_VARIATION))
    with np.errstate(over="ignore", invalid="ignore"):
        winsorised = float(np.var(np.clip(ordered, kept[0], kept[-1]), ddof=1))
        value = float(kept.mean())
    variance = winsorised * (n - 1) / (kept.size * (kept.size - 1))
    return measured(Estimate(value, variance, kept.size - 1, n, name))
