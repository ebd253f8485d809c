"""Estimates with less variance from what was known before the exposure: CUPED, regression, strata.

Every function takes all arms at once and gives one Estimate per arm, on the raw scale: arms are shifted to
the covariate mean of all units together, so that a lift keeps its base. The shared shift cancels in
differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.stats.estimators import mean, ratio
from analysis.stats.moments import Moments, merge_all
from analysis.stats.results import Estimate, Estimated, InvalidInput, NotEstimable, Status, Why

Array = NDArray[np.float64]


def cuped(arms: Sequence[Moments], outcome: int = 0, covariates: Sequence[int] = (1,)) -> list[Estimated]:
    """y - theta (x - pooled mean of x), theta from the co-moments within arms, pooled (Deng, Xu, Kohavi &
    Walker 2013, WSDM, section 3).

    A covariate without spread gets theta = 0 and changes nothing. An arm too small for a mean is NotEstimable
    and takes no part in theta.
    """
    theta = _pooled_theta(arms, outcome, covariates)
    usable = [arm for arm in arms if arm.n]
    centre = merge_all(usable).mean if usable else np.zeros(arms[0].width)
    return [_cuped_arm(arm, outcome, list(covariates), theta, centre) for arm in arms]


@dataclass(frozen=True, slots=True)
class RatioColumns:
    """Where the two sums of the experiment and of the period before it stand in the moments."""

    numerator: int = 0
    denominator: int = 1
    pre_numerator: int = 2
    pre_denominator: int = 3


def cuped_ratio(arms: Sequence[Moments], columns: RatioColumns | None = None) -> list[Estimated]:
    """CUPED for a ratio of sums: both periods linearised, one theta for all arms (Deng et al. 2013, appendix
    B; Deng, Knoblich & Lu 2018, section 3).

    Units without a pre-period have both pre-sums 0 and so add nothing to the covariate. Without any
    pre-period the plain ratio is returned.
    """
    at = columns or RatioColumns()
    plain = [ratio(arm, at.numerator, at.denominator) for arm in arms]
    linear = {
        index: _Linearised.of(arm, at, found.value)
        for index, (arm, found) in enumerate(zip(arms, plain, strict=True))
        if isinstance(found, Estimate) and arm.mean[at.pre_denominator] > 0
    }
    spread = sum(part.pre_comoment for part in linear.values())
    if len(linear) < sum(isinstance(found, Estimate) for found in plain) or not spread > 0:
        return plain
    theta = sum(part.cross_comoment for part in linear.values()) / spread
    centre = _pooled_ratio([arms[index] for index in linear], at)
    return [linear[i].estimate(theta, centre) if i in linear else plain[i] for i in range(len(arms))]


@dataclass(frozen=True, slots=True)
class ArmRows:
    """One arm's units: `outcome[n]` and `covariates[n, k]`."""

    outcome: Array
    covariates: Array


def regression_adjusted(arms: Sequence[ArmRows]) -> list[Estimated]:
    """Own slopes per arm, covariates centred on the mean of all units, HC2 variance of the arm's intercept
    (Lin 2013, Annals of Applied Statistics 7:295, section 4; MacKinnon & White 1985).

    The differences of the estimates are the coefficients of the fully interacted regression. For unequal arms
    or several covariates; needs unit rows, since HC2 needs each unit's leverage.
    """
    for arm in arms:
        if arm.covariates.ndim != 2 or arm.covariates.shape[0] != arm.outcome.shape[0]:
            shapes = (arm.outcome.shape, arm.covariates.shape)
            raise InvalidInput("arms", shapes, "outcome [n] and covariates [n, k] do not fit")
    centre = np.concatenate([arm.covariates for arm in arms]).mean(axis=0)
    return [_regression_arm(arm, centre) for arm in arms]


def post_stratified(arms: Sequence[Mapping[str, Moments]], column: int = 0) -> list[Estimated]:
    """Stratum means weighted by the strata's shares of all units (Miratrix, Sekhon & Yu 2013, JRSS B 75:369).

    A stratum with fewer than two units in some arm is merged into the largest one. Degrees of freedom:
    Satterthwaite over the strata.
    """
    cells = _merged_cells(arms)
    if cells is None:
        return [NotEstimable(Why.NO_COMMON_STRATUM) for _ in arms]
    sizes = [sum(row[arm].n for arm in range(len(arms))) for row in cells]
    shares = np.asarray(sizes, dtype=np.float64) / sum(sizes)
    return [_stratified_arm([row[arm] for row in cells], shares, column) for arm in range(len(arms))]


def _pooled_theta(arms: Sequence[Moments], outcome: int, covariates: Sequence[int]) -> Array:
    columns = [outcome, *covariates]
    pooled = np.zeros((len(columns), len(columns)))
    for arm in arms:
        pooled += arm.comoment[np.ix_(columns, columns)]
    # Correlations instead of co-moments, so that covariates of any unit are equally well conditioned.
    scale = np.sqrt(pooled.diagonal()[1:])
    scale[scale == 0] = np.inf
    correlations = pooled[1:, 1:] / np.outer(scale, scale)
    theta: Array = np.linalg.lstsq(correlations, pooled[1:, 0] / scale, rcond=1e-10)[0] / scale
    return theta


