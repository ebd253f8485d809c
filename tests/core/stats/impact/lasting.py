"""Noise that lasts, by textbook matrices: slow, and written apart from the code it checks."""

import math

import numpy as np


def lasting_error(columns, outcome, column):
    """Error of a least squares coefficient under the most likely autoregression of order 1."""
    n = len(columns)
    _, phi, innovation = max(likelihood(columns, outcome, phi) for phi in np.linspace(0, 0.98, 50))
    spread = phi ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))) / (1 - phi**2)
    bread = np.linalg.inv(columns.T @ columns) @ columns.T
    return math.sqrt(innovation * (bread @ spread @ bread.T)[column, column])


def likelihood(columns, outcome, phi):
    """Restricted log likelihood, the persistence, and the variance of an innovation.

    The inverse covariance of the noise has 1 + phi^2 on its diagonal (1 at both ends) and -phi beside it.
    """
    n, k = columns.shape
    weights = np.diag(np.r_[1.0, np.full(n - 2, 1 + phi**2), 1.0])
    weights -= phi * (np.eye(n, k=1) + np.eye(n, k=-1))
    inner = columns.T @ weights @ columns
    rest = outcome - columns @ np.linalg.solve(inner, columns.T @ weights @ outcome)
    squares = rest @ weights @ rest
    size = np.linalg.slogdet(inner)[1] - math.log(1 - phi**2)
    return -0.5 * ((n - k) * math.log(squares) + size), phi, squares / (n - k)
