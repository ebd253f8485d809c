"""Aggregations over units as Ibis expressions, and reading their rows back by name.

Sums are taken of differences from a centre (`analysis.engines.centring`), and parts add exactly through
`analysis.stats.moments`. Only worker processes import this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from math import inf
from operator import and_, or_
from typing import Any
from uuid import uuid4

import ibis
import numpy as np
from numpy.typing import NDArray

from analysis.engines.contract import BINS_PER_E_FOLD, NO_BIN, ZERO_BIN
from analysis.engines.deviations import Deviations
from analysis.stats.moments import Moments
from analysis.unit_values import ONE, ZERO, Table, Total, Value

Key = tuple[Any, ...]
MAX_KEPT = 256
"""Expressions kept for the next look of the same plan, which asks for the same moments."""
Rows = Mapping[str, Sequence[Any]]
Numbers = NDArray[np.float64]

CENTRED_ON = 4096
"""Units whose mean is the centre. Any centre gives the same moments; one near the mean keeps the digits, and
these few need no pass over all units."""

CENTRE = f"centre {uuid4().hex} of "
"""Stands before a column's name where its centre belongs in a statement. Nobody can guess it, so that no text
of the data is taken for one."""

DRIFT = 20_000.0
"""Standard deviations that a plain sum of deviations may reach: its mean errs by 5e-13 standard errors then.
A million units in an arm, whose centre is the mean of `CENTRED_ON` others, reach 16,000 of them."""

FAR = 100.0
"""Standard deviations between a group's mean and the centre from which on squares of deviations lose digits:
the variance errs by about 1e-16 FAR² of itself."""


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

    def expression(self, table: Table, total: Total | None = None) -> Table:
        """One row per group: n, per column the sum of deviations from its centre, and products of these.

        Centres come into the statement when it is run (`with_centres`), so that it is compiled once.
        Deviations cancel, so `total` adds them whatever their order; without it they are added as they come,
        and `has_drifted` tells where that lost digits. Products hardly cancel, and `decode` judges them
        beside the squares: plain sums of n products err by about 0.1 ulp √n of these, 2e-14 for 400,000.
        """
        kept: Table = _expression(self, table.op(), total)
        return kept

    def has_drifted(self, rows: Rows) -> bool:
        """Whether plain sums of deviations are too far from zero for their order not to matter.

        Each addition errs by a part of the sum so far. Where n deviations add up to s, their sum errs by
        about 0.1 ulp s √n, and their mean by that part of its standard error sd/√n: 0.1 ulp s/sd.
        """
        _, sums, _, variance = self._spread(rows)
        with np.errstate(all="ignore"):
            return bool((sums**2 > DRIFT**2 * variance).any())

    def far(self, rows: Rows) -> list[int]:
        """Which groups lie too far from a centre for their own spread, such as those beside one huge value.
        Where all units of a group have one value, nothing is lost."""
        n, sums, squares, variance = self._spread(rows)
        with np.errstate(all="ignore"):
            found = ((sums / n) ** 2 > FAR**2 * variance) & (squares * n != sums**2) & np.isfinite(squares)
        return [int(index) for index in np.flatnonzero(found.any(axis=0))]

    def _spread(self, rows: Rows) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Units by group; sum and squares of deviations, and variance, by column and group."""
        n = np.array(rows["n"], dtype=float)
        shape = len(self.names), len(n)
        sums = np.array([rows[f"sum_{name}"] for name in self.names], dtype=float).reshape(shape)
        own = ["product_{}_{}".format(*_pair(name, name)) for name in self.names]
        squares = np.array([rows[name] for name in own], dtype=float).reshape(shape)
        with np.errstate(all="ignore"):
            return n, sums, squares, np.maximum(squares / n - (sums / n) ** 2, 0.0)

    def with_own_centre(
        self, rows: Rows, index: int, own: Rows, centres: Mapping[str, float], means: Mapping[str, float]
    ) -> Rows:
        """The rows with one group in deviations from its own means instead of the centres."""
        shared = {f"centre_{name}": [centre] * len(rows["n"]) for name, centre in centres.items()}
        replaced = {name: [*column] for name, column in {**shared, **rows}.items()}
        for name, [value] in {**own, **{f"centre_{name}": [mean] for name, mean in means.items()}}.items():
            replaced[name][index] = value
        return replaced

    def _expression(self, table: Table, total: Total) -> Table:
        if not self.names:
            return table.group_by(list(self.keys)).agg(n=table.count())
        # Columns of their own: an engine finds in a long list of sums what they share, but not for nothing.
        deviations = table.select(*self.keys, **{name: table[name] - _centre(name) for name in self.names})
        return deviations.group_by(list(self.keys)).agg(
            n=deviations.count(),
            **{f"sum_{name}": total(deviations[name]) for name in self.names},
            **{f"product_{a}_{b}": (deviations[a] * deviations[b]).sum() for a, b in self.pairs},
        )

    def decode(self, rows: Rows, centres: Mapping[str, float]) -> dict[Key, list[Deviations]]:
        """Per group, the moments of each vector's deviations."""
        keys = zip(*(rows[key] for key in self.keys), strict=True)
        return {
            key: [self._moments(rows, index, vector, centres) for vector in self.vectors]
            for index, key in enumerate(keys)
        }

    def _moments(
        self, rows: Rows, index: int, vector: tuple[str, ...], centres: Mapping[str, float]
    ) -> Deviations:
        n = int(rows["n"][index])
        sums = np.array([rows[f"sum_{name}"][index] for name in vector])
        own = {name: rows.get(f"centre_{name}") for name in vector}
        centre = np.array([centres[name] if (of := own[name]) is None else of[index] for name in vector])
        products = np.array(
            [[rows["product_{}_{}".format(*_pair(a, b))][index] for b in vector] for a in vector]
        )
        # Infinite values end here as numbers that are none, which the look refuses in words.
        with np.errstate(invalid="ignore", over="ignore"):
            comoment = products - np.outer(sums, sums) / n
        np.fill_diagonal(comoment, np.maximum(comoment.diagonal(), 0.0))
        return Deviations(centre, Moments(n, sums / n, comoment))


