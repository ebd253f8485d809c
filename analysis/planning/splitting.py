"""The split of an experiment: what uneven arms cost, and how small a wrong split would be noticed. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.stats.srm import ALARM_P_VALUE
from analysis.stats.tails import critical_value

TARGET = 0.8


@dataclass(frozen=True, slots=True)
class Cost:
    """One treatment beside the control: how many times the units of an even split the same precision takes,
    and how far its share among the two can be off before the check of the split says so."""

    arm: str
    share: float
    factor: float
    detectable_points: float | None


def costs(control: float, treatments: Sequence[tuple[str, float]], *, units: float) -> list[Cost]:
    """For each treatment; shares are of all units, `units` is how many the whole experiment has.

    The variance of a difference goes with 1 / w_t + 1 / w_c, which is smallest when the arms are equal. The
    factor compares with two arms of half the units each. A wrong split is found with 80 % probability by the
    chi-square test at the check's level when it is off by (z_a + z_b) sqrt(p (1 - p) / n); the sequential
    check that runs at every look needs a little more.
    """
    found = []
    for arm, share in treatments:
        factor = (1 / share + 1 / control) / 4
        among = share / (share + control)
        found.append(Cost(arm, share, factor, _detectable(among, units * (share + control))))
    return found


def best_control_share(treatments: int) -> float:
    """That makes all comparisons with the control most precise: 1 / (1 + sqrt(k)) (Dunnett 1955)."""
    return 1 / (1 + math.sqrt(treatments))


def _detectable(share: float, units: float) -> float | None:
    """In points of the share among two arms."""
    if units < 2:
        return None
    z = critical_value(ALARM_P_VALUE / 2) + critical_value(1 - TARGET)
    return 100 * z * math.sqrt(share * (1 - share) / units)
