"""Several units over time, some of them hit: difference in differences, event study, synthetic control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.stats.impact.regression import RESIDUE, Fit, clustered
from analysis.stats.results import (
    LARGEST,
    Interval,
    InvalidInput,
    NotEstimable,
    Why,
    check_level,
    fields_as_dict,
)
from analysis.stats.tails import critical_value, f_tail, upper_tail

SUM_WEIGHT = 1e3
"""How heavily the sum of the weights is held to 1, against the scale of the series."""

FEWEST_FOR_TREND = 5
"""Units that each group needs for a test of the trend before: with fewer, their spread is hardly known and
every test tried finds trends where there are none in 7 to 80 of 100 panels."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PanelEffect:
    """Change of the treated units beyond that of the others, in the unit of the values."""

    change: float
    standard_error: float
    degrees_of_freedom: float
    confidence_interval: Interval
    p_value: float
    alpha: float
    treated: int
    others: int
    method: str = "difference in differences, CR1 by unit"

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Effect in each period against the last one before the event; `trend_p_value` tests all earlier ones,
    None without such periods, with fewer than five units in a group, or when nothing varies."""

    periods: tuple[int, ...]
    effects: tuple[float, ...]
    standard_errors: tuple[float, ...]
    trend_p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The treated unit against a weighted mean of donors that ran like it before.

    `p_value` is the rank of its ratio of errors (after over before) among the donors treated as if they had
    been hit: with G donors it cannot fall below 1 / (G + 1).
    """

    change: float
    weights: tuple[float, ...]
    error_before: float
    p_value: float
    placebo_ratios: tuple[float, ...]
    method: str = "synthetic control, placebo ranks over donors"

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class PoorFit:
    """No weighted mean of donors runs like the treated unit: its error before is as large as the effect."""

    change: float
    error_before: float

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self) | {"status": "poor_fit"}


def difference_in_differences(
    values: Sequence[Sequence[float]], treated: Sequence[bool], *, at: int, alpha: float = 0.05
) -> PanelEffect | NotEstimable:
    """Two by two: `values[unit][period]`, treated units hit from period `at` on; t with G - 1 df.

    Each group needs two units, for one alone does not tell how it would have moved. Raises InvalidInput for
    a ragged or unfinished panel, or a period outside of it.
    """
    check_level("alpha", alpha)
    panel, hit = _panel(values, treated, at)
    if min(hit.sum(), (~hit).sum()) < 2:
        return NotEstimable(Why.TOO_FEW_UNITS)
    units, periods = panel.shape
    after = (np.arange(periods) >= at).astype(np.float64)
    one, post = np.ones(units * periods), np.tile(after, units)
    group = np.repeat(hit.astype(np.float64), periods)
    columns = np.column_stack([one, group, post, group * post])
    fit = clustered(columns, panel.ravel(), np.repeat(np.arange(units), periods).tolist())
    return fit if isinstance(fit, NotEstimable) else _panel_effect(fit, hit, alpha)


def event_study(
    values: Sequence[Sequence[float]], treated: Sequence[bool], *, at: int
) -> EventStudy | NotEstimable:
    """The effect period by period, unit and period means taken out (a balanced panel), the period before the
    event as the reference. A test of the trend before needs an earlier period and five units a group."""
    panel, hit = _panel(values, treated, at)
    if min(hit.sum(), (~hit).sum()) < 2:
        return NotEstimable(Why.TOO_FEW_UNITS)
    units, periods = panel.shape
    kept = [period for period in range(periods) if period != at - 1]
    columns = np.column_stack([_demeaned(np.outer(hit, np.arange(periods) == each)) for each in kept])
    clusters = np.repeat(np.arange(units), periods).tolist()
    # Effects of units lie within clusters and cost nothing there; those of periods do.
    fit = clustered(columns, _demeaned(panel), clusters, taken_out=periods)
    if isinstance(fit, NotEstimable):
        return fit
    return EventStudy(
        periods=tuple(period - at for period in kept),
        effects=tuple(fit.coefficients.tolist()),
        standard_errors=tuple(fit.error(index) for index in range(len(kept))),
        trend_p_value=_trend_p_value(panel[:, : at - 1] - panel[:, [at - 1]], hit),
    )


def synthetic_control(
    treated: Sequence[float], donors: Sequence[Sequence[float]], *, at: int
) -> Synthetic | PoorFit | NotEstimable:
    """One treated series against a mix of donor series (Abadie, Diamond & Hainmueller 2010, JASA 105:493).

    Weights are at least 0 and add up to 1, fitted on the periods before `at`. Refused when the error before
    is larger than the effect.
    """
    panel, _ = _panel([treated, *donors], [True, *[False] * len(donors)], at)
    if len(donors) < 2 or at < 2:
        return NotEstimable(Why.TOO_FEW_UNITS)
    weights, change, before, ratio = _against(panel, 0, at)
    if before > abs(change):
        return PoorFit(change, before)
    ratios = [_against(panel[1:], unit, at)[3] for unit in range(len(donors))]
    rank = sum(each >= ratio for each in ratios)
    p_value = (rank + 1) / (len(ratios) + 1)
    return Synthetic(change, tuple(weights.tolist()), before, p_value, tuple(ratios))