def of_group(table: Table, keys: Sequence[str], key: Key) -> Table:
    return table.filter(_is_group(table, keys, key))


def with_centres(statement: str, centres: Mapping[str, float]) -> str:
    """A compiled statement with numbers where it names centres."""
    for name, value in centres.items():
        statement = statement.replace(f"'{CENTRE}{name}'", f"'{value!r}'")
    return statement


def _centre(name: str) -> Any:
    """A text, which every engine reads as the same double once it is a number."""
    return ibis.literal(CENTRE + name).cast("float64")


def first_means(table: Table, names: Sequence[str]) -> Table:
    """One row: mean and standard deviation of every column in the first rows of a table."""
    kept: Table = _first_means(table.op(), tuple(names))
    return kept


@lru_cache(maxsize=MAX_KEPT)
def _first_means(table: Any, names: tuple[str, ...]) -> Table:
    first = table.to_expr().limit(CENTRED_ON)
    means = {f"mean_{name}": first[name].mean() for name in names}
    return first.agg(**means, **{f"spread_{name}": first[name].std(how="sample") for name in names})


@lru_cache(maxsize=MAX_KEPT)
def _expression(query: MomentQuery, table: Any, total: Total | None) -> Table:
    return query._expression(table.to_expr(), total or _plain_sum)


def _plain_sum(value: Any) -> Any:
    return value.sum()


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
    """A whole number that grows with the value: 256 steps for each factor of e, zero in the middle. What is
    infinite or no number has a bin of its own."""
    is_finite = value.abs() < inf
    finite = ibis.cases((is_finite, value))
    size = (finite.abs().nullif(0.0).ln() * BINS_PER_E_FOLD).floor() + ZERO_BIN
    number = (finite.sign() * size).fill_null(0.0).cast("int64")
    return ibis.cases((is_finite, number), else_=NO_BIN)


def _pair(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first <= second else (second, first)
