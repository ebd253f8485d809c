"""Daily values of metrics by slice, read from the store's files once, to be kept beyond the events' life.

One bucket of units at a time, so memory does not grow with the day; units never cross buckets, so cells of
buckets add up exactly. Imports pyarrow: worker processes only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow.dataset import dataset
from pyarrow.fs import FileSystem

from analysis.stats.quantiles import LogHistogram
from impact.cells import Cell, Wanted
from impact.daily_names import EVERYBODY, HIT, OTHERS, REST
from metrics.definitions import Kind, Measure, MetricDefinition, Source

MOST_DIMENSIONS, MOST_LEVELS, MOST_DISTINCT = 8, 30, 500
"""Dimensions of a day, levels of a dimension that are told apart, and levels beyond which it is an id."""

Slices = Mapping[str, Sequence[str]]
Cells = dict[str, dict[str, Cell]]
"""Cells by dimension and level."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parting:
    """How rows are told apart besides by their dimensions: `crossed` slices of several dimensions by name
    (levels HIT and OTHERS), and levels that are `named` and therefore always told apart."""

    crossed: Mapping[str, Slices] = field(default_factory=dict)
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)


def cells_of(
    buckets: Sequence[Sequence[str]],
    wanted: Sequence[Wanted],
    parting: Parting,
    *,
    filesystem: FileSystem | None = None,
) -> dict[str, Cells]:
    """Cells of one day by recipe; `buckets` are the paths of each bucket of units.

    Rows that lack a dimension are in none of its levels, only in the whole.
    """
    found: dict[str, Cells] = {each.recipe: {} for each in wanted}
    ids: set[str] = set()
    for paths in buckets:
        table = _read(paths, filesystem)
        groups = list(_groups(table, parting))
        ids |= {group.dimension for group in groups if len(group.levels) > MOST_DISTINCT}
        groups = [group for group in groups if group.dimension not in ids - set(parting.named)]
        units = np.unique(table["unit"].to_numpy(), return_inverse=True)[1]
        for each in wanted:
            _add(found[each.recipe], table, units, groups, each)
    for cells in found.values():
        for name in ids - set(parting.named):
            cells.pop(name, None)
    return {recipe: _largest(cells, parting) for recipe, cells in found.items()}


def whole_of(
    buckets: Sequence[Sequence[str]], wanted: Sequence[Wanted], *, filesystem: FileSystem | None = None
) -> dict[str, Cell]:
    """Cells of one day over everybody, by recipe: what `cells_of` says without dimensions, much sooner."""
    found = {each.recipe: Cell() for each in wanted}
    for paths in buckets:
        table = _read(paths, filesystem)
        everybody = next(_groups(table, Parting()))
        units = np.unique(table["unit"].to_numpy(), return_inverse=True)[1]
        for each in wanted:
            found[each.recipe] += _Part(table, units, each).cells(everybody)[0]
    return found


@dataclass(frozen=True, slots=True)
class _Group:
    """One way to tell rows apart: the place of each row's level, -1 for none."""

    dimension: str
    levels: list[str]
    codes: NDArray[np.int64]


