"""What is so many milliseconds worth? An amount with its interval, grade and date, or an honest refusal.

A refusal names the smallest study that would give an answer.
"""

import math
from dataclasses import dataclass

from analysis.stats.design import Design, sample_size
from analysis.stats.results import NotEstimable

TYPICAL_SLOPE = -0.005
"""Relative change per 100 ms that a study should be able to see: the middle of the randomised ones."""
POWER = 0.8
DOSES_MS = (100, 250, 500)


@dataclass(frozen=True, slots=True)
class SmallestStudy:
    """Users for each of two arms, at each dose, to see -0.5 % per 100 ms with 80 % power."""

    dose_ms: int
    units_per_arm: int

    @property
    def words(self) -> str:
        units = _rounded_up(self.units_per_arm)
        return f"{units:,} users in each of two arms, one of them {self.dose_ms} ms slower"


def smallest_studies(share: float) -> list[SmallestStudy]:
    """For an outcome that is a share of users (conversion). Empty for shares of 0 or 1."""
    if not 0 < share < 1:
        return []
    found = []
    for dose in DOSES_MS:
        effect = share * TYPICAL_SLOPE * dose / 100
        units = sample_size(Design(unit_variance=share * (1 - share)), abs(effect), POWER)
        if not isinstance(units, NotEstimable):
            found.append(SmallestStudy(dose, math.ceil(units / 2)))
    return found


def _rounded_up(units: int) -> int:
    """To two significant digits, upwards: a plan, not a measurement."""
    if units < 100:
        return units
    step = int(10 ** (math.floor(math.log10(units)) - 1))
    return math.ceil(units / step) * int(step)
