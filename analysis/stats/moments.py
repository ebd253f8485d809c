"""Mergeable moments of a vector of unit values: count, means and centred co-moments.

Centred, never sums of squares: those lose every digit when the mean is large against the spread. Parts of one
population (buckets, strata) add exactly as long as a unit lies in one part only; adding the same unit twice,
as from two days, is a mistake that no moment can show. No metric knowledge in here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.stats.results import InvalidInput

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """`n` units; `mean[k]`; `comoment[k, k]` = sum over units of (v - mean)(v - mean)'."""

    n: int
    mean: Vector
    comoment: Matrix

    def __post_init__(self) -> None:
        width = self.mean.shape[0] if self.mean.ndim == 1 else -1
        if width < 1 or self.comoment.shape != (width, width):
            shapes = (self.mean.shape, self.comoment.shape)
            raise InvalidInput("mean, comoment", shapes, "the shapes do not fit", "Use [k] and [k, k].")
        if self.n < 0:
            raise InvalidInput("n", self.n, "a count of units cannot be negative")

    @classmethod
    def empty(cls, width: int) -> Moments:
        return cls(0, np.zeros(width), np.zeros((width, width)))

    @classmethod
    def from_rows(cls, rows: ArrayLike) -> Moments:
        """From an array [n] or [n, k], one row per unit, in the unit of the values. Two passes with a
        correction of the mean (Chan, Golub & LeVeque 1983, The American Statistician 37:242). Raises
        InvalidInput for nan or infinite values."""
        values = np.asarray(rows, dtype=np.float64)
        values = values.reshape(-1, 1) if values.ndim == 1 else values
        if not np.isfinite(values).all():
            raise InvalidInput(
                "rows", "nan or inf", "every value must be finite", "Drop or fill missing values first."
            )
        n, width = values.shape
        if n == 0:
            return cls.empty(width)
        # What overflows is infinite or nan and refused below.
        with np.errstate(over="ignore", invalid="ignore"):
            first = values.mean(axis=0)
            centred = values - first
            shift = centred.mean(axis=0)
            comoment = centred.T @ centred - n * np.outer(shift, shift)
            mean = first + shift
        np.fill_diagonal(comoment, np.maximum(comoment.diagonal(), 0.0))
        return _squared("rows", cls(n, mean, comoment))

    @classmethod
    def from_aggregates(
        cls,
        n: int,
        means: Sequence[float | None],
        variances: Sequence[float | None],
        covariances: Mapping[tuple[int, int], float | None] | None = None,
    ) -> Moments:
        """From the aggregates of a query: sample variances and covariances (divided by n - 1).

        `covariances` has one entry for each pair (i, j), i < j; all pairs are required. SQL answers NULL for
        variances of one row and means of none: None is read as 0 exactly there and refused elsewhere. Raises
        InvalidInput for negative variances, missing pairs and numbers that are not finite.
        """
        width = len(means)
        mean = np.array([_aggregate("means", value, allowed_missing=n == 0) for value in means])
        comoment = np.zeros((width, width))
        scale = max(n - 1, 0)
        for i, value in enumerate(variances):
            variance = _aggregate("variances", value, allowed_missing=n < 2)
            if variance < 0:
                raise InvalidInput(f"variances[{i}]", value, "a variance cannot be negative")
            comoment[i, i] = variance * scale
        for i in range(width):
            for j in range(i + 1, width):
                pair = _pair(covariances or {}, i, j)
                comoment[i, j] = comoment[j, i] = _aggregate("covariances", pair, n < 2) * scale
        return _squared("variances", cls(int(n), mean, comoment))

    @classmethod
    def from_events(cls, events: int, trials: int) -> Moments:
        """Of a 0 or 1 per unit: `events` of `trials` units have a 1. Raises InvalidInput unless 0 <= events
        <= trials."""
        if not 0 <= events <= trials:
            raise InvalidInput("events, trials", (events, trials), "events lie between 0 and the trials")
        share = events / trials if trials else 0.0
        return cls(int(trials), np.array([share]), np.array([[events * (1 - share)]]))

    def __add__(self, other: Moments) -> Moments:
        """Moments of both parts together (Chan, Golub & LeVeque 1979, eq. 2.1)."""
        if not isinstance(other, Moments):
            return NotImplemented
        _same_width(self, other)
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        with np.errstate(over="ignore", invalid="ignore"):
            gap = other.mean - self.mean
            mean = self.mean + gap * (other.n / n)
            between = np.outer(gap, gap) * (self.n * (other.n / n))
            return Moments(n, mean, self.comoment + other.comoment + between)

    @property
    def width(self) -> int:
        return int(self.mean.shape[0])

    @property
    def covariance_matrix(self) -> Matrix:
        """Sample covariances of one unit [k, k]; zeros below two units."""
        return self.comoment / max(self.n - 1, 1)

    def variance(self, column: int = 0) -> float:
        """Sample variance of one unit."""
        return float(self.comoment[column, column]) / max(self.n - 1, 1)

    def covariance(self, first: int, second: int) -> float:
        return float(self.comoment[first, second]) / max(self.n - 1, 1)

    def select(self, columns: Sequence[int]) -> Moments:
        """The moments of some columns, in that order."""
        index = list(columns)
        return Moments(self.n, self.mean[index], self.comoment[np.ix_(index, index)])

    def append_constants(self, values: Sequence[float]) -> Moments:
        """More columns that have the same value for every unit here.

        This is how units without a pre-period are kept: their covariate is the pooled mean.
        """
        width = self.width + len(values)
        comoment = np.zeros((width, width))
        comoment[: self.width, : self.width] = self.comoment
        return Moments(self.n, np.append(self.mean, values), comoment)

    def combination_variance(self, weights: Sequence[float]) -> float:
        """Sample variance of one unit's w'v; rounding residue of an exact zero is returned as zero, what a
        double cannot hold as infinity."""
        w = np.asarray(weights, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            terms = np.outer(w, w) * self.comoment
            total, size = float(terms.sum()), float(np.abs(terms).sum())
        if not math.isfinite(size):
            return math.inf
        return total / max(self.n - 1, 1) if total > 8 * math.ulp(1.0) * size else 0.0

    def to_dict(self) -> dict[str, object]:
        return {"n": self.n, "mean": self.mean.tolist(), "comoment": self.comoment.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Moments:
        return cls(int(str(data["n"])), np.asarray(data["mean"], float), np.asarray(data["comoment"], float))


def merge_all(parts: Iterable[Moments]) -> Moments:
    """All parts together, bit for bit the same in whatever order they come.

    Sums are taken exactly (Shewchuk's algorithm, `math.fsum`), and deviations from the final mean, so the
    order of the parts cannot matter; how the units were split shows only in the last digits. Raises
    InvalidInput for no parts or parts of different vectors.
    """
    present = list(parts)
    if not present:
        raise InvalidInput("parts", [], "nothing to merge", "Pass at least one Moments; it may be empty.")
    for part in present[1:]:
        _same_width(present[0], part)
    filled = [part for part in present if part.n]
    if len(filled) < 2:
        return filled[0] if filled else present[0]
    return _merge_filled(filled)


def _merge_filled(parts: list[Moments]) -> Moments:
    width, n = parts[0].width, sum(part.n for part in parts)
    counts = [part.n for part in parts]
    # Deviations from one part's mean keep the digits that n * mean would lose for a large offset.
    pivot = min((tuple(part.mean.tolist()), part.n) for part in parts)[0]
    shifts = [(part.mean - pivot).tolist() for part in parts]
    offset = [math.fsum(c * s[i] for c, s in zip(counts, shifts, strict=True)) / n for i in range(width)]
    gaps = [[s[i] - offset[i] for i in range(width)] for s in shifts]
    within = [part.comoment.tolist() for part in parts]
    comoment = np.empty((width, width))
    for i in range(width):
        for j in range(i, width):
            between = (c * g[i] * g[j] for c, g in zip(counts, gaps, strict=True))
            comoment[i, j] = comoment[j, i] = _total([*(w[i][j] for w in within), *between])
    return Moments(n, np.asarray(pivot) + np.asarray(offset), comoment)


def _total(terms: list[float]) -> float:
    """Their exact sum; infinite when a double cannot hold it, which estimators then say."""
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        return math.inf


def _squared(name: str, found: Moments) -> Moments:
    if not (np.isfinite(found.mean).all() and np.isfinite(found.comoment).all()):
        raise InvalidInput(name, "too large", "the squares leave the range of a double", "Use a larger unit.")
    return found


def _same_width(first: Moments, second: Moments) -> None:
    if first.width != second.width:
        widths = (first.width, second.width)
        raise InvalidInput("parts", widths, "moments of different vectors do not add", "Select first.")


def _pair(covariances: Mapping[tuple[int, int], float | None], i: int, j: int) -> float | None:
    if (i, j) not in covariances:
        raise InvalidInput(
            "covariances", sorted(covariances), f"the pair ({i}, {j}) is missing", "Give every pair i < j."
        )
    return covariances[i, j]


def _aggregate(name: str, value: float | None, allowed_missing: bool) -> float:
    if value is None and allowed_missing:
        return 0.0
    if value is None or not math.isfinite(value):
        raise InvalidInput(name, value, "an aggregate must be finite", "Check the source for nan or inf.")
    return float(value)
