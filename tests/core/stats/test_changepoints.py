"""Change points: planted steps are found, unchanged series are left alone, outliers do not matter."""

import numpy as np
import pytest

from analysis.stats.changepoints import change_points
from analysis.stats.results import InvalidInput


def noisy(seed, n=100, spread=0.03, outliers=3):
    rng = np.random.default_rng(seed)
    values = 100 * np.exp(rng.normal(0, spread, n))
    values[rng.choice(n, outliers, replace=False)] *= 1.3
    return values


def lasting(seed, n=100, spread=0.03, phi=0.4):
    rng = np.random.default_rng(seed)
    noise = np.zeros(n)
    for i in range(1, n):
        noise[i] = phi * noise[i - 1] + rng.normal(0, spread * np.sqrt(1 - phi**2))
    return 100 * np.exp(noise)


@pytest.mark.parametrize("series", [noisy, lasting])
def test_unchanged__a_hundred_points__hardly_ever_a_change(series):
    found = sum(len(change_points(series(seed), seed=seed)) for seed in range(60))

    assert found <= 5


def test_ten_per_cent__sixteen_points_behind__found_near_its_place():
    hits = 0
    for seed in range(40):
        values = noisy(seed)
        values[84:] *= 1.10
        hits += any(abs(change.at - 84) <= 4 for change in change_points(values, seed=seed))

    assert hits >= 36


def test_two_steps__up_and_down__both_in_order_with_their_shifts():
    values = noisy(1, n=150, outliers=0)
    values[50:100] *= 1.2

    found = change_points(values, seed=1)

    assert [change.at for change in found] == [50, 100]
    assert found[0].shift == pytest.approx(0.2, abs=0.03)
    assert found[1].shift == pytest.approx(-1 / 6, abs=0.03)


def test_small_shift__below_the_least__left_alone():
    values = noisy(2, n=200, spread=0.002, outliers=0)
    values[100:] *= 1.01

    assert change_points(values, seed=1) == []
    assert len(change_points(values, seed=1, least_shift=0.005)) == 1


def test_same_seed__same_answer():
    values = noisy(3)
    values[60:] *= 1.06

    assert change_points(values, seed=4) == change_points(values, seed=4)


@pytest.mark.parametrize("values", [[], [5.0], [5.0] * 40])
def test_nothing_to_find__empty_short_or_constant(values):
    assert change_points(values, seed=1) == []


@pytest.mark.parametrize("values", [[1.0, 0.0] * 10, [1.0, float("nan")] * 10, [-1.0] * 20])
def test_bad_values__invalid(values):
    with pytest.raises(InvalidInput):
        change_points(values, seed=1)
