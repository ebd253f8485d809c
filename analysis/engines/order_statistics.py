"""Exact order statistics of values that lie in many partitions, in two passes of counts.

First every partition counts its values per bin; the merged counts say in which bins the wanted ranks lie.
Then only the values of those bins are counted one by one. Nothing is approximated and no partition sees
another's rows. Pure bookkeeping: no engine, no statistics.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

Key = tuple[Any, ...]
Counts = dict[Key, dict[Any, int]]


def merge_counts(parts: Iterable[Mapping[str, Sequence[Any]]], keys: Sequence[str], of: str) -> Counts:
    """Per group, how often each item of the column `of` occurs over all parts (rows with a column n)."""
    merged: Counts = defaultdict(lambda: defaultdict(int))
    for rows in parts:
        groups = zip(*(rows[key] for key in keys), strict=True) if keys else [()] * len(rows["n"])
        for group, item, n in zip(groups, rows[of], rows["n"], strict=True):
            merged[group][item] += n
    return {group: dict(counts) for group, counts in merged.items()}


def size(counts: Mapping[Any, int]) -> int:
    return sum(counts.values())


@dataclass(frozen=True, slots=True)
class Ranked:
    """Counts of items in ascending order, to be asked for the item at a rank."""

    items: list[Any]
    ends: list[int]

    @classmethod
    def of(cls, counts: Mapping[Any, int]) -> Ranked:
        items = sorted(counts)
        return cls(items, list(accumulate(counts[item] for item in items)))

    def at(self, rank: int) -> Any:
        """The item at the 1-based rank."""
        return self.items[bisect_left(self.ends, rank)]

    def before(self, item: Any) -> int:
        """How many values are smaller than the item."""
        index = bisect_left(self.items, item)
        return self.ends[index - 1] if index else 0


def wanted_bins(bins: Counts, ranks: Mapping[Key, Sequence[int]]) -> dict[Key, list[int]]:
    """Per group, the bins in which its ranks lie."""
    ranked = {group: Ranked.of(bins[group]) for group in ranks}
    return {group: sorted({ranked[group].at(rank) for rank in ranks[group]}) for group in ranks}


def values_at(bins: Counts, values: Counts, ranks: Mapping[Key, Sequence[int]]) -> dict[Key, list[float]]:
    """Per group, the value at each of its ranks; `values` holds the counts of the wanted bins only."""
    return {group: _values_of(bins[group], values[group], ranks[group]) for group in ranks}


def _values_of(bins: Mapping[int, int], values: Mapping[float, int], ranks: Sequence[int]) -> list[float]:
    """Values of bins that were not fetched are missing below a rank: their number is known from the bins."""
    by_bin, by_value = Ranked.of(bins), Ranked.of(values)
    fetched = sorted({by_bin.at(rank) for rank in ranks})
    found = []
    for rank in ranks:
        own = by_bin.at(rank)
        missing = by_bin.before(own) - sum(bins[other] for other in fetched if other < own)
        found.append(by_value.at(rank - missing))
    return found
