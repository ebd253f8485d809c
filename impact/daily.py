"""Daily values of a metric for those an event hit and for those it did not, read from the store's files.

One day at a time, so memory does not grow with the history. Imports pyarrow: worker processes only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow.dataset import dataset
from pyarrow.fs import FileSystem

from metrics.definitions import Kind, Measure, MetricDefinition, Source

Slices = Mapping[str, Sequence[str]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Day:
    """One day: the metric among the hit, among the others, and how many units each had; None without data."""

    day: date
    hit: float | None
    others: float | None
    hit_units: int
    other_units: int


def series(
    days: Mapping[date, Sequence[str]],
    definition: MetricDefinition,
    slices: Slices,
    *,
    filesystem: FileSystem | None = None,
    per_event: bool = False,
) -> list[Day]:
    """Values by day, oldest first. `days` are the paths of the events of each day.

    A metric per user is taken over the units that did anything on that day. `per_event` averages the values
    of events instead, which is how latency is read. Without slices everybody was hit.
    """
    return [
        _day(day, paths, definition, slices, filesystem, per_event) for day, paths in sorted(days.items())
    ]


def _day(
    day: date,
    paths: Sequence[str],
    definition: MetricDefinition,
    slices: Slices,
    filesystem: FileSystem | None,
    per_event: bool,
) -> Day:
    table = _read(paths, filesystem)
    hit, known = _masks(table, slices)
    values = [_value(table, definition, mask, per_event) for mask in (hit & known, ~hit & known)]
    units = [_units(table, mask) for mask in (hit & known, ~hit & known)]
    return Day(day, values[0], values[1], units[0], units[1])


def _read(paths: Sequence[str], filesystem: FileSystem | None) -> pa.Table:
    columns = ["unit", "name", "value", "dims"]
    return dataset(list(paths), format="parquet", filesystem=filesystem).to_table(columns=columns)


def _masks(table: pa.Table, slices: Slices) -> tuple[Mask, Mask]:
    """Rows that were hit, and rows that carry every dimension: of the others nobody knows."""
    hit = np.ones(len(table), dtype=bool)
    known = np.ones(len(table), dtype=bool)
    for name, levels in slices.items():
        found = pc.map_lookup(table["dims"].combine_chunks(), name, "first")
        known &= _bools(pc.is_valid(found))
        hit &= _bools(pc.is_in(found, value_set=pa.array(list(levels), pa.string())))
    return hit, known


def _value(table: pa.Table, metric: MetricDefinition, mask: Mask, per_event: bool) -> float | None:
    chosen = mask & _of(table, metric.source)
    if metric.kind is Kind.QUANTILE:
        values = _values(table, chosen, metric.source.value)
        return float(np.quantile(values, metric.quantile or 0.5)) if len(values) else None
    if per_event:
        values = _values(table, chosen, metric.source.value)
        return float(values.mean()) if len(values) else None
    if metric.kind is Kind.RATIO and metric.denominator is not None:
        below = float(_values(table, mask & _of(table, metric.denominator), metric.denominator.value).sum())
        return float(_values(table, chosen, metric.source.value).sum()) / below if below else None
    active = _units(table, mask)
    if not active:
        return None
    if metric.kind is Kind.PROPORTION:
        return _units(table, chosen) / active
    measure = Measure.COUNT if metric.kind is Kind.COUNT else metric.source.value
    return float(_values(table, chosen, measure).sum()) / active


def _of(table: pa.Table, source: Source) -> Mask:
    """Rows of this event whose dimensions are as wanted."""
    mask = _bools(pc.equal(table["name"].combine_chunks(), source.event))
    for name, level in source.where:
        found = pc.map_lookup(table["dims"].combine_chunks(), name, "first")
        mask &= _bools(pc.fill_null(pc.equal(found, level), False))
    return mask


def _values(table: pa.Table, mask: Mask, measure: Measure) -> NDArray[np.float64]:
    if measure is Measure.COUNT:
        return np.ones(int(mask.sum()))
    values = table["value"].to_numpy()[mask]
    return np.asarray(values[~np.isnan(values)], dtype=np.float64)


def _units(table: pa.Table, mask: Mask) -> int:
    return len(np.unique(table["unit"].to_numpy()[mask]))


def _bools(column: Any) -> Mask:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)


def complete(days: Iterable[Day]) -> list[Day]:
    """The days on which both sides have a value."""
    return [day for day in days if day.hit is not None and day.others is not None]
