"""Outcome and latency of every user of a study, read from the store's files, one day at a time.

For what the looks of an experiment do not keep: outcomes by week after the study has ended, outcome and
latency of the same user, and levels of a dimension by arm. Imports pyarrow: worker processes only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow.dataset import dataset
from pyarrow.fs import FileSystem

from impact.outcomes import Rows, Sessions, Totals
from metrics.definitions import Source

MICROSECOND = 1_000_000
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
    found = Totals.zeros(len(starts), len(of.units))
    edges = np.array([_us(start) for start in starts])
    for rows in _read(days, source, of, filesystem):
        span = np.searchsorted(edges, rows.ts, side="right") - 1
        found.add(rows, span, (rows.ts >= of.first[rows.place]) & (span >= 0) & (rows.ts < _us(until)))
    return found


def before(
    days: Paths, source: Source, of: Users, period: timedelta, *, filesystem: FileSystem | None = None
) -> Totals:
    """What users did in so long a period before their first exposure, in one span."""
    found, length = Totals.zeros(1, len(of.units)), int(period.total_seconds() * MICROSECOND)
    for rows in _read(days, source, of, filesystem):
        since = of.first[rows.place] - length
        found.add(rows, np.zeros_like(rows.place), (rows.ts >= since) & (rows.ts < of.first[rows.place]))
    return found


def sessions(
    days: Paths,
    source: Source,
    of: Users,
    starts: Sequence[datetime],
    until: datetime,
    *,
    filesystem: FileSystem | None = None,
) -> Sessions:
    """The value of every event of these users from their first exposure on, for quantiles."""
    edges, parts = np.array([_us(start) for start in starts]), []
    for rows in _read(days, source, of, filesystem):
        span = np.searchsorted(edges, rows.ts, side="right") - 1
        kept = (rows.ts >= of.first[rows.place]) & (span >= 0) & (rows.ts < _us(until)) & rows.has_value
        parts.append((rows.values[kept], rows.place[kept], span[kept]))
    if not parts:
        return Sessions(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    return Sessions(*(np.concatenate(each) for each in zip(*parts, strict=True)))


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


def _read(days: Paths, source: Source, of: Users, filesystem: FileSystem | None) -> Iterator[Rows]:
    """Events of the source by the users of the study, one day at a time."""
    for paths in days:
        table = dataset(list(paths), format="parquet", filesystem=filesystem).to_table(
            columns=["unit", "ts", "name", "value", "dims"], filter=pc.field("name") == source.event
        )
        for name, level in source.where:
            dims = pc.map_lookup(table["dims"].combine_chunks(), name, "first")
            table = table.filter(pc.fill_null(pc.equal(dims, level), False))
        if len(table) and len(of.units):
            yield _rows(table, of)


def _rows(table: pa.Table, of: Users) -> Rows:
    units, ts = table["unit"].to_numpy(), table["ts"].cast(pa.int64()).to_numpy()
    values = np.asarray(table["value"].to_numpy(), dtype=np.float64)
    place = np.searchsorted(of.units, units)
    place[place == len(of.units)] = 0
    known = of.units[place] == units
    return Rows(place[known], ts[known], values[known])


def _us(at: datetime) -> int:
    return int(at.timestamp() * MICROSECOND)
