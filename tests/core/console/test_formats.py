"""Numbers, times and durations read the same on every page."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from config import formats


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (1234567, "1,234,567"), (-1234, "−1,234"), (12.6, "13")]
)
def test_count__any__separators_and_true_minus(value, shown):
    assert formats.count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0\u202f%"),
        (1, "0.0001\u202f%"),
        (100, "0.01\u202f%"),
        (125_000, "12.5\u202f%"),
        (1_000_000, "100\u202f%"),
    ],
)
def test_ppm__any__no_digit_that_says_nothing(value, shown):
    assert formats.ppm(value) == shown


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=2, seconds=5), "2 min 5 s"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=13, hours=4, minutes=59), "13 d 4 h"),
        (timedelta(days=1, minutes=3), "1 d"),
    ],
)
def test_duration__any__the_two_largest_units(span, shown):
    assert formats.duration(span) == shown


def test_moment__other_zone__shown_in_utc():
    at = datetime(2026, 3, 4, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert formats.moment(at) == "2026-03-03 23:30 UTC"
    assert formats.moment(at.astimezone(UTC)) == formats.moment(at)


def test_share__per_cent_with_one_digit():
    assert formats.share(0.1254) == "12.5\u202f%"
