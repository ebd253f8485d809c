"""Which units each partition of a look holds: those of some buckets, or a range of hashes of these.

What a partition takes in memory is a row of all columns for each of its units. So a bucket with more values
than a partition is meant to hold is read once for each of several ranges of hashes, and more users take more
time and not more memory. Rows of a file are sorted by unit: most of what lies outside a range is skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LOWEST, HASHES = -(1 << 63), 1 << 64
"""Hashes of units are whole numbers of 64 bits with a sign."""

MAX_RANGES = 32
"""Of one group of buckets. Each is a database of its own."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Units of these buckets, or those in one of several equal ranges of hashes."""

    buckets: tuple[int, ...]
    index: int = 0
    ranges: int = 1

    @property
    def hashes(self) -> tuple[int, int] | None:
        """The lowest and the highest hash; None for all."""
        if self.ranges == 1:
            return None
        first, after = (LOWEST + HASHES * at // self.ranges for at in (self.index, self.index + 1))
        return first, after - 1


def of(buckets: Sequence[int], groups: int, ranges: int) -> list[Portion]:
    """Neighbouring buckets in so many groups, each in so many ranges; always the same for the same numbers.
    Without buckets one portion of nothing."""
    listed: list[list[int]] = [[] for _ in range(groups)]
    for position, bucket in enumerate(sorted(buckets)):
        listed[position * groups // len(buckets)].append(bucket)
    return [Portion(tuple(group), index, ranges) for group in listed for index in range(ranges)]


def groups(buckets: Sequence[int], rows: int, rows_each: int) -> int:
    """As many groups of buckets as the rows are worth."""
    return max(1, min(len(buckets), rows // rows_each))


def ranges(values: int, groups: int, values_at_most: int) -> int:
    """So many that a portion of one of the groups has hardly more values than that."""
    return min(MAX_RANGES, max(1, -(-values // (groups * values_at_most))))


def power_of_two(number: int) -> int:
    """The greatest up to a number: one that rarely changes while rows are added."""
    return 1 << (number.bit_length() - 1)
