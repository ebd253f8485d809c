"""Noise that lasts, by textbook matrices: slow, and written apart from the code it checks."""

import math

import numpy as np


def lasting_error(columns, outcome, column):
    """Error of a least squares coefficient under the most likely autoregression of order 1."""
    _, spread, innovation = max(
        (likelihood(columns, outcome, phi) for phi in np.linspace(0, 0.98, 50)), key=lambda of: of[0]
    )
    bread = np.linalg.inv(columns.T @ columns) @ columns.T
    return math.sqrt(innovation * (bread @ spread @ bread.T)[column, column])


def likelihood(columns, outcome, phi):
    """Restricted log likelihood, covariance of the noise for innovations of 1, and their variance."""
    n, k = columns.shape
    spread = phi ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))) / (1 - phi**2)
    weights = np.linalg.inv(spread)
    inner = columns.T @ weights @ columns
    rest = outcome - columns @ np.linalg.solve(inner, columns.T @ weights @ outcome)
    squares = rest @ weights @ rest
    size = np.linalg.slogdet(spread)[1] + np.linalg.slogdet(inner)[1]
    return -0.5 * ((n - k) * math.log(squares) + size), spread, squares / (n - k)
