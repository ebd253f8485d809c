"""Rounding follows the interval: two digits on its half-width, the same decimals for point and ends."""

import math

import pytest

from analysis.report import numbers, units
from analysis.report.numbers import Unit, for_interval, for_values
from tests.core.report.build import definition, latency

PLAIN = Unit("x")


@pytest.mark.parametrize(
    ("point", "low", "high", "expected"),
    [
        (42.0, 18.2, 65.8, ("42", "18", "66")),
        (0.9, 0.2, 1.6, ("0.90", "0.20", "1.60")),
        (0.034, -0.946, 1.014, ("0.03", "−0.95", "1.01")),
        (1234.5, 1010.0, 1459.0, ("1,230", "1,010", "1,460")),
        (0.0, -1e-9, 1e-9, ("0.0 × 10⁻⁹", "−1.0 × 10⁻⁹", "1.0 × 10⁻⁹")),
        (2e15, 1e15, 3e15, ("2.0 × 10¹⁵", "1.0 × 10¹⁵", "3.0 × 10¹⁵")),
    ],
)
def test_interval__any_size__two_digits_on_the_half_width(point, low, high, expected):
    written = for_interval(PLAIN, point, low, high)

    assert tuple(written.text(value).replace("\u202f", " ") for value in (point, low, high)) == expected


def test_half_width__rounds_up_to_the_next_power__loses_a_decimal():
    assert for_interval(PLAIN, 0.0, -0.0996, 0.0996).text(0.0996) == "0.10"


@pytest.mark.parametrize("end", [math.inf, -math.inf, math.nan])
def test_number__not_finite__unbounded(end):
    assert for_values(PLAIN, [1.0]).text(end) == "unbounded"


def test_interval__unbounded__digits_of_the_point():
    assert for_interval(PLAIN, 0.123456, -math.inf, math.inf).text(0.123456) == "0.123"


@pytest.mark.parametrize("size", [5e-324, 1e-310])
def test_number__too_small_for_a_power_of_ten__zero(size):
    assert for_values(PLAIN, [size]).text(size) in {"0", "0.000000"}
    assert for_interval(PLAIN, size, -size, size).text(size) in {"0", "0.000000"}


def test_negative_zero__written__no_minus():
    assert for_interval(PLAIN, -0.001, -3.0, 3.0).text(-0.001, sign=True) == "0.0"


def test_milliseconds__above_hundred__no_decimals():
    written = for_interval(units.of_value(latency()), 812.4, 811.9, 812.9)

    assert written.text(812.4) == "812\u202fms"


def test_share__written__as_per_cent_and_its_difference_in_points():
    share = definition(unit="share")

    assert for_values(units.of_value(share), [0.0312]).text(0.0312) == "3.12\u202f%"
    assert for_values(units.of_difference(share), [0.0012]).text(0.0012) == "0.120\u202fpoints"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (21_000_000, 108_000_000, "+$0.21M to +$1.08M"),
        (-151_000_000, -38_000_000, "−$1.51M to −$0.38M"),
        (-12_300, 45_600, "−$120 to +$460"),
        (0, 0, "$0 to $0"),
    ],
)
def test_money__a_range__short_with_signs(low, high, expected):
    assert numbers.money(low, high, "USD") == expected


def test_money__other_currency__named():
    assert numbers.money(100_000, 300_000, "CHF") == "+1.0k\u202fCHF to +3.0k\u202fCHF"


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0312, "0.031"), (0.00001, "< 0.0001"), (1.0, "1.0"), (0.0, "< 0.0001")]
)
def test_p_value__any_size__two_digits(value, expected):
    assert numbers.p_value(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(412300, "412,300"), (0, "0"), (2.5, "2.50"), (1234567.25, "1,234,567")]
)
def test_count__written__whole_with_separators(value, expected):
    assert numbers.count(value) == expected
