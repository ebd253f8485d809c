"""Moments of partitions as deviations from an origin, and their merge.

The mean of values beside a large number, such as 1e9 and a little, keeps too few digits for the gap between
the means of two partitions, which is part of the variance of both together. Deviations keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.stats.moments import Moments, Vector, merge_all


@dataclass(frozen=True, slots=True, eq=False)
class Deviations:
    """`moments` of what is left of a vector after `origin[k]` was subtracted."""

    origin: Vector
    moments: Moments

    @property
    def of_values(self) -> Moments:
        return _moved(self.moments, self.origin)

    def measured_from(self, origin: Vector) -> Moments:
        """The same deviations from another origin."""
        return _moved(self.moments, self.origin - origin)


def merge(parts: Sequence[Deviations]) -> Deviations:
    """All parts together, bit for bit the same in whatever order they come, from the origins next to zero."""
    origins = np.array([part.origin for part in parts])
    nearest = np.lexsort((origins, np.abs(origins)), axis=0)[0]
    origin = np.take_along_axis(origins, nearest[np.newaxis], axis=0)[0]
    return Deviations(origin, merge_all(part.measured_from(origin) for part in parts))


def _moved(moments: Moments, by: Vector) -> Moments:
    with np.errstate(invalid="ignore", over="ignore"):
        return Moments(moments.n, moments.mean + by, moments.comoment)
