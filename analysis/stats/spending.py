"""Alpha spending: bounds for planned looks at growing information, by numerical recursion.

Only the bounds. Which looks count and what an alarm does belongs to `monitor` and above.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.stats.results import LARGEST, InvalidInput, check_level
from analysis.stats.tails import critical_value, special, upper_tail

Array = NDArray[np.float64]

GRID = 401
"""Points of the density between the bounds; the bounds are then right to about 1e-6."""

DEEPEST = 200
"""Histories are filled in steps of this many looks, so that recursion stays shallow."""

FARTHEST = 8.0
"""No bound is wanted beyond this z: it stands for "cannot be reached at this look"."""


class Spending(StrEnum):
    OBRIEN_FLEMING = "obrien_fleming"
    POCOCK = "pocock"


def spent(share: float, alpha: float, spending: Spending | str = Spending.OBRIEN_FLEMING) -> float:
    """One-sided alpha spent when `share` of the plan has passed (Lan & DeMets 1983, Biometrika 70:659): 0
    before it begins, `alpha` after its end. Raises InvalidInput for a level outside 0..1 and for nan."""
    check_level("alpha", alpha)
    if math.isnan(share):
        raise InvalidInput("share", share, "it is no number")
    share = min(share, 1.0)
    if share <= 0:
        return 0.0
    if Spending(spending) is Spending.POCOCK:
        return alpha * math.log1p((math.e - 1) * share)
    return 2 * upper_tail(critical_value(alpha / 2) / math.sqrt(share))


def alpha_spending_bounds(
    information_shares: Sequence[float],
    alpha: float = 0.05,
    spending: Spending | str = Spending.OBRIEN_FLEMING,
    sides: int = 1,
    *,
    plan_shares: Sequence[float] | None = None,
) -> list[float]:
    """z bounds at looks with these shares of the planned information, rising and above 0.

    Recursion of Armitage, McPherson & Rowe 1969 (JRSS A 132:235) on the process z sqrt(share), integrated by
    Simpson's rule; looks should add 0.3 % to the information before them or more. `plan_shares` is the share
    of the plan that counts for spending when that is not the information, of time or of units for instance
    (Lan & DeMets 1989, Statistics in Medicine 8:1191): it must not depend on the effect, and information then
    only says how the looks hang together, on any scale. At a share of 1 everything is spent. Two sides:
    symmetric bounds. Raises InvalidInput for shares that do not rise (plan shares: that fall) and an
    impossible alpha or number of sides.
    """
    shares = tuple(float(share) for share in information_shares)
    counted = shares if plan_shares is None else tuple(float(share) for share in plan_shares)
    _raise_unless_rising(shares)
    if len(counted) != len(shares) or any(
        not later >= earlier for earlier, later in pairwise((0.0, *counted))
    ):
        raise InvalidInput("plan_shares", counted, "one share for each look, never falling")
    if not 0 < alpha < 1 or sides not in (1, 2):
        raise InvalidInput("alpha, sides", (alpha, sides), "alpha is below 1 and sides 1 or 2")
    totals = [sides * spent(share, alpha / sides, spending) for share in counted]
    return bounds_that_spend(shares, totals, sides=sides)


def bounds_that_spend(
    information_shares: Sequence[float], totals: Sequence[float], *, sides: int = 1
) -> list[float]:
    """z bounds of looks that have together been crossed with probability `totals[k]` by look k: the recursion
    of `alpha_spending_bounds` for any rule of spending.

    A total that falls counts as not falling. Raises InvalidInput for shares that do not rise.
    """
    shares = tuple(float(share) for share in information_shares)
    _raise_unless_rising(shares)
    looks = tuple(zip(shares, map(float, totals), strict=True))
    if not all(total <= 1 for _, total in looks):
        raise InvalidInput("totals", list(totals), "probabilities are at most 1")
    for depth in range(0, len(looks), DEEPEST):
        _history(looks[:depth], sides)
    return list(_history(looks, sides)[0])


def _raise_unless_rising(shares: Sequence[float]) -> None:
    if (
        any(not later > earlier for earlier, later in pairwise((0.0, *shares)))
        or max(shares, default=0.0) > LARGEST
    ):
        raise InvalidInput("information_shares", shares, "shares must rise and start above 0")


@lru_cache(maxsize=1024)
def _history(looks: tuple[tuple[float, float], ...], sides: int) -> tuple[tuple[float, ...], float, _Density]:
    """Bounds so far, alpha used, and the density that is left; yesterday's history is reused from the
    cache. A look is (share of information, alpha spent until then)."""
    if not looks:
        return (), 0.0, _Density.start(sides)
    bounds, used, density = _history(looks[:-1], sides)
    information, total = looks[-1]
    total = max(used, total)
    bound = density.bound(information, total - used)
    return (*bounds, bound), total, density.after(information, bound)


class _Density:
    """Sub-density of the score process z sqrt(share) among paths that have not crossed yet."""

    def __init__(self, share: float, points: Array, mass: Array, sides: int) -> None:
        self.share, self.points, self.mass, self.sides = share, points, mass, sides

    @classmethod
    def start(cls, sides: int) -> _Density:
        return cls(0.0, np.zeros(1), np.ones(1), sides)

    def crossing(self, share: float, bound: float) -> float:
        """Probability of being beyond `bound` at `share` without having crossed before."""
        step, limit = math.sqrt(share - self.share), bound * math.sqrt(share)
        tail = special().ndtr((self.points - limit) / step)
        if self.sides == 2:
            tail = tail + special().ndtr((-limit - self.points) / step)
        return float(self.mass @ tail)

    def bound(self, share: float, alpha: float) -> float:
        return _decreasing_root(lambda z: self.crossing(share, z) - alpha, FARTHEST)

    def after(self, share: float, bound: float) -> _Density:
        step, root = math.sqrt(share - self.share), math.sqrt(share)
        low = -bound if self.sides == 2 else -FARTHEST
        points = np.linspace(low * root, bound * root, GRID)
        gaps = (points[:, None] - self.points[None, :]) / step
        density = np.exp(-0.5 * gaps * gaps) @ self.mass / (step * math.sqrt(2 * math.pi))
        return _Density(share, points, density * _simpson(points), self.sides)


def _simpson(points: Array) -> Array:
    weights = np.ones(points.size)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    result: Array = weights * (points[1] - points[0]) / 3
    return result


def _decreasing_root(function: Callable[[float], float], high: float) -> float:
    """Where a decreasing function crosses zero on [-high, high]; an end when it does not."""
    low = -high
    if function(high) >= 0:
        return high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return high
