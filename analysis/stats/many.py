"""The Welch difference for thousands of pairs of arms in one go, on arrays.

For drill-downs over many slices and metrics. Same numbers as `compare.difference` on moments-based estimates;
proportions with few events and everything else with a special interval go through `compare` one by one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.stats.results import (
    LARGEST,
    SMALLEST,
    Alternative,
    Compared,
    Comparison,
    Estimate,
    Estimated,
    Interval,
    InvalidInput,
    NotEstimable,
    Why,
    check_level,
    in_range,
)
from analysis.stats.tails import (
    FARTHEST,
    LARGE_DF,
    SMALLEST_TAIL,
    critical_value,
    special,
    upper_tail,
)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """One arm of many comparisons: `value[m]`, `variance[m]` of the value, `degrees_of_freedom[m]`.

    Variance nan is not needed: a row without an estimate has `degrees_of_freedom` 0.
    """

    value: Array
    variance: Array
    degrees_of_freedom: Array

    @classmethod
    def means(cls, n: Array, mean: Array, unit_variance: Array) -> Estimates:
        """Means per unit from counts, means and sample variances of one unit; rows with n < 2 have none, nor
        have rows whose numbers are missing, infinite or too large to be squared."""
        enough = (n >= 2) & (np.abs(mean) <= LARGEST) & (unit_variance >= 0) & (unit_variance <= LARGEST**2)
        size, mean = np.where(enough, n, 1), np.where(enough, mean, 0.0)
        # As in `estimators.mean`: a spread below the digits of the mean is rounding, not spread.
        has_spread = unit_variance > np.square(4 * math.ulp(1.0) * mean)
        variance = np.where(enough & has_spread, unit_variance / size, 0.0)
        return cls(mean, variance, np.where(enough, n - 1.0, 0.0))

    @classmethod
    def of(cls, rows: Sequence[Estimated]) -> Estimates:
        if any(isinstance(row, Estimate) and row.counts for row in rows):
            raise InvalidInput("rows", "few events", "they need score limits", "Use compare.difference.")
        missing = Estimate(0.0, 0.0, 0.0)
        found = [row if isinstance(row, Estimate) and _is_known(row) else missing for row in rows]
        columns = np.array([(row.value, row.variance, row.degrees_of_freedom) for row in found], float)
        value, variance, df = columns.reshape(-1, 3).T
        return cls(value, variance, df)


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Columns of many comparisons [m]. Rows that are not `estimable` have p 1 and the whole line as
    interval; their error is 0 when nothing varies."""

    estimate: Array
    standard_error: Array
    degrees_of_freedom: Array
    statistic: Array
    p_value: Array
    lower: Array
    upper: Array
    estimable: NDArray[np.bool_]
    alternative: Alternative
    alpha: float
    null: float

    def __len__(self) -> int:
        return int(self.estimate.size)

    def __getitem__(self, row: int) -> Compared:
        if not self.estimable[row]:
            if not self.degrees_of_freedom[row]:
                return NotEstimable(Why.TOO_FEW_UNITS)
            return NotEstimable(Why.OUT_OF_RANGE if self.standard_error[row] else Why.NO_VARIATION)
        df = float(self.degrees_of_freedom[row])
        return Comparison(
            float(self.estimate[row]),
            float(self.standard_error[row]),
            df,
            float(self.statistic[row]),
            float(self.p_value[row]),
            Interval(float(self.lower[row]), float(self.upper[row])),
            self.null,
            self.alternative,
            self.alpha,
            "welch" if math.isfinite(df) else "normal",
        )


@np.errstate(over="ignore")
def differences(
    control: Estimates,
    treatment: Estimates,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    null: float = 0.0,
) -> Comparisons:
    """Treatment minus control, row by row [m], in the unit of the values; Welch as in
    `compare.difference`. Raises InvalidInput for arms of different length or an alpha outside 0..1."""
    side = Alternative(alternative)
    if control.value.shape != treatment.value.shape:
        shapes = (control.value.shape, treatment.value.shape)
        raise InvalidInput("control, treatment", shapes, "both arms need one row per comparison")
    check_level("alpha", alpha)
    if not abs(null) <= LARGEST:
        raise InvalidInput("null", null, "it must be a number of usual size")
    variance = control.variance + treatment.variance
    both = (control.degrees_of_freedom > 0) & (treatment.degrees_of_freedom > 0)
    estimable = both & (variance >= SMALLEST**2) & (variance <= LARGEST**2)
    error = np.sqrt(np.where(estimable, variance, 1.0))
    df = np.where(both, _welch_df(control, treatment, np.where(estimable, variance, 1.0)), 0.0)
    estimate = treatment.value - control.value
    statistic = (estimate - null) / error
    p_value = np.where(estimable, _p_values(statistic, df, side), 1.0)
    half = np.where(estimable, _critical(alpha / 2 if side is Alternative.TWO_SIDED else alpha, df), np.inf)
    lower = np.full(estimate.shape, -np.inf) if side is Alternative.LESS else estimate - half * error
    upper = np.full(estimate.shape, np.inf) if side is Alternative.GREATER else estimate + half * error
    return Comparisons(
        estimate,
        np.where(estimable, error, np.sqrt(variance)),
        df,
        np.where(estimable, statistic, 0.0),
        p_value,
        lower,
        upper,
        estimable,
        side,
        alpha,
        null,
    )


def _is_known(row: Estimate) -> bool:
    """Also a value without an error: it may be compared with one that has."""
    return in_range(row.value, row.variance or 1.0)


def _welch_df(control: Estimates, treatment: Estimates, variance: Array) -> Array:
    share = control.variance / variance
    spread = share**2 / np.maximum(control.degrees_of_freedom, 1.0)
    spread += (1 - share) ** 2 / np.maximum(treatment.degrees_of_freedom, 1.0)
    df: Array = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), np.inf)
    return df


def _p_values(statistic: Array, df: Array, side: Alternative) -> Array:
    if side is Alternative.TWO_SIDED:
        return np.minimum(1.0, 2 * _upper_tails(np.abs(statistic), df))
    return _upper_tails(statistic if side is Alternative.GREATER else -statistic, df)


def _upper_tails(statistic: Array, df: Array) -> Array:
    student = special().stdtr(np.clip(df, 1e-3, LARGE_DF), -statistic)
    tails: Array = np.where(df > LARGE_DF, special().ndtr(-statistic), student)
    for row in np.flatnonzero((statistic > FARTHEST) & (df > 0)):
        tails[row] = upper_tail(float(statistic[row]), float(df[row]))
    return tails


def _critical(tail: float, df: Array) -> Array:
    if tail < SMALLEST_TAIL:
        return np.array([critical_value(tail, max(float(each), 1e-3)) for each in df])
    student = -special().stdtrit(np.clip(df, 1e-3, LARGE_DF), tail)
    points: Array = np.where(df > LARGE_DF, -special().ndtri(tail), student)
    return points
