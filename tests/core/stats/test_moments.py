"""Moments: the numbers are right for hard data, and merging never changes them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.stats.moments import Moments, merge_all
from analysis.stats.results import InvalidInput

ROWS = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=40
)


def exact_comoment(rows, i, j):
    """Brute force in rational numbers: no rounding at all."""
    columns = [[Fraction(row[k]) for row in rows] for k in (i, j)]
    first, second = (sum(column) / len(column) for column in columns)
    return float(sum((a - first) * (b - second) for a, b in zip(*columns, strict=True)))


def assert_same(first: Moments, second: Moments, scale: float) -> None:
    assert first.n == second.n
    assert_allclose(first.mean, second.mean, rtol=1e-12, atol=1e-12 * scale)
    assert_allclose(first.comoment, second.comoment, rtol=1e-10, atol=1e-12 * scale**2 * first.n)


@given(rows=ROWS)
def test_moments__from_rows__match_exact_arithmetic(rows):
    moments = Moments.from_rows(rows)

    scale = max(1.0, np.abs(rows).max())
    for i in range(3):
        for j in range(3):
            expected = exact_comoment(rows, i, j)
            assert moments.comoment[i, j] == pytest.approx(expected, rel=1e-9, abs=1e-12 * scale**2)


@given(parts=st.lists(ROWS, min_size=2, max_size=5))
def test_moments__split_any_way__same_as_whole(parts):
    whole = Moments.from_rows([row for part in parts for row in part])
    scale = max(1.0, max(abs(value) for part in parts for row in part for value in row))

    added = sum((Moments.from_rows(part) for part in parts), Moments.empty(3))

    assert_same(added, whole, scale)
    assert_same(merge_all(Moments.from_rows(part) for part in parts), whole, scale)


@settings(max_examples=50)
@given(parts=st.lists(ROWS, min_size=2, max_size=6), seed=st.integers(0, 2**32 - 1))
def test_merge_all__parts_in_another_order__same_bits(parts, seed):
    moments = [Moments.from_rows(part) for part in parts]
    order = np.random.default_rng(seed).permutation(len(moments))

    first, second = merge_all(moments), merge_all([moments[i] for i in order])

    assert first.n == second.n
    assert (first.mean == second.mean).all()
    assert (first.comoment == second.comoment).all()


def test_merge_all__other_order_and_other_split__same_to_twelve_digits():
    rng = np.random.default_rng(5)
    rows = np.column_stack([rng.lognormal(6, 1, 20_000), rng.poisson(3, 20_000)])
    reference = merge_all(Moments.from_rows(part) for part in np.array_split(rows, 16))

    for pieces in (1, 3, 64):
        shuffled = rng.permutation(rows)
        other = merge_all(Moments.from_rows(part) for part in np.array_split(shuffled, pieces))

        assert_allclose(other.mean, reference.mean, rtol=1e-12)
        assert_allclose(other.comoment, reference.comoment, rtol=1e-12)


def test_variance__mean_a_billion_times_the_spread__right_to_a_millionth():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, 10_000)
    values = 1e9 + noise
    expected = float(np.var((values - 1e9), ddof=1))

    assert Moments.from_rows(values).variance() == pytest.approx(expected, rel=1e-6)
    parts = [Moments.from_rows(part) for part in np.array_split(values, 50)]
    assert merge_all(parts).variance() == pytest.approx(expected, rel=1e-6)
    assert sum(parts, Moments.empty(1)).variance() == pytest.approx(expected, rel=1e-6)


def test_from_aggregates__sample_moments__same_as_rows():
    rows = np.random.default_rng(2).normal(size=(100, 3)) @ np.array([[1, 0.5, 0], [0, 1, 2], [0, 0, 3]])
    covariance = np.cov(rows.T)

    pairs = {(i, j): covariance[i, j] for i in range(3) for j in range(i + 1, 3)}
    moments = Moments.from_aggregates(100, rows.mean(axis=0).tolist(), covariance.diagonal().tolist(), pairs)

    expected = Moments.from_rows(rows)
    assert_allclose(moments.comoment, expected.comoment, rtol=1e-10)
    assert_allclose(moments.covariance_matrix, covariance, rtol=1e-10)
    assert moments.covariance(0, 2) == pytest.approx(covariance[0, 2])


def test_from_aggregates__nulls_of_sql_for_one_row_and_none__read_as_zero():
    one = Moments.from_aggregates(1, [3.0], [None])
    none = Moments.from_aggregates(0, [None], [None])

    assert (one.n, one.mean[0], one.variance()) == (1, 3.0, 0.0)
    assert (none.n, none.mean[0]) == (0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((5, [None], [1.0]), "means"),
        ((5, [1.0], [None]), "variances"),
        ((5, [1.0], [-1.0]), "variances[0]"),
        ((5, [float("nan")], [1.0]), "means"),
        ((5, [1.0, 2.0], [1.0, 1.0]), "covariances"),
        ((-1, [1.0], [0.0]), "n"),
    ],
)
def test_from_aggregates__impossible_aggregates__refused_by_name(arguments, field):
    with pytest.raises(InvalidInput) as caught:
        Moments.from_aggregates(*arguments)

    assert caught.value.field == field


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_from_rows__missing_or_infinite_value__refused(bad):
    with pytest.raises(InvalidInput, match="finite"):
        Moments.from_rows([1.0, bad])


def test_add__vectors_of_different_width__refused():
    with pytest.raises(InvalidInput, match="different vectors"):
        _ = Moments.empty(1) + Moments.empty(2)
    with pytest.raises(InvalidInput, match="different vectors"):
        merge_all([Moments.empty(1), Moments.empty(2)])
    with pytest.raises(InvalidInput, match="nothing to merge"):
        merge_all([])


def test_select__columns_in_another_order__their_moments():
    rows = np.random.default_rng(3).normal(size=(50, 3))

    chosen = Moments.from_rows(rows).select([2, 0])

    expected = Moments.from_rows(rows[:, [2, 0]])
    assert_allclose(chosen.mean, expected.mean)
    assert_allclose(chosen.comoment, expected.comoment)


def test_append_constants__units_without_pre_period__as_if_filled_with_it():
    rows = np.random.default_rng(4).normal(size=(50, 1))
    known = Moments.from_rows(np.random.default_rng(5).normal(size=(30, 2)))

    filled = merge_all([known, Moments.from_rows(rows).append_constants([0.25])])

    expected = known + Moments.from_rows(np.column_stack([rows, np.full(50, 0.25)]))
    assert_allclose(filled.comoment, expected.comoment, atol=1e-12)


def test_combination_variance__proportional_columns__exactly_zero():
    y = np.random.default_rng(6).normal(10, 1, 100)
    moments = Moments.from_rows(np.column_stack([3.7 * y, y]))

    assert moments.combination_variance([1.0, -3.7]) == 0.0
    assert moments.combination_variance([1.0, -3.6]) == pytest.approx(0.01 * np.var(y, ddof=1), rel=1e-9)


def test_to_dict__and_back__same_moments():
    moments = Moments.from_rows(np.random.default_rng(7).normal(size=(9, 2)))

    again = Moments.from_dict(moments.to_dict())

    assert again.n == 9
    assert (again.comoment == moments.comoment).all()
    assert (again.mean == moments.mean).all()


def test_moments__shapes_that_do_not_fit__refused():
    with pytest.raises(InvalidInput, match="shapes"):
        Moments(3, np.zeros(2), np.zeros((3, 3)))


def test_from_events__same_as_rows_and_refused_when_impossible():
    rows = Moments.from_rows(np.r_[np.ones(3), np.zeros(17)])

    found = Moments.from_events(3, 20)

    assert (found.n, found.mean[0]) == (rows.n, pytest.approx(rows.mean[0]))
    assert found.variance() == pytest.approx(rows.variance(), rel=1e-12)
    assert Moments.from_events(0, 0).n == 0
    for events, trials in ((4, 3), (-1, 3)):
        with pytest.raises(InvalidInput, match="between 0 and the trials"):
            Moments.from_events(events, trials)