def _cuped_arm(arm: Moments, outcome: int, covariates: list[int], theta: Array, centre: Array) -> Estimated:
    plain = mean(arm, outcome)
    if isinstance(plain, NotEstimable):
        return plain
    weights = np.zeros(arm.width)
    weights[outcome] = 1.0
    weights[covariates] -= theta
    shift = float(theta @ (arm.mean - centre)[covariates])
    variance = arm.combination_variance(weights.tolist()) / arm.n
    df = max(plain.degrees_of_freedom - len(covariates), 1.0)
    status = Status.OK if variance > 0 else Status.NO_VARIATION
    return Estimate(plain.value - shift, variance, df, arm.n, "cuped", status)


@dataclass(frozen=True, slots=True)
class _Linearised:
    """One arm's ratios of both periods with the variances of their linear parts per unit."""

    plain: float
    pre: float
    arm: Moments
    weights: Array
    pre_weights: Array

    @classmethod
    def of(cls, arm: Moments, at: RatioColumns, value: float) -> _Linearised:
        pre = float(arm.mean[at.pre_numerator] / arm.mean[at.pre_denominator])
        weights, pre_weights = np.zeros(arm.width), np.zeros(arm.width)
        base, pre_base = arm.mean[at.denominator], arm.mean[at.pre_denominator]
        weights[[at.numerator, at.denominator]] = 1 / base, -value / base
        pre_weights[[at.pre_numerator, at.pre_denominator]] = 1 / pre_base, -pre / pre_base
        return cls(value, pre, arm, weights, pre_weights)

    @property
    def pre_comoment(self) -> float:
        return float(self.pre_weights @ self.arm.comoment @ self.pre_weights)

    @property
    def cross_comoment(self) -> float:
        return float(self.weights @ self.arm.comoment @ self.pre_weights)

    def estimate(self, theta: float, centre: float) -> Estimate:
        n = self.arm.n
        variance = self.arm.combination_variance((self.weights - theta * self.pre_weights).tolist()) / n
        status = Status.OK if variance > 0 else Status.NO_VARIATION
        value = self.plain - theta * (self.pre - centre)
        return Estimate(value, variance, max(n - 2, 1), n, "ratio of sums, cuped", status)


def _pooled_ratio(arms: Sequence[Moments], at: RatioColumns) -> float:
    pooled = merge_all(arms).mean
    return float(pooled[at.pre_numerator] / pooled[at.pre_denominator])


def _regression_arm(arm: ArmRows, centre: Array) -> Estimated:
    n, width = arm.covariates.shape
    if n < width + 2:
        return NotEstimable(Why.TOO_FEW_UNITS if n else Why.NO_UNITS)
    design = np.column_stack([np.ones(n), arm.covariates - centre])
    inverse = np.linalg.pinv(design)
    residuals = arm.outcome - design @ (inverse @ arm.outcome)
    leverage = np.einsum("ij,ji->i", design, inverse)
    # A unit with leverage 1 is fitted exactly: its residual says nothing and counts as nothing.
    room = np.where(leverage < 1 - 1e-10, 1 - leverage, np.inf)
    variance = float(np.sum(inverse[0] ** 2 * residuals**2 / room))
    value = float(inverse[0] @ arm.outcome)
    if variance <= (1e-14 * float(np.abs(arm.outcome).max())) ** 2:
        return Estimate(value, 0.0, n - width - 1, n, "regression adjusted", Status.NO_VARIATION)
    return Estimate(value, variance, n - width - 1, n, "regression adjusted, HC2")


def _merged_cells(arms: Sequence[Mapping[str, Moments]]) -> list[list[Moments]] | None:
    """Rows of moments [stratum][arm], each with two units or more per arm; None when there is no such row."""
    names = sorted({name for arm in arms for name in arm})
    width = next((cell.width for arm in arms for cell in arm.values()), 1)
    rows = [[arm.get(name, Moments.empty(width)) for arm in arms] for name in names]
    rows.sort(key=lambda row: -sum(cell.n for cell in row))
    kept = [row for row in rows if min(cell.n for cell in row) >= 2]
    leftovers = [row for row in rows if min(cell.n for cell in row) < 2]
    if not kept:
        kept, leftovers = rows[:1], rows[1:]
    for row in leftovers:
        kept[0] = [merge_all(pair) for pair in zip(kept[0], row, strict=True)]
    return kept if kept and min(cell.n for cell in kept[0]) >= 2 else None


def _stratified_arm(cells: Sequence[Moments], shares: Array, column: int) -> Estimated:
    means = np.array([cell.mean[column] for cell in cells])
    parts = shares**2 * np.array([cell.variance(column) / cell.n for cell in cells])
    units = sum(cell.n for cell in cells)
    total = float(parts.sum())
    value = float(shares @ means)
    if not total > 0:
        return Estimate(value, 0.0, units - len(cells), units, "post-stratified", Status.NO_VARIATION)
    df = total**2 / float(np.sum(parts**2 / np.array([cell.n - 1 for cell in cells])))
    return Estimate(value, total, df, units, "post-stratified")
