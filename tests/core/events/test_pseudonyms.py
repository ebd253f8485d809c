"""Unit ids as keyed hashes."""

from collections import Counter

from events import pseudonyms
from events.layout import BUCKETS, bucket_of
from events.pseudonyms import Pseudonyms

NAMES = Pseudonyms(b"k" * 32)


def test_unit__same_id__same_number_also_when_forgotten_in_between(monkeypatch):
    monkeypatch.setattr(pseudonyms, "REMEMBERED", 2)
    names = Pseudonyms(b"k" * 32)
    first = [names.unit("user", str(n)) for n in range(10)]

    assert (
        [names.unit("user", str(n)) for n in range(10)]
        == first
        == [NAMES.unit("user", str(n)) for n in range(10)]
    )


def test_unit__other_key_type_or_kind_of_id__other_number():
    numbers = {
        NAMES.unit("user", "7"),
        Pseudonyms(b"j" * 32).unit("user", "7"),
        NAMES.unit("device", "7"),
        NAMES.session("7"),
        NAMES.session("user\x007"),
    }

    assert len(numbers) == 5


def test_unit__number__fits_a_signed_64_bit_column():
    numbers = [NAMES.unit("user", str(n)) for n in range(1_000)]

    assert min(numbers) < 0 < max(numbers)
    assert all(-(2**63) <= number < 2**63 for number in numbers)


def test_bucket__ten_thousand_units__spread_evenly():
    counts = Counter(bucket_of(NAMES.unit("user", f"user-{n}")) for n in range(10_000))

    assert len(counts) == BUCKETS
    assert 500 < min(counts.values()) <= max(counts.values()) < 760


def test_representation__any__does_not_show_the_key():
    assert "kkk" not in repr(NAMES)
