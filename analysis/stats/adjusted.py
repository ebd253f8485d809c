"""Estimates with less variance from what was known before the exposure: CUPED, regression, strata.

Every function takes all arms at once and gives one Estimate per arm, on the raw scale: arms are shifted to
the covariate mean of all units together, so that a lift keeps its base. The shared shift cancels in
differences, unless arms have slopes or strata effects of their own: what the chance mix of units then adds
to the error of a difference from the first arm, the control, is part of the other arms' variance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.stats.estimators import mean, measured, ratio
from analysis.stats.moments import Moments, merge_all
from analysis.stats.results import LARGEST, Estimate, Estimated, InvalidInput, NotEstimable, Status, Why

Array = NDArray[np.float64]


@np.errstate(over="ignore", invalid="ignore")
def cuped(arms: Sequence[Moments], outcome: int = 0, covariates: Sequence[int] = (1,)) -> list[Estimated]:
    """y - theta (x - pooled mean of x), theta from the co-moments within arms, pooled (Deng, Xu, Kohavi &
    Walker 2013, WSDM, section 3). One Estimate per arm, in the outcome's unit; any number of covariates.

    A covariate without spread gets theta = 0 and changes nothing. An arm too small for a mean is NotEstimable
    and takes no part in theta.
    """
    return _common_slopes(_means(arms, outcome, list(covariates)), "cuped")


@np.errstate(over="ignore", invalid="ignore")
def lin(arms: Sequence[Moments], outcome: int = 0, covariates: Sequence[int] = (1,)) -> list[Estimated]:
    """CUPED with slopes of their own in every arm (Lin 2013, Annals of Applied Statistics 7:295, section 4).

    For arms of unequal size, where one common slope may even lose precision; the control comes first. Values
    are exactly those of `regression_adjusted`. Variance RSS / (n - k - 1) (1 / n + d' S^-1 d), d = arm mean -
    pooled mean of the covariates and S their co-moments: its HC2 to first order, without unit rows. Other
    arms add g' C g / N, g = their slopes - those of the control and C the covariance of the covariates over
    all N units, because the effect is meant for units like these, not for these alone (Negi & Wooldridge
    2021, Econometric Reviews 40:504).
    """
    return _own_slopes(_means(arms, outcome, list(covariates)), "regression adjusted")


@dataclass(frozen=True, slots=True)
class RatioColumns:
    """Where the two sums of the experiment and of the period before it stand in the moments; `more` are
    further covariates, one number per unit each."""

    numerator: int = 0
    denominator: int = 1
    pre_numerator: int = 2
    pre_denominator: int = 3
    more: tuple[int, ...] = ()


@np.errstate(over="ignore", invalid="ignore")
def cuped_ratio(arms: Sequence[Moments], columns: RatioColumns | None = None) -> list[Estimated]:
    """CUPED for a ratio of sums: both periods linearised, one theta for all arms (Deng et al. 2013, appendix
    B; Deng, Knoblich & Lu 2018, section 3).

    In units of numerator per denominator. Units without a pre-period have both pre-sums 0 and so add nothing
    to the covariate. When an arm has no pre-period at all, the plain ratios are returned.
    """
    at = columns or RatioColumns()
    return _ratios(arms, at, lambda linear: _common_slopes(linear, "ratio of sums, cuped"))


@np.errstate(over="ignore", invalid="ignore")
def lin_ratio(arms: Sequence[Moments], columns: RatioColumns | None = None) -> list[Estimated]:
    """`cuped_ratio` with slopes of their own in every arm, see `lin`."""
    at = columns or RatioColumns()
    return _ratios(arms, at, lambda linear: _own_slopes(linear, "ratio of sums, regression adjusted"))


@dataclass(frozen=True, slots=True)
class ArmRows:
    """One arm's units: `outcome[n]` and `covariates[n, k]`."""

    outcome: Array
    covariates: Array


@np.errstate(over="ignore", invalid="ignore")
def regression_adjusted(arms: Sequence[ArmRows]) -> list[Estimated]:
    """Own slopes per arm, covariates centred on the mean of all units, HC2 variance of the arm's intercept
    (Lin 2013, Annals of Applied Statistics 7:295, section 4; MacKinnon & White 1985).

    The differences of the estimates are the coefficients of the fully interacted regression. For unequal arms
    or several covariates; needs unit rows, since HC2 needs each unit's leverage (from moments: `lin`). The
    effect is that on the units at hand: HC2 takes their covariates as given. Raises InvalidInput for shapes
    that do not fit and for values that are missing, infinite or too large to be squared.
    """
    for arm in arms:
        _check_rows(arm)
    rows = np.concatenate([arm.covariates for arm in arms])
    centre = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
    return [_regression_arm(arm, centre) for arm in arms]


@np.errstate(over="ignore", invalid="ignore")
def post_stratified(arms: Sequence[Mapping[str, Moments]], column: int = 0) -> list[Estimated]:
    """Stratum means weighted by the strata's shares of all units (Miratrix, Sekhon & Yu 2013, JRSS B 75:369).

    One mapping from stratum to moments per arm, one Estimate per arm in the unit of the values.
    A stratum with fewer than two units in some arm is merged into the largest one. Degrees of freedom:
    Satterthwaite over the strata. The control comes first: what differing effects of the strata add to the
    variance of a difference from it, with shares that are themselves a sample, is part of the other arms.
    """
    cells = _merged_cells(arms)
    if cells is None:
        return [NotEstimable(Why.NO_COMMON_STRATUM) for _ in arms]
    sizes = np.array([sum(cell.n for cell in row) for row in cells], dtype=np.float64)
    columns = [[row[arm] for row in cells] for arm in range(len(arms))]
    base = np.array([cell.mean[column] for cell in columns[0]])
    return [_stratified_arm(cells_of_arm, sizes, base, column) for cells_of_arm in columns]


@dataclass(frozen=True, slots=True)
class _Linear:
    """One arm as an outcome and k covariates that are linear in its moments.

    `value` of the outcome, `levels[k]` of the covariates, `centres[k]` those of all arms together; the first
    row of `weights[k + 1, width]` makes the outcome, the others the covariates; `comoment` is theirs.
    """

    arm: Moments
    value: float
    levels: Array
    centres: Array
    weights: Array
    comoment: Array

    @classmethod
    def of(
        cls, arm: Moments, value: float, levels: Array, centres: Array, weights: Array
    ) -> _Linear | NotEstimable:
        """Out of range where co-moments or levels leave no room for products."""
        comoment = weights @ arm.comoment @ weights.T
        sizes = [*(comoment.diagonal() / LARGEST).tolist(), *levels.tolist(), *centres.tolist()]
        known = all(-LARGEST <= size <= LARGEST for size in sizes)
        return (
            cls(arm, value, levels, centres, weights, comoment) if known else NotEstimable(Why.OUT_OF_RANGE)
        )

    def residual_variance(self, theta: Array) -> float:
        """Sample variance of one unit's outcome - theta' covariates."""
        combined = self.weights[0] - theta @ self.weights[1:]
        return self.arm.combination_variance(combined.tolist())


def _check_rows(arm: ArmRows) -> None:
    if arm.covariates.ndim != 2 or arm.covariates.shape[0] != arm.outcome.shape[0]:
        shapes = (arm.outcome.shape, arm.covariates.shape)
        raise InvalidInput("arms", shapes, "outcome [n] and covariates [n, k] do not fit")
    for values in (arm.outcome, arm.covariates):
        if not (np.abs(values) <= LARGEST).all():
            raise InvalidInput("arms", "nan, inf or too large", "every value must be finite", "Drop it.")


def _means(arms: Sequence[Moments], outcome: int, covariates: list[int]) -> list[_Linear | NotEstimable]:
    usable = [arm for arm in arms if arm.n]
    centres = merge_all(usable).mean[covariates] if usable else np.zeros(len(covariates))
    found: list[_Linear | NotEstimable] = []
    for arm in arms:
        weights = np.eye(arm.width)[[outcome, *covariates]]
        plain = mean(arm, outcome)
        linear = _Linear.of(arm, float(arm.mean[outcome]), arm.mean[covariates], centres, weights)
        found.append(plain if isinstance(plain, NotEstimable) else linear)
    return found


def _ratios(
    arms: Sequence[Moments],
    at: RatioColumns,
    adjust: Callable[[list[_Linear | NotEstimable]], list[Estimated]],
) -> list[Estimated]:
    """Adjusted ratios; plain ones when an arm has no pre-period or the pre-period has no spread."""
    plain = [ratio(arm, at.numerator, at.denominator) for arm in arms]
    usable = [arm for arm, found in zip(arms, plain, strict=True) if isinstance(found, Estimate)]
    if not usable or min(arm.mean[at.pre_denominator] for arm in usable) <= 0:
        return plain
    pooled = merge_all(usable).mean
    centres = np.append(pooled[at.pre_numerator] / pooled[at.pre_denominator], pooled[list(at.more)])
    linear = [
        found if isinstance(found, NotEstimable) else _linearised(arm, at, found.value, centres)
        for arm, found in zip(arms, plain, strict=True)
    ]
    spread = sum(float(np.trace(part.comoment[1:, 1:])) for part in linear if isinstance(part, _Linear))
    return adjust(linear) if spread > 0 else plain


def _linearised(arm: Moments, at: RatioColumns, value: float, centres: Array) -> _Linear | NotEstimable:
    """(y - R d) / mean d of the experiment, the same of the time before, and further covariates."""
    base, pre_base = arm.mean[at.denominator], arm.mean[at.pre_denominator]
    pre = arm.mean[at.pre_numerator] / pre_base
    weights = np.zeros((2 + len(at.more), arm.width))
    weights[0, [at.numerator, at.denominator]] = 1 / base, -value / base
    weights[1, [at.pre_numerator, at.pre_denominator]] = 1 / pre_base, -pre / pre_base
    weights[np.arange(len(at.more)) + 2, list(at.more)] = 1.0
    return _Linear.of(arm, value, np.append(pre, arm.mean[list(at.more)]), centres, weights)


def _slopes(comoment: Array) -> Array:
    """Least squares of the first variable on the others, from their co-moments."""
    # Correlations instead of co-moments, so that covariates of any unit are equally well conditioned.
    scale = _spreads(comoment)
    correlations = comoment[1:, 1:] / np.outer(scale, scale)
    theta: Array = np.linalg.lstsq(correlations, comoment[1:, 0] / scale, rcond=1e-10)[0] / scale
    return theta


def _spreads(comoment: Array) -> Array:
    """Root of each covariate's co-moment with itself; infinite for one without spread, which drops it."""
    scale: Array = np.sqrt(np.maximum(comoment.diagonal()[1:], 0.0))
    scale[scale == 0] = np.inf
    return scale


def _common_slopes(parts: Sequence[_Linear | NotEstimable], method: str) -> list[Estimated]:
    found = [part for part in parts if isinstance(part, _Linear)]
    if not found:
        return [part for part in parts if isinstance(part, NotEstimable)]
    theta = _slopes(np.sum([part.comoment for part in found], axis=0))
    return [part if isinstance(part, NotEstimable) else _common(part, theta, method) for part in parts]


def _common(part: _Linear, theta: Array, method: str) -> Estimated:
    n = part.arm.n
    variance = part.residual_variance(theta) / n
    value = part.value - float(theta @ (part.levels - part.centres))
    status = Status.NO_VARIATION if variance == 0 else Status.OK
    return measured(Estimate(value, variance, max(n - 1 - len(theta), 1), n, method, status))


def _own_slopes(parts: Sequence[_Linear | NotEstimable], method: str) -> list[Estimated]:
    found = [part for part in parts if isinstance(part, _Linear)]
    if not found:
        return [part for part in parts if isinstance(part, NotEstimable)]
    # Covariances within arms: random arms have the same covariates but for chance.
    within = np.sum([part.comoment[1:, 1:] for part in found], axis=0)
    of_mean = within / sum(part.arm.n for part in found) ** 2
    base = _slopes(found[0].comoment)
    return [part if isinstance(part, NotEstimable) else _own(part, base, of_mean, method) for part in parts]


def _own(part: _Linear, base: Array, of_mean: Array, method: str) -> Estimated:
    """`base` are the slopes of the control, `of_mean` is the covariance of all units' covariate mean."""
    n, comoment = part.arm.n, part.comoment
    theta, gap = _slopes(comoment), part.levels - part.centres
    df = n - 1 - len(theta)
    if df < 1:
        return NotEstimable(Why.TOO_FEW_UNITS)
    unit_variance = part.residual_variance(theta) * (n - 1) / df
    variance = unit_variance * (1 / n + _leverage(comoment, gap))
    variance += float((theta - base) @ of_mean @ (theta - base))
    status = Status.NO_VARIATION if variance == 0 else Status.OK
    return measured(Estimate(part.value - float(theta @ gap), variance, df, n, method, status))


def _leverage(comoment: Array, gap: Array) -> float:
    """gap' S^-1 gap: what it costs that the arm's covariates are not those of all units."""
    scale = _spreads(comoment)
    inverse = np.linalg.pinv(comoment[1:, 1:] / np.outer(scale, scale), rcond=1e-10)
    return float(gap / scale @ inverse @ (gap / scale))


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
    residue = 1e-14 * float(np.abs(arm.outcome).max())
    if variance <= residue * residue:
        return Estimate(value, 0.0, n - width - 1, n, "regression adjusted", Status.NO_VARIATION)
    return measured(Estimate(value, variance, n - width - 1, n, "regression adjusted, HC2"))


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


def _stratified_arm(cells: Sequence[Moments], sizes: Array, base: Array, column: int) -> Estimated:
    """`sizes` of the strata in all arms together, `base` their means in the control."""
    means, shares = np.array([cell.mean[column] for cell in cells]), sizes / sizes.sum()
    parts = shares**2 * np.array([cell.variance(column) / cell.n for cell in cells])
    units = sum(cell.n for cell in cells)
    effects = means - base
    of_shares = float(shares @ (effects - shares @ effects) ** 2 / sizes.sum())
    total, value = float(parts.sum()), float(shares @ means)
    df = float(units - len(cells))
    if total > 0:
        df = 1 / float(np.sum((parts / total) ** 2 / np.array([cell.n - 1 for cell in cells])))
    status = Status.NO_VARIATION if total + of_shares == 0 else Status.OK
    return measured(Estimate(value, total + of_shares, df, units, "post-stratified", status))