def _groups(table: pa.Table, parting: Parting) -> Iterator[_Group]:
    yield _Group(EVERYBODY, [EVERYBODY], np.zeros(len(table), dtype=np.int64))
    dims = table["dims"].combine_chunks()
    names = [] if not len(table) else sorted(pc.unique(dims.keys).to_pylist())
    for name in names:
        found = pc.dictionary_encode(pc.map_lookup(dims, name, "first"))
        codes = pc.fill_null(found.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
        yield _Group(name, [str(each) for each in found.dictionary.to_pylist()], codes)
    for name, slices in parting.crossed.items():
        yield _Group(name, [HIT, OTHERS], _crossed(table, slices))


def _crossed(table: pa.Table, slices: Slices) -> NDArray[np.int64]:
    """0 for rows that were hit, 1 for others, -1 for those that lack one of the dimensions."""
    hit, known = np.ones(len(table), dtype=bool), np.ones(len(table), dtype=bool)
    for name, levels in slices.items():
        found = pc.map_lookup(table["dims"].combine_chunks(), name, "first")
        known &= _bools(pc.is_valid(found))
        hit &= _bools(pc.is_in(found, value_set=pa.array(list(levels), pa.string())))
    return np.where(known, np.where(hit, 0, 1), -1).astype(np.int64)


def _read(paths: Sequence[str], filesystem: FileSystem | None) -> pa.Table:
    columns = ["unit", "name", "value", "dims"]
    return dataset(list(paths), format="parquet", filesystem=filesystem).to_table(columns=columns)


def _add(
    cells: Cells, table: pa.Table, units: NDArray[np.int64], groups: Sequence[_Group], wanted: Wanted
) -> None:
    part = _Part(table, units, wanted)
    for group in groups:
        into = cells.setdefault(group.dimension, {})
        for level, cell in zip(group.levels, part.cells(group), strict=True):
            into[level] = into.get(level, Cell()) + cell


class _Part:
    """One metric over the rows of one bucket."""

    def __init__(self, table: pa.Table, units: NDArray[np.int64], wanted: Wanted) -> None:
        self._units, self._wanted = units, wanted
        self._size = int(units.max()) + 1 if len(units) else 0
        values = np.asarray(table["value"].to_numpy(), dtype=np.float64)
        self._has_value, self._values = ~np.isnan(values), np.nan_to_num(values)
        metric = wanted.metric
        self._above = _of(table, metric.source)
        self._below = None if metric.denominator is None else _of(table, metric.denominator)

    def cells(self, group: _Group) -> list[Cell]:
        metric, count = self._wanted.metric, len(group.levels)
        if self._wanted.is_quantile:
            return self._histograms(group)
        if self._wanted.per_event:
            rows = self._above & self._has_value
            above, below = self._sums(group, rows, self._values), self._sums(group, rows, None)
        elif metric.kind is Kind.RATIO and metric.denominator is not None and self._below is not None:
            above = self._measured(group, self._above, metric.source.value)
            below = self._measured(group, self._below, metric.denominator.value)
        else:
            above, below = self._per_user(group, metric), self._people(group, np.ones(len(group.codes), bool))
        return [Cell(float(above[at]), float(below[at])) for at in range(count)]

    def _per_user(self, group: _Group, metric: MetricDefinition) -> NDArray[np.float64]:
        if metric.kind is Kind.PROPORTION:
            return self._people(group, self._above)
        measure = Measure.COUNT if metric.kind is Kind.COUNT else metric.source.value
        return self._measured(group, self._above, measure)

    def _measured(self, group: _Group, rows: Mask, measure: Measure) -> NDArray[np.float64]:
        return self._sums(group, rows, None if measure is Measure.COUNT else self._values)

    def _sums(self, group: _Group, rows: Mask, values: NDArray[np.float64] | None) -> NDArray[np.float64]:
        kept = rows & (group.codes >= 0)
        weights = None if values is None else values[kept]
        return np.bincount(group.codes[kept], weights, len(group.levels)).astype(np.float64)

    def _people(self, group: _Group, rows: Mask) -> NDArray[np.float64]:
        """Units with a row, by level."""
        kept = rows & (group.codes >= 0)
        pairs = np.unique(group.codes[kept] * self._size + self._units[kept])
        levels = pairs // self._size if self._size else pairs
        return np.bincount(levels, minlength=len(group.levels)).astype(np.float64)

    def _histograms(self, group: _Group) -> list[Cell]:
        kept = self._above & self._has_value & (self._values >= 0) & (group.codes >= 0)
        codes, values = group.codes[kept], self._values[kept]
        order = np.argsort(codes, kind="stable")
        edges = np.searchsorted(codes[order], np.arange(len(group.levels) + 1))
        parts = [values[order[edges[at] : edges[at + 1]]] for at in range(len(group.levels))]
        return [Cell(float(len(part)), float(len(part)), LogHistogram.of(part)) for part in parts]


def _largest(cells: Cells, parting: Parting) -> Cells:
    """The dimensions and levels with the most behind them; what is left out stays in the whole."""
    sizes = {name: sum(cell.below for cell in levels.values()) for name, levels in cells.items()}
    always = {EVERYBODY, *parting.crossed, *parting.named}
    free = sorted((name for name in cells if name not in always), key=lambda name: (-sizes[name], name))
    kept = [name for name in cells if name in always] + free[:MOST_DIMENSIONS]
    return {name: _largest_levels(cells[name], parting.named.get(name, frozenset())) for name in kept}


def _largest_levels(levels: dict[str, Cell], named: frozenset[str]) -> dict[str, Cell]:
    """Levels by size; the rest of the dimension is added up under REST, so that the dimension is whole."""
    order = sorted(levels, key=lambda level: (level not in named, -levels[level].below, level))
    kept = {level: levels[level] for level in order[: max(MOST_LEVELS, len(named))]}
    rest = [levels[level] for level in order if level not in kept]
    return {**kept, REST: sum(rest, Cell())} if rest else kept


def _of(table: pa.Table, source: Source) -> Mask:
    """Rows of this event whose dimensions are as wanted."""
    mask = _bools(pc.equal(table["name"].combine_chunks(), source.event))
    for name, level in source.where:
        found = pc.map_lookup(table["dims"].combine_chunks(), name, "first")
        mask &= _bools(pc.fill_null(pc.equal(found, level), False))
    return mask


def _bools(column: Any) -> Mask:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)
