"""How long, how large, how split, how narrow: the rules behind the planning tools."""

import math

import pytest
from scipy import stats as oracle

from analysis.planning import sizing, splitting, traffic, waiting
from analysis.planning.sizing import Baseline, Shape
from analysis.stats import design
from analysis.stats.sequential import AlwaysValid, tuned_tau2

STEADY = [1000.0] * 14
FALLING = [1000.0 * 0.9**day for day in range(14)]
FIXED = Shape(is_sequential=False)
BASE = Baseline(value=10.0, unit_variance=100.0)


def test_forecast__steady_traffic__band_of_nothing_but_the_line():
    found = traffic.forecast(STEADY, days=20)

    assert found.low[-1] == found.high[-1] == pytest.approx(20_000)


def test_forecast__falling_traffic__low_curve_flattens_and_high_goes_on():
    found = traffic.forecast(FALLING, days=60)

    daily = [later - before for before, later in zip(found.low, found.low[1:], strict=False)]
    assert daily[40] < daily[20] < daily[5]
    assert found.high[-1] > 1.5 * found.low[-1]


def test_forecast__half_of_the_units__half_as_many():
    whole, half = (traffic.forecast(FALLING, days=30, coverage_share=share) for share in (1.0, 0.5))

    assert half.low[-1] == pytest.approx(whole.low[-1] / 2)


@pytest.mark.parametrize("seen", [[], [0.0, 0.0]])
def test_forecast__nobody_came__none(seen):
    assert traffic.forecast(seen, days=7) is None


def test_size__fixed_plan__as_the_textbook_says():
    planned = sizing.success_design(BASE, FIXED)

    found = sizing.size(planned, FIXED, 0.5, traffic.flat(1000, days=365), 0.8)

    z = oracle.norm.ppf(0.975) + oracle.norm.ppf(0.8)
    assert found.units == pytest.approx(4 * 100 * (z / 0.5) ** 2, rel=2e-3)
    assert found.first_day == found.last_day == math.ceil(found.units / 1000)


def test_level__sequential_plan__interval_at_the_planned_end_is_the_one_that_is_read():
    shape = Shape()

    half_width = AlwaysValid(tuned_tau2(4.0), 0.05).multiplier(2.0)

    assert oracle.norm.isf(sizing.level(shape) / 2) == pytest.approx(half_width, rel=1e-9)
    assert sizing.level(shape) < 0.05


def test_level__two_treatments_two_success_metrics__divided_by_four():
    assert sizing.level(Shape(comparisons=4, is_sequential=False)) == pytest.approx(0.0125)


def test_guardrail_design__relative_margin__variance_of_the_exact_contrast():
    planned = sizing.guardrail_design(BASE, FIXED, margin=0.05, falls=True)

    assert planned.standard_error(2000) ** 2 == pytest.approx(100 / 1000 * (1 + 0.95**2))
    assert planned.sides == 1


def test_size__small_treatment__more_units_than_even():
    even = sizing.size(sizing.success_design(BASE, FIXED), FIXED, 0.5, None, 0.8)
    uneven_shape = Shape(control_share=0.9, treatment_share=0.1, is_sequential=False)
    uneven = sizing.size(sizing.success_design(BASE, uneven_shape), uneven_shape, 0.5, None, 0.8)

    assert uneven.units / even.units == pytest.approx(1 / (4 * 0.9 * 0.1), rel=1e-2)


def test_reach__more_days__smaller_effects():
    planned = sizing.success_design(BASE, FIXED)

    found = sizing.reach(planned, FIXED, traffic.flat(1000, days=365), (7, 14, 28), 0.8)

    effects = [each.effect for each in found]
    assert effects == sorted(effects, reverse=True)
    assert design.power(planned, effects[0], 7000) == pytest.approx(0.8, abs=1e-6)


def test_size__window_of_a_week__seven_days_after_the_last_unit_came():
    planned, week = sizing.success_design(BASE, FIXED), Baseline(10.0, 100.0, window_hours=7 * 24 - 1)
    at_once = sizing.size(planned, FIXED, 0.5, traffic.flat(1000, days=365), 0.8)

    found = sizing.size(planned, FIXED, 0.5, traffic.flat(1000, days=365), 0.8, window_days=week.window_days)
    beyond = sizing.size(planned, FIXED, 0.5, traffic.flat(35, days=365), 0.8, window_days=week.window_days)

    assert (found.units, found.first_day) == (at_once.units, at_once.first_day + 7)
    assert 358 * 35 < at_once.units <= 365 * 35
    assert beyond.first_day is None


def test_reach__window_of_a_week__effects_of_units_that_came_a_week_before():
    planned, flat = sizing.success_design(BASE, FIXED), traffic.flat(1000, days=365)

    found = sizing.reach(planned, FIXED, flat, (14, 21), 0.8, window_days=7)

    at_once = sizing.reach(planned, FIXED, flat, (7, 14), 0.8)
    assert [(each.day, each.units) for each in found] == [(14, 7000), (21, 14_000)]
    assert [each.effect for each in found] == [each.effect for each in at_once]


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (13, 16, "13 to 16 days"),
        (7, 7, "7 days"),
        (1, 1, "1 day"),
        (9, None, "9 days or much longer"),
        (None, None, "more than a year"),
    ],
)
def test_span__days__in_words(first, last, words):
    assert sizing.span(first, last) == words


def test_later__three_more_days__narrower_by_the_root_of_the_units():
    found = waiting.later(0.01, STEADY, steps=(0, 3, 14))

    assert [each.half_width for each in found] == pytest.approx(
        [0.01, 0.01 * math.sqrt(14 / 17), 0.01 * math.sqrt(0.5)]
    )


def test_later__traffic_that_dries_up__promises_less():
    dry = waiting.later(0.01, FALLING, steps=(14,))[0]

    assert waiting.later(0.01, STEADY, steps=(14,))[0].half_width < dry.half_width < 0.01


def test_later__nobody_came__nothing_promised():
    assert waiting.later(0.01, []) == []


def test_costs__even_split__factor_one_and_what_chi_square_finds():
    (found,) = splitting.costs(0.5, [("treatment", 0.5)], units=100_000)

    off = found.detectable_points / 100
    n = 100_000
    noncentrality = n * off**2 / (0.5 * 0.5)
    reached = oracle.ncx2.sf(oracle.chi2.isf(0.001, 1), 1, noncentrality)
    assert found.factor == 1
    assert reached == pytest.approx(0.8, abs=0.01)


def test_costs__one_in_ten__nearly_three_times_the_units():
    (found,) = splitting.costs(0.9, [("treatment", 0.1)], units=10_000)

    assert found.factor == pytest.approx(2.778, abs=1e-3)


@pytest.mark.parametrize(("treatments", "share"), [(1, 0.5), (4, 1 / 3)])
def test_best_control_share__more_treatments__larger_than_each_of_them(treatments, share):
    assert splitting.best_control_share(treatments) == pytest.approx(share)
