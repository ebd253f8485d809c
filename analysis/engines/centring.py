"""Moments asked of all partitions in deviations from one centre that they share.

A large, narrow value keeps its digits that way. Any centre gives the same moments; one near the mean lets
plain sums do, and where they do not, compensated ones are asked for. A group far from the centre is asked for
again from its own. Only worker processes import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import frexp, inf, isfinite, ldexp
from typing import TYPE_CHECKING

from analysis.engines import aggregates
from analysis.engines.aggregates import Key, MomentQuery, Rows
from analysis.engines.deviations import Deviations
from analysis.unit_values import ONE_AT_A_TIME, Table

if TYPE_CHECKING:
    from analysis.engines.look import Backend, Partition


@dataclass(frozen=True, slots=True)
class Centred:
    """Rows and the centres of their columns."""

    table: Table
    centres: Mapping[str, float]

    def statement(self, backend: Backend, expression: Table) -> str:
        return aggregates.with_centres(backend.compile(expression), self.centres)


def centred(
    backend: Backend, table: Table, names: Sequence[str], partitions: Iterable[Partition] | None = None
) -> Centred:
    """The table with the means of some partition's first rows; only as many of the `partitions` are asked
    as it takes.

    These are numbers from here on: an engine that computed them twice could take other rows the second time.
    """
    listed = backend.partitions if partitions is None else partitions
    return Centred(table, _means(backend, table, names, listed) if names else {})


def _means(
    backend: Backend, table: Table, names: Sequence[str], partitions: Iterable[Partition]
) -> dict[str, float]:
    """Of the first partition that has rows."""
    statement = backend.compile(aggregates.first_means(table, names))
    found: dict[str, float] = {}
    for partition in partitions:
        rows = partition.rows(statement)
        found = {name: _rounded(rows[f"mean_{name}"][0], rows[f"spread_{name}"][0]) for name in names}
        if any(rows[f"mean_{name}"][0] is not None for name in names):
            break
    return found


def _rounded(mean: float | None, spread: float | None) -> float:
    """The mean to a 128th of the spread or finer, in steps of a power of two.

    Deviations of whole numbers have few digits then, so that sums of them are exact in any order. Zero where
    there is no number.
    """
    if mean is None or not isfinite(mean):
        return 0.0
    if spread is None or not 0.0 < spread < inf:
        return float(mean)
    step = ldexp(0.5, frexp(spread)[1] - 7)
    return round(mean / step) * step if step > 0.0 and isfinite(mean / step) else float(mean)


def question(backend: Backend, query: MomentQuery, of: Centred) -> Callable[[Partition], Rows]:
    """What asks a partition for its moments; again with compensated sums where plain ones are not exact
    enough."""
    plain = of.statement(backend, query.expression(of.table))

    def ask(partition: Partition) -> Rows:
        rows = partition.rows(plain)
        if query.has_drifted(rows):
            with ONE_AT_A_TIME:
                exact = of.statement(backend, query.expression(of.table, backend.total))
            rows = rows if exact == plain else partition.rows(exact)
        for index in query.far(rows):
            rows = _from_own_centre(backend, query, of, partition, rows, index)
        return rows

    return ask


def _from_own_centre(
    backend: Backend, query: MomentQuery, of: Centred, partition: Partition, rows: Rows, index: int
) -> Rows:
    """The rows with one group asked for again, in deviations from its own means."""
    n, key = rows["n"][index], tuple(rows[name][index] for name in query.keys)
    means = {name: of.centres[name] + float(rows[f"sum_{name}"][index]) / n for name in query.names}
    own = Centred(aggregates.of_group(of.table, query.keys, key), means)
    with ONE_AT_A_TIME:
        statement = own.statement(backend, query.expression(own.table, backend.total))
    return query.with_own_centre(rows, index, partition.rows(statement), of.centres, means)


def moments(backend: Backend, query: MomentQuery, of: Centred) -> list[dict[Key, list[Deviations]]]:
    """Per partition and group, the moments of each vector's deviations."""
    return [query.decode(part, of.centres) for part in backend.each(question(backend, query, of))]
