"""The slope where the delay did not arrive as meant: assigned dose as the instrument for latency.

Caches, clients that never saw the delay, and slow networks make delivered latency differ from the dose, and
latency is confounded with everything else about a user. The dose is random, so with z the dose, L the
latency and y the outcome of a unit,

    slope = cov(z, y) / cov(z, L)                       (Wald 1940; two-stage least squares, one instrument)
    error^2 = sum (z - zbar)^2 e^2 / (sum (z - zbar) L)^2,  e = y - a - slope L       (White 1980, HC0)

both computed exactly from the moments of (y, L) per arm. A first stage with F below 10 is refused (Staiger &
Stock 1997, Econometrica 65:557): the interval of a weak instrument is not what it says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.stats.impact.doses import MOST_MS, STEP_MS
from analysis.stats.moments import Moments, merge_all
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

WEAK_F = 10.0
OUTCOME, LATENCY = 0, 1


@dataclass(frozen=True, slots=True)
class InstrumentedArm:
    """One arm: its dose in ms, and the moments of (outcome, latency in ms) over its units."""

    dose_ms: float
    moments: Moments


@dataclass(frozen=True, slots=True)
class Instrumented:
    """Outcome per 100 ms, in the outcome's unit; `naive` is the confounded regression, shown beside it.

    `relative` is the slope as a share of the control's outcome, None when that is not positive.
    """

    per_100_ms: float
    standard_error: float
    confidence_interval: Interval
    p_value: float
    alpha: float
    first_stage_f: float
    first_stage_slope: float
    relative: float | None
    naive_per_100_ms: float | None
    units: int
    method: str = "two-stage least squares, dose as instrument, HC0"

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class WeakInstrument:
    """The dose hardly moved latency: no slope is given. `first_stage_f` is below 10."""

    first_stage_f: float
    first_stage_slope: float

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self) | {"status": "weak_instrument", "needed_f": WEAK_F}


def two_stage_least_squares(
    arms: Sequence[InstrumentedArm], *, alpha: float = 0.05
) -> Instrumented | WeakInstrument | NotEstimable:
    """The slope with the dose as instrument. Raises InvalidInput for fewer than two doses or for moments
    that are not of (outcome, latency)."""
    check_level("alpha", alpha)
    _check(arms)
    filled = [arm for arm in arms if arm.moments.n > 1]
    if len({arm.dose_ms for arm in filled}) < 2:
        return NotEstimable(Why.TOO_FEW_UNITS)
    if not all(_is_known(arm.moments) for arm in filled):
        return NotEstimable(Why.OUT_OF_RANGE)
    units = sum(arm.moments.n for arm in filled)
    centre = math.fsum(arm.moments.n * arm.dose_ms for arm in filled) / units
    zz = math.fsum(arm.moments.n * (arm.dose_ms - centre) ** 2 for arm in filled)
    z_latency = _lifted(filled, centre, LATENCY)
    f, pi = _first_stage(filled, centre, zz, z_latency)
    if not f >= WEAK_F:
        return NotEstimable(Why.OUT_OF_RANGE) if math.isnan(f) else WeakInstrument(f, pi)
    slope = _lifted(filled, centre, OUTCOME) / z_latency
    error = math.sqrt(_meat(filled, centre, slope, OUTCOME, LATENCY)) / abs(z_latency)
    return _result(filled, slope, error, f, pi, units, alpha)


def _result(
    arms: Sequence[InstrumentedArm],
    slope: float,
    error: float,
    f: float,
    pi: float,
    units: int,
    alpha: float,
) -> Instrumented | NotEstimable:
    if error == 0:
        return NotEstimable(Why.NO_VARIATION)
    half = critical_value(alpha / 2) * error
    base = min(arms, key=lambda arm: arm.dose_ms).moments.mean[OUTCOME]
    total = merge_all(arm.moments for arm in arms)
    spread = total.variance(LATENCY)
    naive = total.covariance(OUTCOME, LATENCY) / spread * STEP_MS if spread >= SMALLEST else None
    return Instrumented(
        per_100_ms=slope * STEP_MS,
        standard_error=error * STEP_MS,
        confidence_interval=Interval((slope - half) * STEP_MS, (slope + half) * STEP_MS),
        p_value=2 * upper_tail(abs(slope) / error),
        alpha=alpha,
        first_stage_f=f,
        first_stage_slope=pi,
        relative=float(slope * STEP_MS / base) if base >= SMALLEST else None,
        naive_per_100_ms=naive,
        units=units,
    )


def _is_known(moments: Moments) -> bool:
    """Do its numbers leave room for squares of sums over doses and units?"""
    sizes = (float(abs(moments.mean).max()), math.sqrt(float(abs(moments.comoment).max())), float(moments.n))
    return all(size <= LARGEST**0.5 for size in sizes)


def _lifted(arms: Sequence[InstrumentedArm], centre: float, column: int) -> float:
    """sum over units of (z - zbar) times the column; units of one arm share their dose."""
    return math.fsum(arm.moments.n * (arm.dose_ms - centre) * float(arm.moments.mean[column]) for arm in arms)


def _first_stage(
    arms: Sequence[InstrumentedArm], centre: float, zz: float, z_latency: float
) -> tuple[float, float]:
    """Robust F of the dose in the regression of latency on it, and its slope (ms got per ms meant)."""
    pi = z_latency / zz
    overall = math.fsum(arm.moments.n * float(arm.moments.mean[LATENCY]) for arm in arms)
    intercept = overall / sum(arm.moments.n for arm in arms) - pi * centre
    meat = math.fsum(
        (arm.dose_ms - centre) ** 2
        * (
            float(arm.moments.comoment[LATENCY, LATENCY])
            + arm.moments.n * (float(arm.moments.mean[LATENCY]) - intercept - pi * arm.dose_ms) ** 2
        )
        for arm in arms
    )
    if meat == 0:
        return (math.inf if pi else 0.0), pi
    return z_latency**2 / meat, pi


def _meat(arms: Sequence[InstrumentedArm], centre: float, slope: float, outcome: int, latency: int) -> float:
    """sum over units of (z - zbar)^2 e^2, from the moments of each arm."""
    units = sum(arm.moments.n for arm in arms)
    residual = [arm.moments.mean[outcome] - slope * arm.moments.mean[latency] for arm in arms]
    weighted = (arm.moments.n * float(e) for arm, e in zip(arms, residual, strict=True))
    intercept = math.fsum(weighted) / units
    weights = [0.0, 0.0]
    weights[outcome], weights[latency] = 1.0, -slope
    return math.fsum(
        (arm.dose_ms - centre) ** 2
        * (
            arm.moments.combination_variance(weights) * (arm.moments.n - 1)
            + arm.moments.n * (float(e) - intercept) ** 2
        )
        for arm, e in zip(arms, residual, strict=True)
    )


def _check(arms: Sequence[InstrumentedArm]) -> None:
    doses = [arm.dose_ms for arm in arms]
    if not all(abs(dose) <= MOST_MS for dose in doses):
        raise InvalidInput("arms", doses, "a dose is a number of milliseconds")
    if len(set(doses)) < 2:
        raise InvalidInput("arms", doses, "an instrument needs two doses", "One of them may be 0.")
    if any(arm.moments.width != 2 for arm in arms):
        widths = [arm.moments.width for arm in arms]
        raise InvalidInput("arms", widths, "moments are not of two columns", "Pass (outcome, latency).")