def _against(panel: Array, unit: int, at: int) -> tuple[Array, float, float, float]:
    """Weights, mean gap after, root mean squared gap before, and the ratio of the two errors."""
    others = np.delete(panel, unit, axis=0)
    weights = simplex_weights(others[:, :at].T, panel[unit, :at])
    gap = panel[unit] - weights @ others
    before = float(np.sqrt((gap[:at] ** 2).mean()))
    after = float(np.sqrt((gap[at:] ** 2).mean()))
    return weights, float(gap[at:].mean()), before, after / before if before > 0 else np.inf


def simplex_weights(columns: Array, outcome: Array) -> Array:
    """Least squares with weights >= 0 that add up to 1, by non-negative least squares with a heavy row."""
    from scipy.optimize import nnls

    scale = SUM_WEIGHT * max(float(np.abs(columns).max()), float(np.abs(outcome).max()), 1e-12)
    stacked = np.vstack([columns, np.full(columns.shape[1], scale)])
    weights = np.asarray(nnls(stacked, np.append(outcome, scale))[0], dtype=np.float64)
    normed: Array = weights / weights.sum()
    return normed


def _demeaned(panel: NDArray[Any]) -> Array:
    """Unit and period means taken out, as one column."""
    values = np.asarray(panel, dtype=np.float64)
    centred = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + values.mean()
    return np.asarray(centred.ravel(), dtype=np.float64)


def _trend_p_value(gaps: Array, hit: NDArray[np.bool_]) -> float | None:
    """Do the groups differ in any earlier period? `gaps[unit][period]` to the reference.

    All periods at once where each group has two units more than those; else the smallest of their p values
    times their number. A joint test that takes the clustered covariance as known, or as that of one group,
    rejects too often when one group is small.
    """
    groups = [gaps[hit], gaps[~hit]]
    fewest, periods = min(map(len, groups)), gaps.shape[1]
    if periods == 0 or fewest < FEWEST_FOR_TREND or not _vary(groups):
        return None
    if fewest > periods + 1:
        return _jointly_equal(groups)
    alone = (_jointly_equal([group[:, [each]] for group in groups]) for each in range(periods))
    return min(1.0, float(periods * min(alone)))


def _vary(groups: list[Array]) -> bool:
    """Is there more than a residue of rounding between the units of a group?"""
    farthest = max(float(np.abs(group - group.mean(axis=0)).max()) for group in groups)
    return farthest > RESIDUE * max(float(np.abs(group).max()) for group in groups)


def _jointly_equal(groups: list[Array]) -> float:
    """Hotelling's test for two groups with spreads of their own (Krishnamoorthy & Yu 2004, Statistics &
    Probability Letters 66:161); with one column it is Welch's t test."""
    gap = groups[0].mean(axis=0) - groups[1].mean(axis=0)
    spreads = [np.cov(group, rowvar=False).reshape(len(gap), -1) / len(group) for group in groups]
    inverse = np.linalg.pinv(spreads[0] + spreads[1], hermitian=True)
    shares = [spread @ inverse for spread in spreads]
    rank = float(np.trace(shares[0] + shares[1]))
    uncertain = sum(
        (np.trace(share @ share) + np.trace(share) ** 2) / (len(group) - 1)
        for share, group in zip(shares, groups, strict=True)
    )
    if rank < 0.5:
        return 1.0
    df = (rank + rank**2) / uncertain
    free = df - rank + 1
    return f_tail(float(gap @ inverse @ gap) * free / (df * rank), rank, free) if free > 0 else 1.0


def _panel_effect(fit: Fit, hit: NDArray[np.bool_], alpha: float) -> PanelEffect | NotEstimable:
    change, error, df = float(fit.coefficients[3]), fit.error(3), fit.degrees_of_freedom
    if error == 0:
        return NotEstimable(Why.NO_VARIATION)
    half = critical_value(alpha / 2, df) * error
    return PanelEffect(
        change=change,
        standard_error=error,
        degrees_of_freedom=df,
        confidence_interval=Interval(change - half, change + half),
        p_value=2 * upper_tail(abs(change) / error, df),
        alpha=alpha,
        treated=int(hit.sum()),
        others=int((~hit).sum()),
    )


def _panel(
    values: Sequence[Sequence[float]], treated: Sequence[bool], at: int
) -> tuple[Array, NDArray[np.bool_]]:
    lengths = {len(row) for row in values}
    if len(lengths) != 1 or len(values) != len(treated):
        raise InvalidInput("values", sorted(lengths), "not one value for each unit and period")
    panel = np.array(values, dtype=np.float64)
    if not (np.abs(panel) <= LARGEST).all():
        raise InvalidInput("values", "nan or inf", "every value must be finite", "Drop or fill missing ones.")
    if not 0 < at < panel.shape[1]:
        raise InvalidInput("at", at, f"the event lies outside of the {panel.shape[1]} periods")
    return panel, np.array(treated, dtype=bool)
