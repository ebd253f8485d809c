"""Ordinary least squares with the two robust covariances that history needs.

Newey-West for one series whose errors last for days; CR1 for panels whose errors belong to units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.stats.results import InvalidInput, NotEstimable, Why

Array = NDArray[np.float64]

RESIDUE = 1e-12
PERSISTENCE = np.linspace(0.0, 0.98, 50)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Coefficients, their covariance and the degrees of freedom of their t distribution."""

    coefficients: Array
    covariance: Array
    degrees_of_freedom: float = math.inf

    def error(self, column: int) -> float:
        return math.sqrt(max(float(self.covariance[column, column]), 0.0))


def newey_west(columns: Array, outcome: Array, *, lag: int) -> Fit | NotEstimable:
    """OLS with the covariance of Newey & West 1987 (Econometrica 55:703), Bartlett weights 1 - l / (lag + 1),
    no small-sample factor. Rows are in the order of time."""
    bread = _bread(columns)
    if bread is None:
        return NotEstimable(Why.NO_VARIATION)
    coefficients = bread @ (columns.T @ outcome)
    residuals = outcome - columns @ coefficients
    if _is_rounding(residuals, outcome):
        return NotEstimable(Why.NO_VARIATION)
    scores = columns * residuals[:, None]
    meat = np.asarray(scores.T @ scores, dtype=np.float64)
    for back in range(1, min(lag, len(outcome) - 1) + 1):
        product = scores[back:].T @ scores[:-back]
        meat = np.asarray(meat + (1 - back / (lag + 1)) * (product + product.T), dtype=np.float64)
    return Fit(coefficients, bread @ meat @ bread)


def clustered(
    columns: Array, outcome: Array, clusters: Sequence[object], *, taken_out: int = 0
) -> Fit | NotEstimable:
    """OLS with errors clustered by unit: CR1 = G / (G - 1) * (N - 1) / (N - K), and t with G - 1 degrees of
    freedom (Liang & Zeger 1986; Cameron & Miller 2015, J. Human Resources 50:317, eq. 12).

    K counts the columns and the effects that were `taken_out` of them before, unless an effect lies within
    one cluster (section III.B there)."""
    bread = _bread(columns)
    names = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    if bread is None:
        return NotEstimable(Why.NO_VARIATION)
    if len(names) < 2:
        return NotEstimable(Why.TOO_FEW_UNITS)
    coefficients = bread @ (columns.T @ outcome)
    residuals = outcome - columns @ coefficients
    if _is_rounding(residuals, outcome):
        return NotEstimable(Why.NO_VARIATION)
    scores = columns * residuals[:, None]
    index = np.array([names[name] for name in clusters])
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, index, scores)
    n, k = len(columns), columns.shape[1] + taken_out
    if n <= k:
        return NotEstimable(Why.TOO_FEW_UNITS)
    factor = len(names) / (len(names) - 1) * (n - 1) / (n - k)
    return Fit(coefficients, factor * bread @ (sums.T @ sums) @ bread, len(names) - 1)


def lasting_error(columns: Array, outcome: Array, column: int) -> float:
    """Error of an OLS coefficient if the noise were that of an autoregression of order 1.

    Newey-West sees few days' dependence in few days' residuals, out of which the columns have taken some of
    it: its intervals are then too narrow (Andrews & Monahan 1992, Econometrica 60:953). Here the persistence
    comes from the restricted likelihood (Cochrane & Orcutt's differences; Patterson & Thompson 1971,
    Biometrika 58:545), which allows for the columns, on a grid from 0 up.
    """
    likelihoods, innovations = _autoregressive(columns, outcome)
    best = int(likelihoods.argmax())
    share = float(PERSISTENCE[best])
    weights = np.linalg.pinv(columns)[column]
    lags = np.correlate(weights, weights, mode="full")[len(weights) - 1 :]
    total = lags[0] + 2 * float(lags[1:] @ share ** np.arange(1, len(weights)))
    return math.sqrt(max(float(innovations[best]) / (1 - share**2) * total, 0.0))


def _autoregressive(columns: Array, outcome: Array) -> tuple[Array, Array]:
    """Restricted log likelihoods and variances of an innovation, for each persistence.

    With rows z = (residual, orthonormal columns), those of z_t - share z_(t-1) have the cross-products
    Z'Z - share (L + L') + share^2 (Z'Z - first - last), L of neighbours, so that the rows are gone through
    once.
    """
    basis = np.linalg.qr(columns)[0]
    rows = np.column_stack([outcome - basis @ (basis.T @ outcome), basis])
    whole, beside = rows.T @ rows, rows[1:].T @ rows[:-1]
    inside = whole - np.outer(rows[0], rows[0]) - np.outer(rows[-1], rows[-1])
    shares = PERSISTENCE[:, None, None]
    products = whole - shares * (beside + beside.T) + shares**2 * inside
    cross, inner = products[:, 1:, :1], products[:, 1:, 1:]
    explained = (cross * np.linalg.solve(inner, cross)).sum(axis=(1, 2))
    squares, free = products[:, 0, 0] - explained, len(rows) - basis.shape[1]
    size = np.linalg.slogdet(inner)[1] - np.log1p(-(PERSISTENCE**2))
    return -0.5 * (free * np.log(squares) + size), squares / free


def _is_rounding(residuals: Array, outcome: Array) -> bool:
    """Is all that is left of the outcome a residue of rounding? The columns then fit it exactly."""
    return float(np.abs(residuals).max()) <= RESIDUE * float(np.abs(outcome).max())


def _bread(columns: Array) -> Array | None:
    """(X'X)^-1; None when the columns depend on one another."""
    if columns.ndim != 2 or not np.isfinite(columns).all():
        raise InvalidInput("columns", columns.shape, "not a finite matrix of rows and columns")
    if len(columns) <= columns.shape[1] or np.linalg.matrix_rank(columns) < columns.shape[1]:
        return None
    return np.asarray(np.linalg.inv(columns.T @ columns), dtype=np.float64)
