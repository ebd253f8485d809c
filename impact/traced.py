"""Outcome and latency of every user of a study, read from the store's files, one day at a time.

For what the looks of an experiment do not keep: outcomes by week after the study has ended, outcome and
latency of the same user, and levels of a dimension by arm. Imports pyarrow: worker processes only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow.dataset import dataset
from pyarrow.fs import FileSystem

from analysis.stats.moments import Moments
from analysis.stats.results import Estimate
from metrics.definitions import Kind, Measure, MetricDefinition, Source

MICROSECOND = 1_000_000
KINDS = (Kind.PROPORTION, Kind.COUNT, Kind.MEAN, Kind.RATIO)
"""Outcomes that are sums over a user's events; quantiles are not."""

Floats = NDArray[np.float64]
Paths = Iterable[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Users:
    """Users of a study by ascending hash: index of the arm, first exposure (µs), level by dimension."""

    units: NDArray[np.int64]
    arms: NDArray[np.int64]
    first: NDArray[np.int64]
    levels: dict[str, NDArray[Any]]

    def of_arm(self, arm: int, until: datetime) -> NDArray[np.bool_]:
        """Users of an arm who were exposed before `until`."""
        return np.asarray((self.arms == arm) & (self.first < _us(until)))


def users(
    days: Paths,
    *,
    experiment: str,
    arms: Sequence[str],
    dimensions: Sequence[str] = (),
    filesystem: FileSystem | None = None,
) -> Users:
    """Each user once, as first exposed. Those seen in two arms are left out, as in every look."""
    found = pa.concat_tables([_exposures(paths, experiment, dimensions, filesystem) for paths in days])
    found = found.filter(pc.is_in(found["variant"], value_set=pa.array(list(arms), pa.string())))
    found = found.sort_by([("unit", "ascending"), ("ts", "ascending")])
    units = found["unit"].to_numpy()
    arm = pc.index_in(found["variant"], value_set=pa.array(list(arms), pa.string())).to_numpy()
    unique, at, inverse = np.unique(units, return_index=True, return_inverse=True)
    crossed = np.zeros(len(unique), dtype=bool)
    crossed[inverse[arm != arm[at][inverse]]] = True
    at = at[~crossed]
    levels = {name: found[name].to_numpy(zero_copy_only=False)[at] for name in dimensions}
    first = found["ts"].cast(pa.int64()).to_numpy()
    return Users(unique[~crossed].astype(np.int64), arm[at].astype(np.int64), first[at], levels)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums and counts of events, one row a span, one column a user."""

    sums: Floats
    counts: Floats


def totals(
    days: Paths,
    source: Source,
    of: Users,
    starts: Sequence[datetime],
    until: datetime,
    *,
    filesystem: FileSystem | None = None,
) -> Totals:
    """What users did from their first exposure on, by the span that begins at each of `starts`."""
    shape = (len(starts), len(of.units))
    found = Totals(np.zeros(shape), np.zeros(shape))
    edges = np.array([_us(start) for start in starts])
    for paths in days:
        table = dataset(list(paths), format="parquet", filesystem=filesystem).to_table(
            columns=["unit", "ts", "name", "value", "dims"], filter=pc.field("name") == source.event
        )
        for name, level in source.where:
            dims = pc.map_lookup(table["dims"].combine_chunks(), name, "first")
            table = table.filter(pc.fill_null(pc.equal(dims, level), False))
        _add(found, table, of, edges, _us(until))
    return found


def outcome(metric: MetricDefinition, top: Totals, below: Totals | None, who: NDArray[np.bool_]) -> Estimate:
    """The metric over some users, all spans of the totals together, with its variance."""
    units = int(who.sum())
    counts, sums = top.counts.sum(axis=0)[who], top.sums.sum(axis=0)[who]
    values = counts if metric.source.value is Measure.COUNT or metric.kind is Kind.COUNT else sums
    if metric.kind is Kind.PROPORTION:
        values = (counts > 0).astype(np.float64)
    if metric.kind is Kind.RATIO and below is not None and metric.denominator is not None:
        is_count = metric.denominator.value is Measure.COUNT
        parts = (below.counts if is_count else below.sums).sum(axis=0)[who]
        return _ratio(values, parts)
    if units < 2:
        return Estimate(float(values.sum()), math.inf, units=units)
    return Estimate(float(values.mean()), float(values.var(ddof=1)) / units, units=units)


def joint(metric: MetricDefinition, top: Totals, slow: Totals, who: NDArray[np.bool_]) -> Moments:
    """Moments of (outcome, mean latency) over the users of `who` whose latency is known."""
    seen = who & (slow.counts.sum(axis=0) > 0)
    latency = slow.sums.sum(axis=0)[seen] / slow.counts.sum(axis=0)[seen]
    counts, sums = top.counts.sum(axis=0)[seen], top.sums.sum(axis=0)[seen]
    values = sums if metric.kind is Kind.MEAN else counts
    if metric.kind is Kind.PROPORTION:
        values = (counts > 0).astype(np.float64)
    return Moments.from_rows(np.column_stack([values, latency]))


def _exposures(
    paths: Sequence[str], experiment: str, dimensions: Sequence[str], filesystem: FileSystem | None
) -> pa.Table:
    wanted = (pc.field("experiment") == experiment) & ~pc.field("forced")
    table = dataset(list(paths), format="parquet", filesystem=filesystem).to_table(
        columns=["unit", "ts", "variant", "dims"], filter=wanted
    )
    for name in dimensions:
        level = pc.map_lookup(table["dims"].combine_chunks(), name, "first")
        table = table.append_column(name, pc.fill_null(level.cast(pa.string()), ""))
    return table.drop_columns(["dims"])


def _add(found: Totals, table: pa.Table, of: Users, edges: NDArray[np.int64], until: int) -> None:
    units, ts = table["unit"].to_numpy(), table["ts"].cast(pa.int64()).to_numpy()
    values = np.nan_to_num(np.asarray(table["value"].to_numpy(), dtype=np.float64))
    place = np.searchsorted(of.units, units)
    place[place == len(of.units)] = 0
    if not len(of.units) or not len(units):
        return
    span = np.searchsorted(edges, ts, side="right") - 1
    counted = (of.units[place] == units) & (ts >= of.first[place]) & (span >= 0) & (ts < until)
    at = (span[counted], place[counted])
    np.add.at(found.sums, at, values[counted])
    np.add.at(found.counts, at, 1.0)


def _ratio(top: Floats, below: Floats) -> Estimate:
    """Delta method: sum of squares of (s - R n) over users, scaled by the total of n."""
    units, whole = len(top), float(below.sum())
    if units < 2 or whole == 0:
        return Estimate(0.0, math.inf, units=units)
    ratio = float(top.sum()) / whole
    squares = float(((top - ratio * below) ** 2).sum())
    return Estimate(ratio, squares / (units - 1) * units / whole**2, units=units)


def _us(at: datetime) -> int:
    return int(at.timestamp() * MICROSECOND)
