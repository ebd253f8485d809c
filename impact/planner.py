"""Before a study: users per arm, days, cost, and the chance to identify a knee.

All by the same functions that analyse the study afterwards, on ladders drawn with a fixed seed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from analysis.stats.design import Design, sample_size
from analysis.stats.impact import DoseArm, Hinge, knee
from analysis.stats.results import Estimate, NotEstimable
from impact.caps import Proposal

POWER, SEED, DRAWS = 0.8, 20_160_412, 200
KNEE_MS, BEFORE, BEHIND = 500.0, -0.001, -0.006
"""The knee that the chance is given for: six times as steep behind 500 ms."""


@dataclass(frozen=True, slots=True)
class DoseLine:
    """One dose: users per arm to see the effect, and the days that takes at the planned share."""

    dose_ms: int
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
def knee_chance(doses: tuple[int, ...], level: float, units: int) -> float:
    """The share of studies of this size that would declare a knee that is really there."""
    if units < 2 or len(doses) < 3:
        return 0.0
    rng = np.random.default_rng(SEED)
    found = [knee(_drawn(doses, level, units, _hinge, rng)) for _ in range(DRAWS)]
    return sum(isinstance(each, Hinge) for each in found) / DRAWS


def _line(dose: int, level: float, slope: float, daily: float) -> DoseLine:
    effect = level * slope * dose / 100
    total = sample_size(Design(unit_variance=level * (1 - level)), abs(effect), POWER) if effect else None
    if total is None or isinstance(total, NotEstimable):
        return DoseLine(dose, effect, None, None)
    per_arm = math.ceil(total / 2)
    return DoseLine(dose, effect, per_arm, per_arm / daily if daily else None)


def _smallest_slope(doses: Sequence[int], level: float, units: int) -> float:
    """The slope whose z is 2.8 (two-sided 5 %, 80 % power) in the pooled ladder, shared control included."""
    if not units:
        return math.inf
    v = (1 - level) / (level * units)
    steps = np.array(doses) / 100
    covariance = v * (np.eye(len(steps)) + 1.0)
    information = float(steps @ np.linalg.solve(covariance, steps))
    return 2.8016 / math.sqrt(information)


def _drawn(
    doses: Sequence[int],
    level: float,
    units: int,
    change: Callable[[float], float],
    rng: np.random.Generator,
) -> list[DoseArm]:
    arms = []
    for dose in (0, *doses):
        share = level * (1 + change(dose))
        variance = share * (1 - share) / units
        arms.append(DoseArm(dose, dose, Estimate(float(rng.normal(share, math.sqrt(variance))), variance)))
    return arms


def _hinge(ms: float) -> float:
    return (BEFORE * min(ms, KNEE_MS) + BEHIND * max(ms - KNEE_MS, 0.0)) / 100


def _words(chance: float) -> str:
    if chance >= POWER:
        return "A knee like that would be found."
    if chance >= 0.5:
        return "A knee like that would be found more often than not."
    return "A knee like that would hardly be found: add longer doses or users."
