"""How often the nightly A/A splits found a difference where none is, beside what was promised.

Pure arithmetic: web processes show these figures, so nothing heavy is imported.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

ALPHA = 0.05
BAND_Z = 3.2905267314918945
"""99.9 %, so that a sound method leaves its band once in a thousand times."""

FALSE_POSITIVES, COVERAGE = (0.04, 0.06), (0.94, 0.96)
"""Where the true shares have to lie; a figure is out when its whole band is outside."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Nights added up. Bands are 99.9 % score bands of the shares."""

    metric: str
    nights: int
    replicates: int
    rejected: int
    covered: int

    @property
    def false_positive_share(self) -> float:
        return self.rejected / self.replicates

    @property
    def false_positive_band(self) -> tuple[float, float]:
        return _band(self.rejected, self.replicates)

    @property
    def coverage_share(self) -> float:
        return self.covered / self.replicates

    @property
    def coverage_band(self) -> tuple[float, float]:
        return _band(self.covered, self.replicates)

    @property
    def is_within(self) -> bool:
        """Could both true shares be inside of their bounds?"""
        return _overlap(self.false_positive_band, FALSE_POSITIVES) and _overlap(self.coverage_band, COVERAGE)


def add_up(nights: Iterable[tuple[str, int, int, int]]) -> list[Rates]:
    """Rates by metric, from (metric, replicates, rejected, covered) of single nights."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    for metric, *counts in nights:
        found.setdefault(metric, []).append((counts[0], counts[1], counts[2]))
    return [
        Rates(metric, len(of), *map(sum, zip(*of, strict=True)))
        for metric, of in found.items()
        if sum(n for n, _, _ in of)
    ]


def _band(hits: int, replicates: int) -> tuple[float, float]:
    """Score band of a share (Wilson 1927, JASA 22:209)."""
    share, z2 = hits / replicates, BAND_Z**2
    middle = (share + z2 / (2 * replicates)) / (1 + z2 / replicates)
    spread = math.sqrt(share * (1 - share) / replicates + z2 / (4 * replicates**2))
    half = BAND_Z / (1 + z2 / replicates) * spread
    return max(0.0, middle - half), min(1.0, middle + half)


def _overlap(band: tuple[float, float], bounds: tuple[float, float]) -> bool:
    return band[0] <= bounds[1] and band[1] >= bounds[0]
