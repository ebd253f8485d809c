"""Placing experiments in a layer: which slots are free, and which ones a new share gets. Pure arithmetic.

Slots are half-open integer ranges over parts per million of the layer's units.
"""

from collections.abc import Iterable
from dataclasses import dataclass

WHOLE_PPM = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Slots:
    """[low, high) in parts per million."""

    low: int
    high: int

    @property
    def share_ppm(self) -> int:
        return self.high - self.low


def free(taken: Iterable[Slots]) -> tuple[Slots, ...]:
    """The gaps between ranges that do not overlap, lowest first."""
    gaps: list[Slots] = []
    start = 0
    for slots in sorted(taken):
        if slots.low > start:
            gaps.append(Slots(start, slots.low))
        start = max(start, slots.high)
    if start < WHOLE_PPM:
        gaps.append(Slots(start, WHOLE_PPM))
    return tuple(gaps)


def place(taken: Iterable[Slots], share_ppm: int) -> tuple[Slots, ...]:
    """Slots for a new owner: the lowest gap that holds the whole share, otherwise several gaps in turn.

    Empty when less than `share_ppm` is free.
    """
    gaps = free(taken)
    if sum(gap.share_ppm for gap in gaps) < share_ppm:
        return ()
    whole = next((gap for gap in gaps if gap.share_ppm >= share_ppm), None)
    return (Slots(whole.low, whole.low + share_ppm),) if whole else _pieces(gaps, share_ppm)


def _pieces(gaps: Iterable[Slots], share_ppm: int) -> tuple[Slots, ...]:
    pieces: list[Slots] = []
    missing = share_ppm
    for gap in gaps:
        piece = Slots(gap.low, gap.low + min(gap.share_ppm, missing))
        pieces.append(piece)
        missing -= piece.share_ppm
        if not missing:
            break
    return tuple(pieces)
