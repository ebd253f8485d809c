"""Quantiles of sessions when users, not sessions, are randomised; and a mergeable log histogram.

A quantile of an arm needs three order statistics and the moments of two sums per user, nothing else. Fetching
them belongs to the engine; comparing arms belongs to `compare`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    """Ranks n q and n (q +- z sqrt(q (1 - q) / n)) (Deng, Knoblich & Lu 2018, section 4.2). Raises
    InvalidInput for q outside 0..1 or no sessions."""
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
        """From sessions in memory: `values[n]` and the user of each, `users[n]`. Raises InvalidInput for no
        sessions or values that are not finite."""
        return quantile_stats(values, users, (q,))[0]


def quantile_stats(values: ArrayLike, users: ArrayLike, shares: Sequence[float]) -> list[QuantileStat]:
    """Several quantiles of the same sessions, `values[n]` of the users `users[n]`; sorting and counting are
    shared. Raises InvalidInput for no sessions or values that are not finite."""
    sessions = np.asarray(values, dtype=np.float64)
    if sessions.size == 0 or not np.isfinite(sessions).all():
        raise InvalidInput("values", sessions.size, "sessions must be present and finite")
    ranks = [quantile_ranks(sessions.size, q) for q in shares]
    wanted = sorted({rank - 1 for of in ranks for rank in (of.lower, of.middle, of.upper)})
    ordered = np.partition(sessions, wanted)
    owner = _numbered(np.asarray(users))
    counts = np.bincount(owner)
    stats = []
    for q, of in zip(shares, ranks, strict=True):
        lower, value, upper = (float(ordered[rank - 1]) for rank in (of.lower, of.middle, of.upper))
        below = np.bincount(owner, weights=sessions <= value)
        cluster = Moments.from_rows(np.column_stack([below, counts])[counts > 0])
        stats.append(QuantileStat(sessions.size, q, value, lower, upper, cluster))
    return stats


def _numbered(users: NDArray[Any]) -> NDArray[np.int64]:
    """Users as small whole numbers; ids that are such numbers already need no sorting."""
    if np.issubdtype(users.dtype, np.integer) and users.min() >= 0 and users.max() < 4 * users.size:
        return users.astype(np.int64, copy=False)
    numbers: NDArray[np.int64] = np.unique(users, return_inverse=True)[1]
    return numbers


GAMMA = 1.02
"""Width of a histogram bucket as a factor: a value read back is within (gamma - 1) / (gamma + 1), 0.99 %."""


@dataclass(frozen=True, slots=True)
class LogHistogram:
    """Counts of positive values in buckets (gamma^(i-1), gamma^i], plus zeros. Adds exactly.

    For dashboards and monitors, where 1 % in the value is enough; comparisons use `QuantileStat`. The layout
    is that of DDSketch (Masson, Rim & Lee 2019, VLDB 12:2195) without collapsing.
    """

    buckets: Mapping[int, int] = field(default_factory=dict)
    zeros: int = 0

    @classmethod
    def of(cls, values: ArrayLike) -> LogHistogram:
        """Of values of any shape and unit. Raises InvalidInput for negative, infinite or missing ones."""
        found = np.asarray(values, dtype=np.float64).ravel()
        if not (np.isfinite(found) & (found >= 0)).all():
            raise InvalidInput("values", "negative, nan or inf", "durations are finite and not negative")
        positive = found[found > 0]
        indices, counts = np.unique(_bucket_of(positive), return_counts=True)
        buckets = dict(zip(indices.tolist(), counts.tolist(), strict=True))
        return cls(buckets, int(found.size - positive.size))

    def __add__(self, other: LogHistogram) -> LogHistogram:
        merged = dict(self.buckets)
        for index, count in other.buckets.items():
            merged[index] = merged.get(index, 0) + count
        return LogHistogram(merged, self.zeros + other.zeros)

    @property
    def n(self) -> int:
        return self.zeros + sum(self.buckets.values())

    def quantile(self, q: float) -> float | None:
        """The value at rank ceil(n q), within 0.99 %; None when there are no values."""
        if not 0 < q < 1:
            raise InvalidInput("q", q, "a quantile lies strictly between 0 and 1", "Use 0.95 for p95.")
        if self.n == 0:
            return None
        rank, indices = math.ceil(self.n * q), sorted(self.buckets)
        cumulative = np.cumsum([self.zeros, *(self.buckets[index] for index in indices)])
        place = int(np.searchsorted(cumulative, rank))
        return 0.0 if place == 0 else 2 * GAMMA ** indices[place - 1] / (GAMMA + 1)

    def to_dict(self) -> dict[str, object]:
        return {"zeros": self.zeros, "buckets": {str(i): self.buckets[i] for i in sorted(self.buckets)}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LogHistogram:
        return cls({int(i): int(count) for i, count in data["buckets"].items()}, int(data["zeros"]))


def _bucket_of(positive: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.ceil(np.log(positive) / math.log(GAMMA)).astype(np.int64)
