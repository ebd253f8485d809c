"""Before a study: users per arm, days, cost, and the chance to identify a knee.

By the formulas that analyse the study afterwards, on ladders drawn with a fixed seed. The chance of a knee
takes the covariance of the planned ladder for that of every drawn one, so that it is known in milliseconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from analysis.stats.design import Design, sample_size
from analysis.stats.impact.curves import DOSES_FOR_A_KNEE, GRID, LIKELIHOOD_RATIO
from analysis.stats.results import NotEstimable
from impact.caps import Proposal

POWER, SEED, DRAWS = 0.8, 20_160_412, 1000
KNEE_MS, BEFORE, BEHIND = 500.0, -0.001, -0.006
"""The knee that the chance is given for: six times as steep behind 500 ms."""


Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DoseLine:
    """One dose: users per arm to see the relative `change`, and the days that takes at the planned share."""

    dose_ms: int
    change: float
    effect: float
    units_per_arm: int | None
    days: float | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a study can be expected to tell. `smallest_slope` is seen with 80 % power, per 100 ms."""

    lines: tuple[DoseLine, ...]
    units_per_arm: int
    smallest_slope: float
    knee_chance: float
    knee_words: str


def outlook(proposal: Proposal, *, level: float, units_a_day: float, slope: float) -> Outlook:
    """For an outcome that a share `level` of users reach and an assumed slope per 100 ms (below 0)."""
    daily = units_a_day * proposal.share_ppm / 1_000_000
    units = math.floor(daily * proposal.days)
    lines = tuple(_line(dose, level, slope, daily) for dose in sorted(proposal.doses_ms))
    chance = knee_chance(tuple(sorted(proposal.doses_ms)), level, units)
    return Outlook(lines, units, _smallest_slope(proposal.doses_ms, level, units), chance, _words(chance))


@cache
def knee_chance(doses: tuple[int, ...], level: float, units: int, *, behind: float = BEHIND) -> float:
    """The share of studies of this size that would declare a knee that is really there.

    `behind` is the slope per 100 ms behind 500 ms; as steep as before it, the share is that of false knees.
    """
    if units < 2 or len(doses) < DOSES_FOR_A_KNEE:
        return 0.0
    steps = np.array(doses) / 100
    at = KNEE_MS / 100
    means = BEFORE * np.minimum(steps, at) + behind * np.maximum(steps - at, 0.0)
    factor = np.linalg.cholesky(_covariance(1 + means, level, units))
    noise = np.random.default_rng(SEED).normal(size=(len(doses), DRAWS))
    changes = np.linalg.solve(factor, means)[:, None] + noise
    line = _misfit(np.linalg.solve(factor, steps[:, None]), changes)
    best = np.full(DRAWS, np.inf)
    for knee in np.linspace(steps[0], steps[-1], GRID + 2)[1:-1]:
        pieces = np.column_stack([np.minimum(steps, knee), np.maximum(steps - knee, 0.0)])
        best = np.minimum(best, _misfit(np.linalg.solve(factor, pieces), changes))
    return float(np.mean(line - best > LIKELIHOOD_RATIO))


def waiting(proposal: Proposal, requests_a_day: float) -> float:
    """Requests that wait at the same time on average: rate times delay (Little 1961)."""
    rate = requests_a_day * proposal.share_ppm / 1_000_000 / 86_400
    return rate * sum(proposal.doses_ms) / 1000


def _covariance(kept: Array, level: float, units: int) -> Array:
    """Of the relative changes of arms that keep so much of the outcome, against one shared control."""
    shares = level * kept
    own = shares * (1 - shares) / units / level**2
    shared = level * (1 - level) / units / level**2
    return np.asarray(np.diag(own) + np.outer(kept, kept) * shared)


def _misfit(columns: Array, changes: Array) -> Array:
    """Residual sums of squares with slopes of at most 0, for one or two columns and many ladders at once."""
    whole = np.square(changes).sum(axis=0)
    found = whole.copy()
    for column in columns.T:
        along = np.minimum(column @ changes, 0.0)
        found = np.minimum(found, whole - along**2 / (column @ column))
    if columns.shape[1] == 2:
        slopes = np.linalg.solve(columns.T @ columns, columns.T @ changes)
        free = np.square(changes - columns @ slopes).sum(axis=0)
        found = np.where((slopes <= 0).all(axis=0), np.minimum(found, free), found)
    return np.asarray(found)


def _line(dose: int, level: float, slope: float, daily: float) -> DoseLine:
    effect = level * slope * dose / 100
    total = sample_size(Design(unit_variance=level * (1 - level)), abs(effect), POWER) if effect else None
    if total is None or isinstance(total, NotEstimable):
        return DoseLine(dose, effect / level, effect, None, None)
    per_arm = math.ceil(total / 2)
    return DoseLine(dose, effect / level, effect, per_arm, per_arm / daily if daily else None)


def _smallest_slope(doses: Sequence[int], level: float, units: int) -> float:
    """The slope whose z is 2.8 (two-sided 5 %, 80 % power) in the pooled ladder, shared control included."""
    if not units:
        return math.inf
    v = (1 - level) / (level * units)
    steps = np.array(doses) / 100
    covariance = v * (np.eye(len(steps)) + 1.0)
    information = float(steps @ np.linalg.solve(covariance, steps))
    return 2.8016 / math.sqrt(information)


def _words(chance: float) -> str:
    if chance >= POWER:
        return "A knee like that would be found."
    if chance >= 0.5:
        return "A knee like that would be found more often than not."
    return "A knee like that would hardly be found: add longer doses or users."
