"""The log histogram: within one percent, adds exactly, survives storage; quantiles against counting."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats.moments import Moments
from analysis.stats.quantiles import LogHistogram, QuantileStat, quantile_stats
from analysis.stats.results import InvalidInput

DURATIONS = st.lists(st.floats(0, 1e7).filter(lambda x: x == 0 or x > 1e-6), min_size=1, max_size=200)


@given(values=DURATIONS, q=st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99]))
def test_log_histogram__any_durations__quantile_within_one_percent(values, q):
    found = LogHistogram.of(values).quantile(q)

    assert found == pytest.approx(np.quantile(values, q, method="inverted_cdf"), rel=0.01)


@given(parts=st.lists(DURATIONS, min_size=1, max_size=4))
def test_log_histogram__parts_added__same_as_whole(parts):
    merged = sum((LogHistogram.of(part) for part in parts), LogHistogram())

    whole = LogHistogram.of([value for part in parts for value in part])
    assert merged.to_dict() == whole.to_dict()
    assert merged.n == sum(len(part) for part in parts)


def test_log_histogram__stored_as_json__comes_back():
    histogram = LogHistogram.of([0.0, 0.5, 120.0, 121.0, 9000.0])

    assert LogHistogram.from_dict(json.loads(json.dumps(histogram.to_dict()))) == histogram


def test_log_histogram__empty__no_quantile():
    assert LogHistogram().quantile(0.5) is None


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_log_histogram__no_duration__refused(bad):
    with pytest.raises(InvalidInput, match="durations"):
        LogHistogram.of([1.0, bad])


def test_log_histogram__percentile_instead_of_share__refused():
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        LogHistogram.of([1.0]).quantile(95)


def test_quantile_stat__users_in_any_order_and_numbering__same():
    rng = np.random.default_rng(1)
    values, users = rng.exponential(size=500), rng.integers(0, 80, 500)
    order = rng.permutation(500)

    first = QuantileStat.from_sessions(values, users, 0.9)
    second = QuantileStat.from_sessions(values[order], users[order] * 7 + 3, 0.9)

    assert (first.lower, first.value, first.upper) == (second.lower, second.value, second.upper)
    assert first.cluster.comoment == pytest.approx(second.cluster.comoment, rel=1e-12)
    assert first.cluster.mean[0] * first.cluster.n == pytest.approx(np.sum(values <= first.value))


@pytest.mark.parametrize("as_ids", [lambda u: u, lambda u: u * 2**40 - 7, lambda u: [f"user {x}" for x in u]])
def test_quantile_stats__several_at_once__same_as_by_hand_whatever_the_ids(as_ids):
    rng = np.random.default_rng(6)
    users, values = rng.integers(3, 900, 4000), np.round(rng.lognormal(6, 1, 4000))

    found = quantile_stats(values, as_ids(users), (0.5, 0.95))

    for stat, q in zip(found, (0.5, 0.95), strict=True):
        value = np.sort(values)[int(np.ceil(4000 * q)) - 1]
        rows = [(sum(values[users == u] <= value), sum(users == u)) for u in np.unique(users)]
        oracle = Moments.from_rows(np.array(rows, dtype=float))
        assert (stat.value, stat.q, stat.n) == (value, q, 4000)
        assert stat.cluster.n == oracle.n
        assert stat.cluster.mean == pytest.approx(oracle.mean)
        assert stat.cluster.comoment == pytest.approx(oracle.comoment)


def test_quantile_stat__no_sessions_or_nan__refused():
    with pytest.raises(InvalidInput, match="values"):
        QuantileStat.from_sessions([], [], 0.5)
    with pytest.raises(InvalidInput, match="values"):
        QuantileStat.from_sessions([1.0, float("nan")], [1, 2], 0.5)
