"""Where units fall: the specification's bytes, exact shares, uniform and independent buckets."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.evaluation import RANGE, bucket, threshold, unit_text
from headway.evaluation.hashing import known_units, thresholds
from tests.core.sdk.brute_force import murmur3_32, unit_of

PUBLISHED = [
    (b"", 0, 0),
    (b"", 1, 0x514E28B7),
    (b"", 0xFFFFFFFF, 0x81F16F39),
    (b"\x00\x00\x00\x00", 0, 0x2362F9DE),
    (b"aaaa", 0x9747B28C, 0x5A97808A),
    (b"abc", 0, 0xB3DD93FA),
    (b"Hello, world!", 0x9747B28C, 0x24884CBA),
    ("ππππππππ".encode(), 0x9747B28C, 0xD58063C1),
]
SALTS = [3, 4, 5, 1_000_000, 2**31, 2**32 - 1]


@pytest.mark.parametrize(("data", "seed", "expected"), PUBLISHED)
def test_oracle__published_vectors__same(data, seed, expected):
    assert murmur3_32(data, seed) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(0, 2**32 - 1))
def test_bucket__any_text_and_salt__same_as_written_out(unit, salt):
    assert bucket(unit, salt) == murmur3_32(unit.encode(), salt)


def test_bucket__half_of_a_surrogate_pair__an_error_and_no_crash():
    with pytest.raises(UnicodeEncodeError):
        bucket("a\ud800b", 1)


@given(st.integers(0, 1_000_000))
def test_threshold__any_share__whole_number_rounded_down(ppm):
    assert threshold(ppm) * 10**6 <= ppm * RANGE < (threshold(ppm) + 1) * 10**6


def test_thresholds__whole_shares__last_ends_at_the_range():
    assert thresholds([333_333, 333_333, 333_334])[-1] == RANGE


@given(st.one_of(st.text(max_size=600), st.integers(), st.floats(), st.binary(), st.none(), st.booleans()))
def test_unit_text__anything__text_or_reason_as_the_reference_says(unit):
    text, fault = unit_text(unit)

    assert text == unit_of(unit)
    assert (text is None) is bool(fault)


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("", "empty"),
        (None, "missing"),
        (1.0, "float"),
        (True, "bool"),
        (b"x", "bytes"),
        ("x" * 513, "longer than 512"),
        (10**600, "longer than 512"),
        ("\udfff", "surrogate"),
    ],
)
def test_unit_text__not_a_unit__says_why(unit, words):
    assert words in unit_text(unit)[1]


def test_unit_text__integer_of_5000_digits__refused_without_writing_it_out():
    assert "longer than 512" in unit_text(-(10**5000))[1]


def test_unit_text__composed_and_decomposed__different_units():
    assert bucket("\u00e9", 7) != bucket("e\u0301", 7)


def test_known_units__more_than_its_room__stays_bounded():
    from headway.evaluation.hashing import is_plain_unit

    for number in range(20_000):
        is_plain_unit(f"bounded-{number}")

    assert len(known_units) <= 16_384


@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("kind", ["user-{}", "{}", "{:032x}"])
def test_bucket__many_units__uniform(salt, kind):
    """Chi-square over 100 equal cells; the limit is the 1 - 1e-6 quantile of 99 degrees of freedom."""
    cells = [0] * 100
    for number in range(20_000):
        cells[bucket(kind.format(number), salt) * 100 // RANGE] += 1

    chi_square = sum((count - 200) ** 2 / 200 for count in cells)

    assert chi_square < 181


def test_bucket__a_thousand_salts__chi_squares_look_like_chance():
    """Over 1,000 flags the mean of a chi-square with 9 degrees of freedom is 9, give or take 0.13."""
    total = 0.0
    for salt in range(1000):
        cells = [0] * 10
        for number in range(500):
            cells[bucket(f"user-{number}", salt) * 10 // RANGE] += 1
        total += sum((count - 50) ** 2 / 50 for count in cells)

    assert abs(total / 1000 - 9) < 0.6


def test_bucket__pairs_of_salts__independent():
    """Correlation of two halves over 20,000 units, for neighbouring and random salts."""
    halves = {
        salt: [bucket(f"user-{number}", salt) < RANGE // 2 for number in range(20_000)]
        for salt in (0, 1, 2, 3, 2**31, 2**31 + 1, 3_405_691_582)
    }

    for left, right in combinations(halves, 2):
        both = sum(a == b for a, b in zip(halves[left], halves[right], strict=True))
        z = (both - 10_000) / math.sqrt(20_000 / 4)
        assert abs(z) < 4.6, (left, right, z)
