"""One series before and after a date, and two series of which only one was hit.

`interrupted_time_series` is what is left when everybody was hit at once; `difference_of_slices` compares the
affected slice with an unaffected one day by day, and takes its error from dates on which nothing happened.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.stats.impact.doses import STEP_MS
from analysis.stats.impact.regression import Fit, lasting_error, newey_west
from analysis.stats.results import (
    LARGEST,
    Interval,
    InvalidInput,
    NotEstimable,
    Why,
    check_level,
    fields_as_dict,
)
from analysis.stats.tails import critical_value, upper_tail

WEEK = 7
BASE_WEEKS = 4
LAG = 7
AFTER = 2
"""The column of the step."""
LEAST_PLACEBOS = 60
TREND_ALPHA = 0.05

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """The jump of a series at a date, in its own unit. The error is that of Newey & West (lag 7 days) or that
    of noise which lasts, whichever is larger."""

    change: float
    standard_error: float
    confidence_interval: Interval
    p_value: float
    trend_change_per_day: float
    days_before: int
    days_after: int
    alpha: float
    method: str = "segmented regression with weekdays, Newey-West lag 7 or lasting noise"

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class NaturalExperiment:
    """What an incident or fix did: relative change of the outcome for each 100 ms that latency moved.

    `outcome_change` is relative, `latency_change_ms` in ms, both of the affected slice against the unaffected
    one and against the same weekdays of the four weeks before. The error is the spread of the same figure on
    `placebos` dates on which nothing happened. `trend_p_value` tests for a drift between the slices before.
    """

    per_100_ms: float
    standard_error: float
    confidence_interval: Interval
    p_value: float
    alpha: float
    outcome_change: float
    latency_change_ms: float
    placebos: int
    placebo_p_value: float
    trend_p_value: float
    method: str = "difference of slices, same weekdays, placebo dates"

    @property
    def was_parallel(self) -> bool:
        """No drift between the slices can be told before."""
        return self.trend_p_value >= TREND_ALPHA

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self) | {"was_parallel": self.was_parallel}


def interrupted_time_series(
    values: Sequence[float], *, at: int, first_weekday: int = 0, alpha: float = 0.05
) -> Step | NotEstimable:
    """The jump at day `at` (an index) of a daily series, given its weekdays and its trend.

    Columns: 1, time, after, time since, six weekdays (Wagner et al. 2002, J. Clin. Pharm. Ther. 27:299).
    Raises InvalidInput for values that are not finite or a date outside the series.
    """
    check_level("alpha", alpha)
    series = _series("values", values)
    if not 0 < at < len(series):
        raise InvalidInput("at", at, f"the date lies outside of the {len(series)} days")
    if min(at, len(series) - at) < WEEK:
        return NotEstimable(Why.TOO_FEW_UNITS)
    day = np.arange(len(series), dtype=np.float64)
    after = (day >= at).astype(np.float64)
    columns = np.column_stack(
        [np.ones(len(series)), day - at, after, after * (day - at), *_weekdays(len(series), first_weekday)]
    )
    fit = newey_west(columns, series, lag=LAG)
    if isinstance(fit, NotEstimable):
        return fit
    free = len(series) - columns.shape[1]
    error = max(fit.error(AFTER) * math.sqrt(len(series) / free), lasting_error(columns, series, AFTER))
    return _step(fit, error, at, free, alpha)


def difference_of_slices(
    outcome: tuple[Sequence[float], Sequence[float]],
    latency_ms: tuple[Sequence[float], Sequence[float]],
    *,
    start: int,
    end: int,
    alpha: float = 0.05,
) -> NaturalExperiment | NotEstimable:
    """A natural experiment on days start <= day < end: (affected, unaffected) daily outcome and latency.

    Outcomes are positive (a rate or an amount a day) and compared as logarithms. Needs four weeks before the
    window and at least 60 placebo windows of the same length before that. Raises InvalidInput for series of
    different lengths, values out of range or a window outside of them.
    """
    check_level("alpha", alpha)
    gap, delay = _gaps(outcome, latency_ms)
    if not BASE_WEEKS * WEEK <= start < end <= len(gap):
        fix = f"It begins at day {BASE_WEEKS * WEEK} or later and ends with the series."
        raise InvalidInput("start, end", (start, end), f"no window of {len(gap)} days", fix)
    placebos = placebo_excesses(gap, start, end)
    if len(placebos) < LEAST_PLACEBOS:
        return NotEstimable(Why.TOO_FEW_UNITS)
    change, moved = excess(gap, start, end), excess(delay, start, end)
    if moved == 0 or float(placebos.std(ddof=1)) == 0:
        return NotEstimable(Why.NO_VARIATION)
    drift = _drift(gap[:start])
    return _natural(change, moved, placebos, drift, alpha)


def _natural(change: float, moved: float, placebos: Array, drift: float, alpha: float) -> NaturalExperiment:
    slope = change / moved * STEP_MS
    error = float(placebos.std(ddof=1)) / abs(moved) * STEP_MS
    half = critical_value(alpha / 2) * error
    beyond = int((np.abs(placebos) >= abs(change)).sum())
    return NaturalExperiment(
        per_100_ms=slope,
        standard_error=error,
        confidence_interval=Interval(slope - half, slope + half),
        p_value=2 * upper_tail(abs(slope) / error),
        alpha=alpha,
        outcome_change=math.expm1(change),
        latency_change_ms=moved,
        placebos=len(placebos),
        placebo_p_value=(beyond + 1) / (len(placebos) + 1),
        trend_p_value=drift,
    )


def excess(gap: Array, start: int, end: int) -> float:
    """Mean over the window of each day minus the mean of its weekday in the four weeks before the window."""
    days = np.arange(start, end)
    back = ((days - start) // WEEK + 1)[:, None] + np.arange(BASE_WEEKS)[None, :]
    base = gap[days[:, None] - WEEK * back].mean(axis=1)
    return float((gap[start:end] - base).mean())


def placebo_excesses(gap: Array, start: int, end: int) -> Array:
    """The same figure for every window of this length before the event that has four weeks before it."""
    length = end - start
    return np.array([excess(gap, at, at + length) for at in range(BASE_WEEKS * WEEK, start - length + 1)])


def _drift(gap: Array) -> float:
    """p value of a trend of the gap over all days before, weekdays taken out; errors as of a `Step`."""
    n = len(gap)
    columns = np.column_stack([np.ones(n), np.arange(n, dtype=np.float64), *_weekdays(n, 0)])
    fit = newey_west(columns, gap, lag=LAG)
    if isinstance(fit, NotEstimable) or fit.error(1) == 0:
        return 1.0
    df = n - columns.shape[1]
    error = max(fit.error(1) * math.sqrt(n / df), lasting_error(columns, gap, 1))
    return 2 * upper_tail(abs(float(fit.coefficients[1])) / error, df)


def _gaps(
    outcome: tuple[Sequence[float], Sequence[float]], latency: tuple[Sequence[float], Sequence[float]]
) -> tuple[Array, Array]:
    names = ("outcome[0]", "outcome[1]", "latency_ms[0]", "latency_ms[1]")
    series = [_series(name, each) for name, each in zip(names, (*outcome, *latency), strict=True)]
    if len({len(each) for each in series}) != 1:
        raise InvalidInput(
            "outcome, latency_ms", [len(each) for each in series], "the series differ in length"
        )
    if min(float(series[0].min()), float(series[1].min())) <= 0:
        fix = "Leave out days without traffic, or take a longer step."
        raise InvalidInput("outcome", "0 or less", "outcomes are compared as logarithms", fix)
    return np.log(series[0]) - np.log(series[1]), series[2] - series[3]


def _series(name: str, values: Sequence[float]) -> Array:
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or not len(series) or not (np.abs(series) <= LARGEST).all():
        raise InvalidInput(name, "nan, inf or empty", "every day needs a finite value", "Fill or drop days.")
    return series


def _weekdays(days: int, first: int) -> list[Array]:
    """Six indicator columns."""
    weekday = (np.arange(days) + first) % WEEK
    return [(weekday == each).astype(np.float64) for each in range(1, WEEK)]


def _step(fit: Fit, error: float, before: int, free: int, alpha: float) -> Step | NotEstimable:
    """`free` degrees of freedom are left by the columns."""
    change = float(fit.coefficients[AFTER])
    if error == 0:
        return NotEstimable(Why.NO_VARIATION)
    half = critical_value(alpha / 2, free) * error
    return Step(
        change=change,
        standard_error=error,
        confidence_interval=Interval(change - half, change + half),
        p_value=2 * upper_tail(abs(change) / error, free),
        trend_change_per_day=float(fit.coefficients[3]),
        days_before=before,
        days_after=free + len(fit.coefficients) - before,
        alpha=alpha,
    )
