# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Posteriors against closed forms and simulation."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from analysis.stats.bayes import beta_binomial, normal_posterior
from analysis.stats.compare import difference
from analysis.stats.results import Counts, Estimate, InvalidInput, NotEstimable, Why


def test_normal_posterior__against_the_product_of_densities():
    comparison = difference(Estimate(1.0, 0.02), Estimate(1.3, 0.03))

    found = normal_posterior(comparison, prior_sd=0.2, prior_mean=0.05)

    grid = np.linspace(-2, 3, 400_001)
    density = stats.norm.pdf(grid, 0.05, 0.2) * stats.norm.pdf(grid, 0.3, math.sqrt(0.05))
    density /= density.sum()
    assert found.mean == pytest.approx(grid @ density, abs=1e-9)
    assert found.standard_deviation == pytest.approx(math.sqrt(grid**2 @ density - (grid @ density) ** 2))
    assert found.probability_positive == pytest.approx(density[grid > 0].sum(), abs=1e-5)
    assert found.expected_loss == pytest.approx(np.maximum(-grid, 0) @ density, rel=1e-6)
    low, high = np.interp([0.025, 0.975], density.cumsum(), grid)
    assert found.credible_interval.lower == pytest.approx(low, abs=1e-4)
    assert found.credible_interval.upper == pytest.approx(high, abs=1e-4)


def test_normal_posterior__very_wide_prior__the_frequentist_interval():
    comparison = difference(Estimate(1.0, 0.02), Estimate(1.3, 0.03))

    found = normal_posterior(comparison, prior_sd=1e6)

    assert found.credible_interval.lower == pytest.approx(comparison.confidence_interval.lower, rel=1e-6)


def test_normal_posterior__nothing_to_compare_or_no_spread__named_or_refused():
    assert normal_posterior(NotEstimable(Why.NO_UNITS), prior_sd=1.0).why is Why.NO_UNITS
    with pytest.raises(InvalidInput, match="prior"):
        normal_posterior(difference(Estimate(0, 1), Estimate(1, 1)), prior_sd=0.0)


def exact_probability(a0, b0, a1, b1):
    """P(p1 > p0) as a finite sum for whole a1."""
    j = np.arange(a1)
    return np.exp(
        special.betaln(a0 + j, b0 + b1) - np.log(b1 + j) - special.betaln(1 + j, b1) - special.betaln(a0, b0)
    ).sum()


@pytest.mark.parametrize(
    ("e0", "n0", "e1", "n1"), [(3, 40, 7, 35), (0, 100, 0, 90), (50, 1000, 80, 1000), (500, 10_000, 60, 900)]
)
def test_beta_binomial__probability__finite_sum(e0, n0, e1, n1):
    found = beta_binomial(Counts(e0, n0), Counts(e1, n1))

    expected = exact_probability(e0 + 1, n0 - e0 + 1, e1 + 1, n1 - e1 + 1)
    assert found.probability_positive == pytest.approx(expected, abs=1e-9)


def test_beta_binomial__every_unit_has_the_event__symmetric_where_the_data_are():
    found = beta_binomial(Counts(10, 10), Counts(10, 10), prior=(0.5, 0.5))

    assert found.probability_positive == pytest.approx(0.5, abs=1e-7)
    assert found.credible_interval.lower == pytest.approx(-found.credible_interval.upper, abs=1e-3)


def test_beta_binomial__interval_loss_and_moments__against_draws_and_quadrature():
    found = beta_binomial(Counts(30, 400), Counts(45, 410), prior=(0.5, 0.5))

    rng = np.random.default_rng(1)
    draws = rng.beta(45.5, 365.5, 400_000) - rng.beta(30.5, 370.5, 400_000)
    assert found.mean == pytest.approx(draws.mean(), abs=1e-4)
    assert found.standard_deviation == pytest.approx(draws.std(), rel=0.01)
    low, high = np.quantile(draws, [0.025, 0.975])
    assert found.credible_interval.lower == pytest.approx(low, abs=3e-4)
    assert found.credible_interval.upper == pytest.approx(high, abs=3e-4)
    loss = integrate.quad(
        lambda x: stats.beta.cdf(x, 45.5, 365.5) * stats.beta.sf(x, 30.5, 370.5), 0, 1, points=[0.08, 0.11]
    )[0]
    assert found.expected_loss == pytest.approx(loss, rel=1e-8)


def test_beta_binomial__impossible_counts_or_prior__refused():
    with pytest.raises(InvalidInput, match="events"):
        beta_binomial(Counts(5, 4), Counts(1, 4))
    with pytest.raises(InvalidInput, match="prior"):
        beta_binomial(Counts(1, 4), Counts(1, 4), prior=(0.1, 1.0))
