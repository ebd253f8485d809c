"""Quantiles of sessions when users, not sessions, are randomised; and a mergeable log histogram.

A quantile of an arm needs three order statistics and the moments of two sums per user, nothing else. Fetching
them belongs to the engine; comparing arms belongs to `compare`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.stats.moments import Moments
from analysis.stats.results import InvalidInput

ORDER_STATISTIC_Z = 1.959963984540054
"""How far out the two neighbouring order statistics lie, in standard errors of the rank."""


@dataclass(frozen=True, slots=True)
class QuantileRanks:
    """1-based ranks of the order statistics to fetch from `n` sorted sessions.

    `in_reach` is False when the outer ranks fall off the ends: the quantile then has no interval.
    """

    n: int
    lower: int
    middle: int
    upper: int
    in_reach: bool

    @property
    def shares(self) -> tuple[float, float, float]:
        """The same as shares for a discrete quantile function (SQL `quantile_disc`): half a rank is taken
        off so that rounding cannot reach the next rank."""
        lower, middle, upper = ((rank - 0.5) / self.n for rank in (self.lower, self.middle, self.upper))
        return lower, middle, upper

    def width_in_standard_errors(self, q: float) -> float:
        """Distance of the outer ranks in standard errors sqrt(n q (1 - q)) of a rank; rounding included."""
        return (self.upper - self.lower) / math.sqrt(self.n * q * (1 - q))


def quantile_ranks(n: int, q: float) -> QuantileRanks:
    """Ranks n q and n (q +- z sqrt(q (1 - q) / n)) (Deng, Knoblich & Lu 2018, section 4.2)."""
    if not 0 < q < 1:
        raise InvalidInput("q", q, "a quantile lies strictly between 0 and 1", "Use 0.95 for p95.")
    if n < 1:
        raise InvalidInput("n", n, "there are no sessions to rank")
    spread = ORDER_STATISTIC_Z * math.sqrt(n * q * (1 - q))
    lower, upper = math.floor(n * q - spread), math.ceil(n * q + spread)
    middle = min(max(math.ceil(n * q), 1), n)
    return QuantileRanks(n, max(lower, 1), middle, min(upper, n), in_reach=lower >= 1 and upper <= n)


@dataclass(frozen=True, slots=True)
class QuantileStat:
    """Everything the quantile `q` of one arm needs.

    `n` sessions; `value`, `lower`, `upper` the order statistics at `quantile_ranks(n, q)`; `cluster` the
    moments over users of (sessions at or below `value`, sessions).
    """

    n: int
    q: float
    value: float
    lower: float
    upper: float
    cluster: Moments

    @classmethod
    def from_sessions(cls, values: ArrayLike, users: ArrayLike, q: float) -> QuantileStat:
        """From sessions in memory: `values[n]` and the integer user of each, `users[n]`."""
        sessions = np.asarray(values, dtype=np.float64)
        if sessions.size == 0 or not np.isfinite(sessions).all():
            raise InvalidInput("values", sessions.size, "sessions must be present and finite")
        ranks = quantile_ranks(sessions.size, q)
        wanted = [ranks.lower - 1, ranks.middle - 1, ranks.upper - 1]
        lower, value, upper = (float(x) for x in np.partition(sessions, wanted)[wanted])
        _, index = np.unique(np.asarray(users), return_inverse=True)
        below = np.bincount(index, weights=sessions <= value)
        cluster = Moments.from_rows(np.column_stack([below, np.bincount(index)]))
        return cls(sessions.size, q, value, lower, upper, cluster)
