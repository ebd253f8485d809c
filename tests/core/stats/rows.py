"""Arms as rows: an outcome and what was known of each unit before."""

import numpy as np


def make_rows(rng, n, effect=0.0):
    """Columns: outcome, two pre-exposure covariates."""
    covariates = rng.normal(size=(n, 2)) @ np.array([[2.0, 0.5], [0.0, 1.0]]) + 5
    outcome = 10 + effect + covariates @ np.array([0.7, -0.4]) + rng.normal(size=n)
    return np.column_stack([outcome, covariates])


def two_arms():
    rng = np.random.default_rng(1)
    return make_rows(rng, 300), make_rows(rng, 200, 0.5)


def pre_period_rows(seed, n):
    """Columns: two sums, the same two before, and one more covariate; users differ for good."""
    rng = np.random.default_rng(seed)
    speed, loyalty = rng.normal(0, 0.5, n), rng.gamma(2, 2, n)
    visits, before = 1 + rng.poisson(loyalty), 1 + rng.poisson(loyalty)
    duration = visits * np.exp(speed + rng.normal(0, 0.2, n))
    earlier = before * np.exp(speed + rng.normal(0, 0.2, n))
    return np.column_stack([duration, visits, earlier, before, loyalty + speed])


def linearised(arm):
    means = arm.mean(axis=0)
    parts = [(arm[:, i] - means[i] / means[i + 1] * arm[:, i + 1]) / means[i + 1] for i in (0, 2)]
    return np.column_stack([*parts, arm[:, 4]])
