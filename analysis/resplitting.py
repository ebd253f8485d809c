"""Does the machinery say "different" as often as it promises when nothing differs? Tried on live traffic.

The units of an experiment are dealt at random to two arms, again and again, and compared by the estimator of
each metric: whatever is called a difference then is a false positive. Units come in random groups with their
moments, so that a thousand splits cost one reading. Pure: no rows, no engine, no clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from analysis import estimation
from analysis.engines.contract import Parts
from analysis.plan import AnalysisPlan, PlannedMetric
from analysis.rates import ALPHA
from analysis.stats import compare, estimators, simulate
from analysis.stats.moments import Moments
from analysis.stats.results import Compared, InvalidInput

REPLICATES = 400
"""Splits of a night; the figures that are shown add up those of four weeks."""

MIN_UNITS, MIN_GROUPS = 1_000, 500
"""Fewer say more about themselves than about the method."""


@dataclass(frozen=True, slots=True)
class Night:
    """What the splits of one metric said: of `replicates` with an estimate, so many rejected and covered."""

    metric: str
    units: int
    replicates: int
    rejected: int
    covered: int
    variance_ratio: float


def resplit(plan: AnalysisPlan, parts: Parts, *, day: date, replicates: int = REPLICATES) -> list[Night]:
    """One night: every metric that has an estimate. The same day, plan and parts give the same night."""
    nights = (_night(plan, metric, parts, day, replicates) for metric in plan.metrics)
    return [night for night in nights if night is not None]


def _night(
    plan: AnalysisPlan, metric: PlannedMetric, parts: Parts, day: date, replicates: int
) -> Night | None:
    groups, compared = _procedure(metric, parts)
    units = sum(part.n for part in groups)
    if units < MIN_UNITS or len(groups) < MIN_GROUPS:
        return None
    deck = Deck.of(groups)
    seed = _seed(plan.experiment, metric.key, day)
    try:
        found = simulate.calibrate(lambda rng: compared(*deck.deal(rng)), replicates=replicates, seed=seed)
    except InvalidInput:
        # Hardly a split had an estimate, or all gave the same one: nothing varies in this metric.
        return None
    counted = replicates - found.not_estimable
    return Night(
        metric.key,
        units,
        counted,
        round(found.rejection_share * counted),
        round(found.coverage_share * counted),
        found.variance_ratio,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Deck:
    """Groups of units as arrays, so that a split costs microseconds: `n[g]`, means and co-moments around
    `centre`."""

    centre: NDArray[np.float64]
    n: NDArray[np.float64]
    mean: NDArray[np.float64]
    comoment: NDArray[np.float64]

    @classmethod
    def of(cls, groups: Sequence[Moments]) -> Deck:
        n = np.array([group.n for group in groups], dtype=np.float64)
        mean = np.array([group.mean for group in groups])
        centre = n @ mean / n.sum()
        return cls(centre, n, mean - centre, np.array([group.comoment for group in groups]))

    def deal(self, rng: Generator) -> tuple[Moments, Moments]:
        """Half of the groups at random, and the others."""
        order = rng.permutation(len(self.n))
        half = len(order) // 2
        return self._merged(order[:half]), self._merged(order[half:])

    def _merged(self, chosen: NDArray[np.int64]) -> Moments:
        """As `analysis.stats.moments.merge_all`, without its care for the last digits."""
        n, mean = self.n[chosen], self.mean[chosen]
        total = n.sum()
        merged = n @ mean / total
        gaps = mean - merged
        comoment = self.comoment[chosen].sum(axis=0) + (gaps * n[:, None]).T @ gaps
        return Moments(int(total), self.centre + merged, comoment)


def _procedure(
    metric: PlannedMetric, parts: Parts
) -> tuple[Sequence[Moments], Callable[[Moments, Moments], Compared]]:
    """What is dealt, and how two arms of it are compared: as in a look. For a quantile the share of events at
    or below the quantile of all, which has the clustered variance that the quantile's interval rests on."""
    vector = metric.vector
    if vector is None:
        return parts.below.get((metric.stream, metric.share), ()) if metric.stream and metric.share else (), (
            lambda first, second: compare.difference(
                estimators.ratio(first), estimators.ratio(second), alpha=ALPHA
            )
        )

    def compared(first: Moments, second: Moments) -> Compared:
        control, treatment = estimation.of_moments(metric.kind, vector, [first, second])
        return compare.difference(control, treatment, alpha=ALPHA)

    return parts.moments[vector], compared


def _seed(experiment: str, metric: str, day: date) -> int:
    text = f"{experiment}/{metric}/{day.isoformat()}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
