"""Aggregations over units as Ibis expressions, and reading their rows back by name.

Sums are taken of differences from the mean of the partition's first units: a large, narrow value keeps its
digits that way, and parts add exactly through `analysis.stats.moments`. Only worker processes import this
module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

import ibis
import numpy as np

from analysis.engines.contract import BINS_PER_E_FOLD, ZERO_BIN
from analysis.stats.moments import Moments
from analysis.unit_values import ONE, ZERO, Table, Total, Value

Key = tuple[Any, ...]
Rows = Mapping[str, Sequence[Any]]

CENTRED_ON = 4096
"""Units whose mean is the centre. Any centre gives the same moments; one near the mean keeps the digits, and
these few need no pass over all units."""


@dataclass(frozen=True, slots=True)
class MomentQuery:
    """Moments of several vectors over the columns `names` of one table, grouped by `keys`.

    A vector is a tuple of column names; the pairs that several vectors share are summed once.
    """

    names: tuple[str, ...]
    vectors: tuple[tuple[str, ...], ...]
    keys: tuple[str, ...]

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        found = {
            pair
            for vector in self.vectors
            for index, name in enumerate(vector)
            for pair in [_pair(name, other) for other in vector[index:]]
        }
        return tuple(sorted(found))

    def expression(self, table: Table, total: Total) -> Table:
        """One row per group: n, and per column its centre, the sum of deviations and their products.

        Deviations cancel, so `total` adds them whatever their order. Products hardly do, and `decode` judges
        them beside the squares: plain sums of n products err by about 0.1 ulp √n of these, 2e-14 for 400,000.
        """
        if not self.names:
            return table.group_by(list(self.keys)).agg(n=table.count())
        first = table.limit(CENTRED_ON)
        centres = first.agg(**{f"centre_{name}": first[name].mean() for name in self.names})
        rows = table.cross_join(centres)
        deviation = {name: rows[name] - rows[f"centre_{name}"] for name in self.names}
        return rows.group_by(list(self.keys)).agg(
            n=rows.count(),
            **{f"centre_{name}": rows[f"centre_{name}"].min() for name in self.names},
            **{f"sum_{name}": total(deviation[name]) for name in self.names},
            **{f"product_{a}_{b}": (deviation[a] * deviation[b]).sum() for a, b in self.pairs},
        )

    def decode(self, rows: Rows) -> dict[Key, list[Moments]]:
        """Per group, the moments of each vector."""
        keys = zip(*(rows[key] for key in self.keys), strict=True)
        return {
            key: [self._moments(rows, index, vector) for vector in self.vectors]
            for index, key in enumerate(keys)
        }

    def _moments(self, rows: Rows, index: int, vector: tuple[str, ...]) -> Moments:
        n = int(rows["n"][index])
        sums = np.array([rows[f"sum_{name}"][index] for name in vector])
        centre = np.array([rows[f"centre_{name}"][index] for name in vector])
        products = np.array(
            [[rows["product_{}_{}".format(*_pair(a, b))][index] for b in vector] for a in vector]
        )
        comoment = products - np.outer(sums, sums) / n
        np.fill_diagonal(comoment, np.maximum(comoment.diagonal(), 0.0))
        return Moments(n, centre + sums / n, comoment)


def active_units(table: Table, columns: Sequence[str], keys: Sequence[str]) -> Table:
    """Per group, how many units have at least one matching event, by column."""
    return table.group_by(list(keys)).agg(**{name: table[name].count() for name in columns})


def bin_counts(table: Table, keys: Sequence[str]) -> Table:
    """Per group, how many values fall into each bin of a logarithmic scale."""
    binned = table.mutate(bin=_bin(table.value))
    return binned.group_by([*keys, "bin"]).agg(n=binned.count())


def value_counts(table: Table, keys: Sequence[str], wanted: Mapping[Key, Sequence[int]]) -> Table:
    """Per group, how often each value of the wanted bins occurs."""
    binned = table.mutate(bin=_bin(table.value))
    chosen = [
        _is_group(binned, keys, key) & binned.bin.isin(list(bins)) for key, bins in sorted(wanted.items())
    ]
    kept = binned.filter(reduce(or_, chosen))
    return kept.group_by([*keys, "value"]).agg(n=kept.count())


def below_limits(
    table: Table, keys: Sequence[str], limits: Sequence[Mapping[Key, float]], total: Total
) -> Table:
    """Per unit, the number of its values, and how many lie at or below its group's i-th limit."""
    counted = {
        f"below{index}": total(_is_below(table, keys, of_group)) for index, of_group in enumerate(limits)
    }
    return table.group_by(["unit", *keys]).agg(values=table.count().cast("float64"), **counted)


def _is_below(table: Table, keys: Sequence[str], limits: Mapping[Key, float]) -> Value:
    branches = [
        (_is_group(table, keys, key) & (table.value <= limit), ONE) for key, limit in sorted(limits.items())
    ]
    return ibis.cases(*branches, else_=ZERO)


def _is_group(table: Table, keys: Sequence[str], key: Key) -> Value:
    equal = [table[name] == part for name, part in zip(keys, key, strict=True)]
    return reduce(and_, equal, ibis.literal(True))


def _bin(value: Value) -> Value:
    """A whole number that grows with the value: 256 steps for each factor of e, zero in the middle."""
    size = (value.abs().nullif(0.0).ln() * BINS_PER_E_FOLD).floor() + ZERO_BIN
    return (value.sign() * size).fill_null(0.0).cast("int64")


def _pair(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first <= second else (second, first)
