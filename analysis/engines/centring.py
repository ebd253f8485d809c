"""Moments asked of all partitions in deviations from one centre that they share.

A large, narrow value keeps its digits that way. Any centre gives the same moments; one near the mean lets
plain sums do, and where they do not, compensated ones are asked for. Only worker processes import this
module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import frexp, inf, isfinite, ldexp
from typing import TYPE_CHECKING

from analysis.engines import aggregates
from analysis.engines.aggregates import Key, MomentQuery, Rows
from analysis.stats.moments import Moments
from analysis.unit_values import Table

if TYPE_CHECKING:
    from analysis.engines.reading import Backend


@dataclass(frozen=True, slots=True)
class Centred:
    """Rows and the centres of their columns."""

    table: Table
    centres: Mapping[str, float]

    def statement(self, backend: Backend, expression: Table) -> str:
        return aggregates.with_centres(backend.compile(expression), self.centres)


def centred(backend: Backend, table: Table, names: Sequence[str]) -> Centred:
    """The table with the means of some partition's first rows.

    These are numbers from here on: an engine that computed them twice could take other rows the second time.
    """
    return Centred(table, _means(backend, table, names) if names else {})


def _means(backend: Backend, table: Table, names: Sequence[str]) -> dict[str, float]:
    """Of the first partition that has rows."""
    statement = backend.compile(aggregates.first_means(table, names))
    found: dict[str, float] = {}
    for partition in backend.partitions:
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


def rows(backend: Backend, query: MomentQuery, of: Centred) -> list[Rows]:
    """Per partition; again with compensated sums where plain ones are not exact enough."""
    statement = of.statement(backend, query.expression(of.table))
    parts = backend.each(lambda partition: partition.rows(statement))
    if not any(query.has_drifted(part) for part in parts):
        return parts
    exact = of.statement(backend, query.expression(of.table, backend.total))
    return parts if exact == statement else backend.each(lambda partition: partition.rows(exact))


def moments(backend: Backend, query: MomentQuery, of: Centred) -> list[dict[Key, list[Moments]]]:
    """Per partition and group, the moments of each vector."""
    return [query.decode(part, of.centres) for part in rows(backend, query, of)]
