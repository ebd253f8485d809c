"""The shape of the loss over added delay: a curve that never recovers, and whether it has a knee.

A knee is declared only when a likelihood-ratio test says so; otherwise the answer is that none can be told in
the range that was tested, which is not the same as none being there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.stats.impact.doses import STEP_MS, DoseArm, Effects, relative_effects
from analysis.stats.results import Interval, InvalidInput, NotEstimable, check_level, fields_as_dict
from analysis.stats.tails import critical_value

LIKELIHOOD_RATIO = 7.0
"""Declares a knee where there is none in about 2 % of studies."""
PROFILE = 3.841458820694124
"""The 95 % quantile of chi-square with one degree of freedom: the depth of the knee's profile interval."""
DOSES_FOR_A_KNEE = 3
GRID = 200
MOST_DRAWS = 100_000

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """Relative change at each delivered delay (ms, ascending), never rising, with a pointwise band."""

    delivered_ms: tuple[float, ...]
    changes: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    alpha: float
    method: str = "isotonic regression, band of the bootstrap and of single arms"

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class Hinge:
    """Two straight pieces: relative change per 100 ms before and behind the knee, in ms of added delay."""

    knee_ms: float
    knee_interval: Interval
    before_per_100_ms: float
    behind_per_100_ms: float
    likelihood_ratio: float

    @property
    def steepens(self) -> bool:
        """Delay is absorbed up to the knee and costs more behind it; False when the loss flattens."""
        return self.behind_per_100_ms < self.before_per_100_ms

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self) | {"steepens": self.steepens}


@dataclass(frozen=True, slots=True)
class NoKnee:
    """No knee can be told between the smallest and the largest delay that was tested, in ms.

    `likelihood_ratio` is None with fewer than three doses: two pieces fit two doses perfectly.
    """

    from_ms: float
    to_ms: float
    likelihood_ratio: float | None
    needed: float = LIKELIHOOD_RATIO

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


def isotonic_curve(
    arms: Sequence[DoseArm], *, seed: int, alpha: float = 0.05, draws: int = 2000
) -> Curve | NotEstimable:
    """The best curve of relative changes that only falls (Ayer et al. 1955, pool adjacent violators).

    Weights are the reciprocal variances of the outcomes. The band joins the percentiles of `draws` refitted
    ladders, whose outcomes are drawn from normal distributions with the observed means and errors (what
    resampling units gives at these sizes), with the interval of each arm's own change. A curve that cannot
    rise turns noise into a loss: alone, the first would deny "no loss" at the longest dose in a fifth of the
    studies in which nothing is lost. Raises InvalidInput for a bad ladder or more than 100,000 draws.
    """
    if not 1 <= draws <= MOST_DRAWS:
        raise InvalidInput("draws", draws, f"draws are 1 to {MOST_DRAWS}")
    check_level("alpha", alpha)
    effects = relative_effects(arms)
    if isinstance(effects, NotEstimable):
        return effects
    ordered = sorted(arms, key=lambda arm: arm.dose_ms)
    values = np.array([arm.outcome.value for arm in ordered])
    weights = 1 / np.array([arm.outcome.variance for arm in ordered]) if ordered[0].outcome.variance else None
    errors = np.sqrt([arm.outcome.variance for arm in ordered])
    rng = np.random.default_rng(seed)
    samples = rng.normal(values, errors, size=(draws, len(values)))
    fitted = np.array([_changes(sample, weights) for sample in samples])
    lower, upper = _joined(np.quantile(fitted, [alpha / 2, 1 - alpha / 2], axis=0), effects, alpha)
    return Curve(
        delivered_ms=tuple(arm.delivered_ms - ordered[0].delivered_ms for arm in ordered),
        changes=tuple(_changes(values, weights).tolist()),
        lower=tuple(lower.tolist()),
        upper=tuple(upper.tolist()),
        alpha=alpha,
    )


def knee(arms: Sequence[DoseArm]) -> Hinge | NoKnee | NotEstimable:
    """Where the loss changes its slope, if the data can tell.

    Two pieces through the origin, both slopes at most 0 (non-negative least squares on the whitened changes),
    the knee on a grid between the smallest and the largest delivered delay; declared when the residual sum
    falls by more than 7 against one line. The interval is where the profile is within 3.84 of its best.
    """
    effects = relative_effects(arms)
    if isinstance(effects, NotEstimable):
        return effects
    tested = np.sort(effects.steps[effects.steps > 0])
    ends = (float(tested[0]) * STEP_MS, float(tested[-1]) * STEP_MS) if len(tested) else (0.0, 0.0)
    if len(tested) < DOSES_FOR_A_KNEE:
        return NoKnee(*ends, likelihood_ratio=None)
    grid = np.linspace(tested[0], tested[-1], GRID + 2)[1:-1]
    line = _residual(effects, effects.steps[:, None])[0]
    profile = np.array([_residual(effects, _pieces(effects.steps, at))[0] for at in grid])
    best = int(profile.argmin())
    ratio = line - float(profile[best])
    if ratio <= LIKELIHOOD_RATIO:
        return NoKnee(*ends, likelihood_ratio=ratio)
    slopes = _residual(effects, _pieces(effects.steps, grid[best]))[1]
    near = grid[profile <= profile[best] + PROFILE] * STEP_MS
    return Hinge(
        knee_ms=float(grid[best]) * STEP_MS,
        knee_interval=Interval(float(near[0]), float(near[-1])),
        before_per_100_ms=float(slopes[0]),
        behind_per_100_ms=float(slopes[1]),
        likelihood_ratio=ratio,
    )


def smooth(curve: Curve, at_ms: Sequence[float]) -> list[float]:
    """The curve between its points, for drawing: monotone cubic through them (Fritsch & Carlson 1980)."""
    from scipy.interpolate import PchipInterpolator

    through = PchipInterpolator(curve.delivered_ms, curve.changes)
    return [float(value) for value in through(np.clip(at_ms, curve.delivered_ms[0], curve.delivered_ms[-1]))]


def _changes(values: Array, weights: Array | None) -> Array:
    from scipy.optimize import isotonic_regression

    fitted = np.asarray(isotonic_regression(values, weights=weights, increasing=False).x, dtype=np.float64)
    changes: Array = fitted / fitted[0] - 1
    return changes


def _joined(refitted: Array, effects: Effects, alpha: float) -> tuple[Array, Array]:
    """Lower and upper ends [arm] over both; a change above 0 has no place on a curve that only falls."""
    half = critical_value(alpha / 2) * np.sqrt(np.diag(effects.covariance))
    lower, upper = refitted.copy()
    lower[1:] = np.minimum(lower[1:], effects.changes - half)
    upper[1:] = np.maximum(upper[1:], effects.changes + half)
    return lower, np.minimum(upper, 0.0)


def _pieces(steps: Array, at: float) -> Array:
    return np.column_stack([np.minimum(steps, at), np.maximum(steps - at, 0.0)])


def _residual(effects: Effects, columns: Array) -> tuple[float, Array]:
    """Residual sum of squares and slopes, none of which is above 0."""
    from scipy.optimize import nnls

    white, changes = effects.whitened(columns)
    losses, norm = nnls(-white, changes)
    return float(norm) ** 2, -losses
