"""From the arms of a dose ladder to one slope: relative change of the outcome per 100 ms delivered.

Every arm is compared with the same control, so the comparisons are correlated; leaving that out makes the
interval too narrow. With r_d = y_d / y_0 - 1 and delivered delay x_d in units of 100 ms,

    Cov = diag(v_d / y_0^2) + (y_d / y_0^2)(y_e / y_0^2) v_0          (delta method, v = squared errors)
    slope = (x' Cov^-1 x)^-1 x' Cov^-1 r                              (generalised least squares, Aitken 1936)

through the origin: no delay, no loss. The residual quadratic form is chi-square with (doses - 1) degrees of
freedom when one slope describes all doses; when it does not, one number would mislead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.stats.results import (
    LARGEST,
    SMALLEST,
    Estimate,
    Interval,
    InvalidInput,
    NotEstimable,
    Why,
    check_level,
    fields_as_dict,
)
from analysis.stats.tails import chi_square_tail, critical_value, upper_tail

STEP_MS = 100.0
FIT_ALPHA = 0.05
MOST_MS = 1e9
LEAST_STEP = 1e-9
LEAST_PART = 1e-6
"""An error smaller than this part of another one cannot be told from none beside it."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DoseArm:
    """One arm: the delay it was meant to get and the delay it got on average, in ms, and its outcome."""

    dose_ms: float
    delivered_ms: float
    outcome: Estimate


@dataclass(frozen=True, slots=True)
class Effects:
    """Relative changes against the control with their covariance; `steps` is delivered delay per 100 ms."""

    steps: Array
    changes: Array
    covariance: Array

    def whitened(self, columns: Array) -> tuple[Array, Array]:
        """Columns and changes in coordinates whose errors are independent with variance 1."""
        factor = np.linalg.cholesky(self.covariance)
        return np.linalg.solve(factor, columns), np.linalg.solve(factor, self.changes)


@dataclass(frozen=True, slots=True)
class Slope:
    """Relative change per 100 ms (a loss is negative), and whether one slope fits all doses.

    `fit_p_value` is that of the lack-of-fit test; None for a single dose, where there is nothing to test.
    """

    per_100_ms: float
    standard_error: float
    confidence_interval: Interval
    p_value: float
    alpha: float
    doses: int
    lack_of_fit: float
    fit_degrees_of_freedom: int
    fit_p_value: float | None
    method: str = "generalised least squares on delivered delay, shared control"

    @property
    def fits(self) -> bool:
        """One slope describes the doses, as far as the data can tell."""
        return self.fit_p_value is None or self.fit_p_value >= FIT_ALPHA

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self) | {"fits": self.fits}


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def relative_effects(arms: Sequence[DoseArm]) -> Effects | NotEstimable:
    """Changes of the dosed arms against the arm without delay. Raises InvalidInput for a ladder without
    exactly one control, without doses, with two arms of one dose, or with a delay that is no number."""
    control, dosed = _sorted(arms)
    base = control.outcome.value
    if base <= 0:
        return NotEstimable(Why.BASE_NOT_POSITIVE, "control")
    if min(arm.outcome.variance for arm in dosed) <= 0:
        return NotEstimable(Why.NO_VARIATION, "treatment")
    values = np.array([arm.outcome.value for arm in dosed])
    variances = np.array([arm.outcome.variance for arm in dosed])
    steps = np.array([arm.delivered_ms - control.delivered_ms for arm in dosed]) / STEP_MS
    if not np.abs(steps).max() >= LEAST_STEP:
        return NotEstimable(Why.NO_VARIATION, "treatment")
    changes, errors = values / base, np.sqrt(variances) / base
    shared = changes * (control.outcome.standard_error / base)
    covariance = np.diag(np.square(errors)) + np.outer(shared, shared)
    known = _are_comparable(errors, np.concatenate([errors, np.abs(shared)]))
    return Effects(steps, changes - 1, covariance) if known else NotEstimable(Why.OUT_OF_RANGE)


def dose_response(arms: Sequence[DoseArm], *, alpha: float = 0.05) -> Slope | NotEstimable:
    """The slope of a dose ladder. `alpha` is two-sided. Raises InvalidInput as `relative_effects` does."""
    check_level("alpha", alpha)
    effects = relative_effects(arms)
    if isinstance(effects, NotEstimable):
        return effects
    column, changes = effects.whitened(effects.steps)
    information = float(column @ column)
    slope = float(column @ changes) / information
    error = math.sqrt(1 / information)
    half = critical_value(alpha / 2) * error
    misfit, df = float(((changes - slope * column) ** 2).sum()), len(changes) - 1
    return Slope(
        per_100_ms=slope,
        standard_error=error,
        confidence_interval=Interval(slope - half, slope + half),
        p_value=2 * upper_tail(abs(slope) / error),
        alpha=alpha,
        doses=len(changes),
        lack_of_fit=misfit,
        fit_degrees_of_freedom=df,
        fit_p_value=chi_square_tail(misfit, df) if df else None,
    )


def _are_comparable(own: Array, every: Array) -> bool:
    """Is each arm's own error told from the others', so that their covariance can be taken apart?"""
    narrowest = float(own.min())
    return narrowest >= SMALLEST and bool((every <= min(narrowest / LEAST_PART, LARGEST)).all())


def _sorted(arms: Sequence[DoseArm]) -> tuple[DoseArm, list[DoseArm]]:
    doses = [arm.dose_ms for arm in arms]
    delays = [*doses, *(arm.delivered_ms for arm in arms)]
    if not all(abs(delay) <= MOST_MS for delay in delays):
        raise InvalidInput("arms", delays, "a delay is a number of milliseconds")
    if sorted(set(doses)) != sorted(doses):
        raise InvalidInput("arms", doses, "two arms have the same dose", "Merge them first.")
    if not doses or min(doses) != 0 or len(doses) < 2:
        fix = "Pass one arm with dose 0 and at least one with a delay."
        raise InvalidInput("arms", doses, "a ladder has a control without delay and at least one dose", fix)
    ordered = sorted(arms, key=lambda arm: arm.dose_ms)
    return ordered[0], ordered[1:]
