"""Experiments with a known truth: A/A splits, planted effects, and how a procedure fares on them.

For calibrations and for the pages that teach. Everything is a function of the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from analysis.stats.moments import Moments, merge_all
from analysis.stats.results import (
    Compared,
    Counts,
    Interval,
    InvalidInput,
    NotEstimable,
    fields_as_dict,
)

Array = NDArray[np.float64]

BAND_Z = 3.2905267314918945
"""Monte-Carlo bands are given at 99.9 %, so that a sound procedure leaves them once in a thousand runs."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often a procedure rejected and covered the truth, and whether its reported variance is honest.

    Shares are of the replicates with an estimate; `not_estimable` counts the others. `variance_ratio` is mean
    reported variance / variance of the estimates.
    """

    replicates: int
    not_estimable: int
    rejection_share: float
    rejection_band: Interval
    coverage_share: float
    coverage_band: Interval
    mean_estimate: float
    variance_ratio: float

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


def calibrate(
    procedure: Callable[[Generator], Compared], *, replicates: int, seed: int, truth: float = 0.0
) -> Calibration:
    """Run `procedure` on `replicates` independent random streams and count what it says.

    Each stream belongs to its replicate alone: a procedure that draws more numbers does not shift the others.
    `truth` on the scale of the procedure's estimates. Raises InvalidInput when there is nothing to count.
    """
    streams = np.random.SeedSequence(seed).spawn(replicates)
    results = [procedure(np.random.default_rng(stream)) for stream in streams]
    found = [result for result in results if not isinstance(result, NotEstimable)]
    if len(found) < 2:
        raise InvalidInput("procedure", len(found), "it gave hardly any estimate", "Use larger samples.")
    estimates = np.array([result.estimate for result in found])
    if not estimates.var() > 0:
        raise InvalidInput(
            "procedure", estimates[0], "every replicate gave the same estimate", "Draw from rng."
        )
    variances = np.array([result.standard_error**2 for result in found])
    rejected = sum(result.rejects for result in found)
    covered = sum(truth in result.confidence_interval for result in found)
    return Calibration(
        replicates,
        replicates - len(found),
        rejected / len(found),
        share_band(rejected, len(found)),
        covered / len(found),
        share_band(covered, len(found)),
        float(estimates.mean()),
        float(variances.mean() / estimates.var(ddof=1)),
    )


def share_band(hits: int, replicates: int) -> Interval:
    """99.9 % score band of a simulated share."""
    return Counts(hits, replicates).wilson(BAND_Z)


@dataclass(frozen=True, slots=True)
class Population:
    """Users with several sessions each; log-normal durations in ms with a lasting difference between users.

    `user_sd` and `session_sd` are standard deviations of the logarithm; sessions per user are 1 + Poisson.
    """

    median_ms: float = 800.0
    user_sd: float = 0.5
    session_sd: float = 0.6
    mean_sessions: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """`values[n]` and the user of each, `users[n]`."""

    values: Array
    users: NDArray[np.int64]

    def totals_per_user(self) -> Array:
        """[users, 2]: sum of values and number of sessions, one row per user."""
        sums = np.bincount(self.users, weights=self.values)
        return np.column_stack([sums, np.bincount(self.users)])


def sessions(rng: Generator, population: Population, users: int, slowdown: float = 1.0) -> Sessions:
    """One arm; `slowdown` 1.05 plants 5 % on every session and so on every quantile."""
    counts = 1 + rng.poisson(population.mean_sessions - 1, users)
    owner = np.repeat(np.arange(users), counts)
    lasting = rng.normal(0.0, population.user_sd, users)[owner]
    passing = rng.normal(0.0, population.session_sd, owner.size)
    return Sessions(population.median_ms * slowdown * np.exp(lasting + passing), owner)


def overdispersed_counts(rng: Generator, users: int, mean: float, dispersion: float) -> Array:
    """Events per user, negative binomial: variance mean + dispersion * mean^2 (0 would be Poisson)."""
    rates = rng.gamma(1 / dispersion, dispersion * mean, users)
    return rng.poisson(rates).astype(np.float64)


def reshuffled(rng: Generator, values: ArrayLike) -> tuple[Array, Array]:
    """Real unit values [n] or [n, k] split at random into two halves: an A/A experiment."""
    order = rng.permutation(np.asarray(values, dtype=np.float64))
    return order[: len(order) // 2], order[len(order) // 2 :]


def planted(rng: Generator, values: ArrayLike, factor: float, column: int = 0) -> tuple[Array, Array]:
    """An A/A split of real unit values [n] or [n, k] whose second arm has `column` times `factor`: the lift
    to find is factor - 1, or (factor - 1) * mean of all units on the absolute scale."""
    control, treatment = reshuffled(rng, values)
    changed = treatment.reshape(len(treatment), -1)
    changed[:, column] *= factor
    return control, changed.reshape(treatment.shape)


def resplit(rng: Generator, parts: Sequence[Moments]) -> tuple[Moments, Moments]:
    """The same from moments alone: many small groups of units (fine user-hash buckets) dealt at random to two
    arms. Groups must be disjoint and hold units at random, as a hash makes them; a few hundred or more, so
    that the arms come out about equal. Raises InvalidInput for fewer than two."""
    if len(parts) < 2:
        raise InvalidInput("parts", len(parts), "two arms need two groups", "Split the units more finely.")
    order = rng.permutation(len(parts))
    first, second = order[: len(parts) // 2], order[len(parts) // 2 :]
    return merge_all(parts[index] for index in first), merge_all(parts[index] for index in second)


def z_paths(rng: Generator, replicates: int, looks: int, drift: float = 0.0) -> Array:
    """z scores [replicates, looks] at equally spaced looks; `drift` is the mean z at the last one.

    The score process of any of our estimates, in the limit: for showing what looking often does.
    """
    shares = np.arange(1, looks + 1) / looks
    steps = rng.normal(drift / looks, looks**-0.5, (replicates, looks))
    paths: Array = np.cumsum(steps, axis=1) / np.sqrt(shares)
    return paths
