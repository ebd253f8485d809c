"""Order statistics from counts per bin are those of the sorted values."""

import math

from hypothesis import given
from hypothesis import strategies as st

from analysis.engines import order_statistics

values = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=60)


def parts_of(values, item, pieces):
    """Rows of (group, item, n) as partitions report them."""
    return [{"arm": [0] * len(part), "x": [item(v) for v in part], "n": [1] * len(part)} for part in pieces]


@given(values=values, pieces=st.integers(1, 5), data=st.data())
def test_values_at__any_values_and_ranks__those_of_the_sorted_list(values, pieces, data):
    ranks = data.draw(st.lists(st.integers(1, len(values)), min_size=1, max_size=5))
    split = [values[i::pieces] for i in range(pieces)]
    bins = order_statistics.merge_counts(
        parts_of(values, lambda v: math.floor(v / 1000), split), ["arm"], "x"
    )

    wanted = order_statistics.wanted_bins(bins, {(0,): ranks})
    kept = [[v for v in part if math.floor(v / 1000) in wanted[0,]] for part in split]
    counts = order_statistics.merge_counts(parts_of(values, lambda v: v, kept), ["arm"], "x")

    found = order_statistics.values_at(bins, counts, {(0,): ranks})[0,]
    assert found == [sorted(values)[rank - 1] for rank in ranks]
