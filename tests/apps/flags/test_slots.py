"""Slots of a layer: what is placed lies in what was free and never overlaps."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flags.slots import WHOLE_PPM, Slots, free, place

shares = st.lists(st.integers(1, 400_000), max_size=12)


def owners(requested):
    """Ranges given out one after the other, as a layer does."""
    taken = []
    for share in requested:
        taken.extend(place(taken, share))
    return taken


def test_free__nothing_taken__whole_layer():
    assert free([]) == (Slots(0, WHOLE_PPM),)


def test_free__touching_ranges__no_gap_between():
    assert free([Slots(0, 100), Slots(100, 300)]) == (Slots(300, WHOLE_PPM),)


def test_place__gap_large_enough__one_range_in_the_lowest():
    taken = [Slots(0, 100_000), Slots(150_000, 300_000)]

    assert place(taken, 50_000) == (Slots(100_000, 150_000),)
    assert place(taken, 50_001) == (Slots(300_000, 350_001),)


def test_place__no_gap_large_enough__several_ranges():
    taken = [Slots(100_000, 500_000), Slots(600_000, 950_000)]

    assert place(taken, 220_000) == (
        Slots(0, 100_000),
        Slots(500_000, 600_000),
        Slots(950_000, 970_000),
    )


def test_place__more_than_free__nothing():
    assert place([Slots(0, 999_999)], 2) == ()
    assert place([Slots(0, 999_999)], 1) == (Slots(999_999, WHOLE_PPM),)


@given(requested=shares)
def test_place__any_requests__disjoint_and_adding_up(requested):
    taken = sorted(owners(requested))

    assert all(left.high <= right.low for left, right in pairwise(taken))
    given_out = sum(slots.share_ppm for slots in taken)
    assert given_out + sum(gap.share_ppm for gap in free(taken)) == WHOLE_PPM


@given(requested=shares, share=st.integers(1, WHOLE_PPM))
def test_place__any_layer__exactly_the_share_or_nothing(requested, share):
    taken = owners(requested)
    room = WHOLE_PPM - sum(slots.share_ppm for slots in taken)

    placed = place(taken, share)

    assert sum(slots.share_ppm for slots in placed) == (share if share <= room else 0)
