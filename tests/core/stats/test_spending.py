"""Alpha-spending bounds against published tables, multivariate normal integrals and simulation."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from analysis.stats.results import InvalidInput
from analysis.stats.simulate import z_paths
from analysis.stats.spending import FARTHEST, alpha_spending_bounds, bounds_that_spend, spent


@pytest.mark.parametrize(
    ("spending", "published"),
    [
        ("obrien_fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3860]),
    ],
)
def test_bounds__five_looks_two_sided__lan_demets_tables(spending, published):
    found = alpha_spending_bounds([0.2, 0.4, 0.6, 0.8, 1.0], 0.05, spending, sides=2)

    assert found == pytest.approx(published, abs=2e-4)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_bounds__uneven_looks__spend_exactly_what_the_function_says(spending):
    shares = np.array([0.3, 0.35, 0.9])
    bounds = alpha_spending_bounds(shares.tolist(), 0.05, spending)

    correlation = np.sqrt(np.minimum.outer(shares, shares) / np.maximum.outer(shares, shares))
    for looks in (1, 2, 3):
        stay = stats.multivariate_normal(cov=correlation[:looks, :looks]).cdf(
            bounds[:looks], rng=np.random.default_rng(1)
        )
        assert 1 - stay == pytest.approx(spent(shares[looks - 1], 0.05, spending), abs=2e-5)


@pytest.mark.parametrize("sides", [1, 2])
def test_bounds__two_looks__crossing_probability_by_quadrature_to_a_millionth(sides):
    first, second = alpha_spending_bounds([0.4, 1.0], 0.05, "pocock", sides)
    correlation = math.sqrt(0.4)
    apart = math.sqrt(1 - 0.4)

    def crossing_later(z):
        beyond = stats.norm.sf((second - correlation * z) / apart)
        beyond += stats.norm.cdf((-second - correlation * z) / apart) if sides == 2 else 0.0
        return stats.norm.pdf(z) * beyond

    low = -first if sides == 2 else -12.0
    later = integrate.quad(crossing_later, low, first, epsabs=1e-13)[0]
    assert sides * stats.norm.sf(first) == pytest.approx(sides * spent(0.4, 0.05 / sides, "pocock"), rel=1e-9)
    assert later == pytest.approx(0.05 - sides * spent(0.4, 0.05 / sides, "pocock"), rel=1e-6)


def test_bounds__two_weeks_of_hourly_looks__false_alarms_at_alpha():
    bounds = alpha_spending_bounds((np.arange(1, 337) / 336).tolist(), 0.05)

    alarms = (z_paths(np.random.default_rng(2), 10_000, 336) > bounds).any(axis=1).mean()

    assert alarms == pytest.approx(0.05, abs=0.0072)


def test_bounds__one_look__the_fixed_test():
    assert alpha_spending_bounds([1.0], 0.05) == pytest.approx([stats.norm.isf(0.05)], rel=1e-9)
    assert alpha_spending_bounds([1.0], 0.05, sides=2) == pytest.approx([1.959964], rel=1e-6)


def test_bounds__depend_on_the_past_only():
    longer = alpha_spending_bounds([0.2, 0.5, 0.7, 1.0])

    assert alpha_spending_bounds([0.2, 0.5]) == pytest.approx(longer[:2], rel=1e-12)


def test_bounds__beyond_the_planned_information__nothing_left_to_spend():
    found = alpha_spending_bounds([0.5, 1.0, 1.3])

    assert found[2] == FARTHEST


def test_bounds__alpha_counted_by_days__spends_by_days_whatever_the_information():
    information, days = np.array([3.0, 30.0, 33.0]), [0.25, 0.5, 1.0]
    bounds = alpha_spending_bounds(information.tolist(), 0.05, plan_shares=days)

    correlation = np.sqrt(
        np.minimum.outer(information, information) / np.maximum.outer(information, information)
    )
    for looks in (1, 2, 3):
        stay = stats.multivariate_normal(cov=correlation[:looks, :looks]).cdf(
            bounds[:looks], rng=np.random.default_rng(1)
        )
        assert 1 - stay == pytest.approx(spent(days[looks - 1], 0.05), abs=2e-5)


def test_bounds__scale_of_information__means_nothing_beside_plan_shares():
    looks, days = [0.1, 0.5, 0.8], [0.2, 0.6, 1.0]

    found = alpha_spending_bounds([1e4 * share for share in looks], plan_shares=days)

    assert found == pytest.approx(alpha_spending_bounds(looks, plan_shares=days), rel=1e-6)


@pytest.mark.parametrize("plan_shares", [[0.5], [0.6, 0.5], [-0.1, 0.5]])
def test_bounds__plan_shares_that_fall_or_miss_a_look__refused(plan_shares):
    with pytest.raises(InvalidInput, match="never falling"):
        alpha_spending_bounds([0.5, 1.0], plan_shares=plan_shares)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_spent__nothing_at_the_start_everything_at_the_end(spending):
    shares = [0.0, 0.01, 0.3, 0.7, 1.0, 2.0]

    amounts = [spent(share, 0.04, spending) for share in shares]

    assert amounts[0] == 0
    assert amounts == sorted(amounts)
    assert amounts[4] == amounts[5] == pytest.approx(0.04, rel=1e-12)


@pytest.mark.parametrize("shares", [[0.0, 0.5], [0.5, 0.5], [0.6, 0.4], [-0.1]])
def test_bounds__shares_that_do_not_rise__refused(shares):
    with pytest.raises(InvalidInput, match="rise"):
        alpha_spending_bounds(shares)


def test_bounds__impossible_alpha_or_sides__refused():
    with pytest.raises(InvalidInput):
        alpha_spending_bounds([1.0], 1.5)
    with pytest.raises(InvalidInput):
        alpha_spending_bounds([1.0], sides=3)
    with pytest.raises(ValueError, match="linear"):
        alpha_spending_bounds([1.0], spending="linear")


def test_bounds_that_spend__any_rule__crossed_as_often_as_the_totals_say():
    shares, totals = np.array([0.01, 0.05, 0.5, 1.0]), [0.004, 0.0125, 0.02, 0.05]
    bounds = bounds_that_spend(shares.tolist(), totals)

    correlation = np.sqrt(np.minimum.outer(shares, shares) / np.maximum.outer(shares, shares))
    for looks in (1, 2, 3, 4):
        stay = stats.multivariate_normal(cov=correlation[:looks, :looks]).cdf(
            bounds[:looks], rng=np.random.default_rng(1)
        )
        assert 1 - stay == pytest.approx(totals[looks - 1], abs=3e-5)


def test_bounds_that_spend__total_falls__nothing_more_is_spent():
    assert bounds_that_spend([0.5, 1.0], [0.02, 0.01])[1] == FARTHEST
