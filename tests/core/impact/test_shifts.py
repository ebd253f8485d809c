"""Days on which latency changed: told by slice where slices differ, once, and not where it is known why."""

from datetime import date, timedelta

import numpy as np
import pytest

from impact.shifts import unexplained

FIRST = date(2026, 1, 1)
DAYS = 120


def series(*, at=None, until=DAYS, by=300.0, seed=1):
    values = 800 + np.random.default_rng(seed).normal(0, 8, DAYS)
    if at is not None:
        values[at:until] += by
    return {FIRST + timedelta(days=i): float(value) for i, value in enumerate(values)}


def on(day):
    return FIRST + timedelta(days=day)


def test_change__of_everybody__its_day_and_levels_and_no_slice():
    found = unexplained(series(at=80), {"country": {"de": series(at=80, seed=2)}}, [])

    assert [(shift.day, dict(shift.slices)) for shift in found] == [(on(80), {})]
    assert found[0].after - found[0].before == pytest.approx(300, abs=15)


def test_change__of_one_country__told_by_its_slice_even_where_the_whole_hardly_moves():
    countries = {"de": series(at=80, seed=2), "at": series(seed=3), "ch": series(seed=4)}
    devices = {name: series(at=80, by=100, seed=seed) for seed, name in enumerate(("phone", "desk"), 5)}

    found = unexplained(series(at=80, by=100), {"country": countries, "device": devices}, [])

    assert [(shift.day, dict(shift.slices)) for shift in found] == [(on(80), {"country": ("de",)})]


@pytest.mark.parametrize("days", [2, 5, 24])
def test_change__that_went_back__one_event_with_an_end(days):
    found = unexplained(series(at=60, until=60 + days), {}, [])

    assert [(shift.day, shift.until) for shift in found] == [(on(60), on(60 + days))]


def test_change__none__none_found_in_two_hundred_histories():
    found = [unexplained(series(seed=seed, at=0), {}, []) for seed in range(200)]

    assert sum(map(len, found)) <= 2


def test_change__of_a_few_milliseconds__is_none():
    assert unexplained(series(at=80, by=18), {}, []) == []


def test_change__near_a_known_event__is_explained():
    assert unexplained(series(at=80), {}, [on(81)]) == []
