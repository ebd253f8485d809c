"""A natural experiment whose comparison is mixed from several unaffected slices: synthetic control.

The mix is fitted on the days before the event, each series taken from its own mean (Ferman & Pinto 2021,
Quant. Econ. 12:1197: slices differ in level, which says nothing about how they move). The rest is the
difference of slices: same weekdays, placebo dates, test for a drift. Donors are then treated as if they had
been hit (placebos in space): where they stray further on the days of the event than on placebo dates,
something else happened on those days and the error grows by as much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.stats.impact.panels import PoorFit, simplex_weights
from analysis.stats.impact.series import (
    BASE_WEEKS,
    WEEK,
    NaturalExperiment,
    difference_of_slices,
    excess,
    placebo_excesses,
)
from analysis.stats.results import (
    LARGEST,
    SMALLEST,
    Interval,
    InvalidInput,
    NotEstimable,
    Why,
    check_level,
    fields_as_dict,
)
from analysis.stats.tails import critical_value, upper_tail

LEAST_DONORS = 5
"""Fewer leave nothing to tell an ordinary mix from a strange one by: with five a rank can reach 1/6."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DonorExperiment:
    """The slope against the mix, and how well the mix ran before.

    `error_before` is the root mean squared daily gap (relative) before the event, `explained_before` the
    share of the affected slice's daily variance that the mix follows, `in_space` how much further donors
    strayed on the days of the event than on placebo dates (1 is no further), `space_p_value` the rank of the
    affected slice among them: with G donors it cannot fall below 1 / (G + 1).
    """

    found: NaturalExperiment
    weights: tuple[float, ...]
    error_before: float
    explained_before: float
    in_space: float
    space_p_value: float

    def to_dict(self) -> dict[str, Any]:
        return self.found.to_dict() | {k: v for k, v in fields_as_dict(self).items() if k != "found"}


def difference_to_donors(
    outcome: tuple[Sequence[float], Sequence[Sequence[float]]],
    latency_ms: tuple[Sequence[float], Sequence[Sequence[float]]],
    *,
    start: int,
    end: int,
    alpha: float = 0.05,
) -> DonorExperiment | PoorFit | NotEstimable:
    """As `difference_of_slices`, with (affected, donors) in place of (affected, unaffected).

    PoorFit when the mix missed the affected slice by more than the effect in windows of the same length
    before. Raises InvalidInput for a ragged panel, values out of range or a window outside of the days.
    """
    check_level("alpha", alpha)
    panel, delays = _logs([outcome[0], *outcome[1]]), np.array([latency_ms[0], *latency_ms[1]], dtype=float)
    if len(outcome[1]) < LEAST_DONORS:
        return NotEstimable(Why.TOO_FEW_UNITS)
    if not 0 < start < end <= panel.shape[1] or float(panel[0, :start].var()) == 0:
        return NotEstimable(Why.NO_VARIATION)
    weights = _weights(panel, 0, start)
    mixed = (np.exp(weights @ panel[1:]).tolist(), (weights @ delays[1:]).tolist())
    found = difference_of_slices(
        (outcome[0], mixed[0]), (latency_ms[0], mixed[1]), start=start, end=end, alpha=alpha
    )
    if isinstance(found, NotEstimable):
        return found
    gap = panel[0] - weights @ panel[1:]
    missed = float(np.sqrt(np.square(placebo_excesses(gap, start, end)).mean()))
    change = excess(gap, start, end)
    if missed > abs(change):
        return PoorFit(change, missed)
    donors = [_strayed(panel[1:], unit, start, end) for unit in range(len(panel) - 1)]
    return _donor_experiment(found, panel[0], weights, gap, donors, start, abs(change) / missed)


def strayed_in_space(donors: Sequence[Sequence[float]], start: int, end: int) -> float:
    """By how much an error grows when unaffected slices strayed from each other on the days of the event; at
    least 1. For comparisons that are no mix. Raises InvalidInput for fewer than two slices, or a window
    without placebo windows of its length before it."""
    panel = _logs(donors)
    if len(panel) < 2:
        raise InvalidInput("donors", len(panel), "slices stray from each other", "Pass two or more.")
    if not BASE_WEEKS * WEEK < BASE_WEEKS * WEEK + end - start <= start < end <= panel.shape[1]:
        raise InvalidInput("start, end", (start, end), "no window with four weeks and a placebo before it")
    return _factor([_strayed(panel, unit, start, end) for unit in range(len(panel))])


def widened(found: NaturalExperiment, factor: float) -> NaturalExperiment:
    """The same slope with so many times the error."""
    error, slope = found.standard_error * factor, found.per_100_ms
    half = critical_value(found.alpha / 2) * error
    return replace(
        found,
        standard_error=error,
        confidence_interval=Interval(slope - half, slope + half),
        p_value=2 * upper_tail(abs(slope) / error),
    )


def _donor_experiment(
    found: NaturalExperiment,
    affected: Array,
    weights: Array,
    gap: Array,
    donors: Sequence[float],
    start: int,
    strayed: float,
) -> DonorExperiment:
    """The error is that of placebo dates, corrected for the fitted weights, times how far donors strayed."""
    fitted = int((weights > 1e-6).sum())
    factor = math.sqrt(start / max(start - fitted, 1)) * _factor(donors)
    before = gap[:start] - gap[:start].mean()
    return DonorExperiment(
        found=replace(
            widened(found, factor),
            method="synthetic control, same weekdays, placebo dates and placebo slices",
        ),
        weights=tuple(weights.tolist()),
        error_before=float(np.sqrt(np.square(before).mean())),
        explained_before=1 - float(before.var() / affected[:start].var()),
        in_space=max(1.0, _spread(donors)),
        space_p_value=(sum(each >= strayed for each in donors) + 1) / (len(donors) + 1),
    )


def _factor(donors: Sequence[float]) -> float:
    """At least 1. Beyond it as far as donors strayed, times what t has over the normal law at 95 %: how far
    they stray is itself known from few of them."""
    spread = _spread(donors)
    few = critical_value(0.025, len(donors) - 1) / critical_value(0.025)
    return spread * few if spread > 1 else 1.0


def _spread(donors: Sequence[float]) -> float:
    return math.sqrt(float(np.square(donors).mean()))


def _strayed(donors: Array, unit: int, start: int, end: int) -> float:
    """How far a donor is from a mix of the others on the days of the event, in its own placebo errors."""
    gap = donors[unit] - _weights(donors, unit, start) @ np.delete(donors, unit, axis=0)
    missed = float(np.sqrt(np.square(placebo_excesses(gap, start, end)).mean()))
    return abs(excess(gap, start, end)) / missed if missed > 0 else 0.0


def _weights(panel: Array, unit: int, start: int) -> Array:
    """Weights of the other rows that follow this one on the days before `start`."""
    centred = panel[:, :start] - panel[:, :start].mean(axis=1, keepdims=True)
    return simplex_weights(np.delete(centred, unit, axis=0).T, centred[unit])


def _logs(rows: Sequence[Sequence[float]]) -> Array:
    if len({len(row) for row in rows}) != 1:
        raise InvalidInput("outcome", [len(row) for row in rows], "the series differ in length")
    panel = np.array(rows, dtype=np.float64)
    if not ((panel >= SMALLEST) & (panel <= LARGEST)).all():
        raise InvalidInput("outcome", "0 or less", "outcomes are compared as logarithms")
    return np.asarray(np.log(panel))
