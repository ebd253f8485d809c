"""A/A splits of the same units: honest methods keep their promise, a broken one is found out."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from analysis import rates, resplitting
from analysis.engines.contract import Parts
from analysis.engines.duckdb import DuckDBEngine
from analysis.stats.moments import Moments, merge_all
from tests.core.analysis import store, world

DAY = date(2026, 3, 1)


def parts_of(values, groups=2000):
    """Unit vectors [n, k] dealt to groups."""
    found = np.array_split(values, groups)
    return tuple(Moments.from_rows(rows) for rows in found)


@pytest.fixture(scope="module")
def plan():
    return world.plan("spend", "latency-p90")


def parts(plan, rng, *, spread=1.0):
    before = rng.lognormal(0, 1, 4000)
    spend = np.column_stack([before + rng.normal(0, 1, 4000), before])
    dealt = parts_of(spend)
    if spread != 1.0:
        # What a wrong variance would look like: units that are counted as if they varied less than they do.
        dealt = tuple(replace(part, comoment=part.comoment * spread, mean=part.mean) for part in dealt)
    requests = 1.0 + rng.poisson(4, 4000)
    below = np.column_stack([rng.binomial(requests.astype(int), 0.9), requests])
    stream, share = plan.streams[0], 0.9
    vectors = dict.fromkeys(plan.vectors, dealt)
    return Parts(vectors, {(stream, share): parts_of(below)})


def test_resplit__nothing_differs__shares_are_those_promised(plan):
    nights = resplitting.resplit(plan, parts(plan, np.random.default_rng(1)), day=DAY)

    assert [night.metric for night in nights] == ["spend", "latency-p90"]
    for night in nights:
        found = rates.add_up([(night.metric, night.replicates, night.rejected, night.covered)])[0]
        assert found.is_within
        assert 0.9 < night.variance_ratio < 1.1


def test_resplit__same_night_twice__same_numbers(plan):
    dealt = parts(plan, np.random.default_rng(1))

    first, second, other = (
        resplitting.resplit(plan, dealt, day=day, replicates=50) for day in (DAY, DAY, date(2026, 3, 2))
    )

    assert first == second
    assert first != other


def test_resplit__variance_of_units_understated__out_of_bounds(plan):
    nights = resplitting.resplit(plan, parts(plan, np.random.default_rng(1), spread=0.1), day=DAY)

    found = rates.add_up(
        [(night.metric, night.replicates, night.rejected, night.covered) for night in nights]
    )

    assert [of.is_within for of in found] == [False, True]
    assert found[0].false_positive_share > 0.07


def test_resplit__too_few_units__nothing_said(plan):
    few = parts_of(np.random.default_rng(1).normal(0, 1, (300, 2)), 300)

    assert resplitting.resplit(plan, Parts(dict.fromkeys(plan.vectors, few), {}), day=DAY) == []


def test_deck__any_split__merges_as_moments_do():
    values = np.random.default_rng(3).normal(1e6, 1, (600, 2))
    groups = parts_of(values, 100)

    first, second = resplitting.Deck.of(groups).deal(np.random.default_rng(0))

    assert first.n + second.n == 600
    whole = merge_all([first, second])
    expected = Moments.from_rows(values)
    np.testing.assert_allclose(whole.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(whole.comoment, expected.comoment, rtol=1e-8)


def test_parts__of_an_engine__are_the_units_that_a_look_enrols(tmp_path):
    files = store.write(tmp_path, *world.rows())
    plan, engine = world.plan("spend", "latency-p90"), DuckDBEngine(tmp_path, rows_per_partition=200)
    readings = engine.read(plan, files, {})

    dealt = [engine.parts(plan, files, {}, deal=deal) for deal in range(3)]

    vector = plan.vectors[0]
    both = merge_all(of for group, of in readings.moments[vector].items() if not group.dimension)
    for of in dealt:
        whole = merge_all(of.moments[vector])
        assert whole.n == both.n
        np.testing.assert_allclose(whole.mean, both.mean, rtol=1e-12)
        np.testing.assert_allclose(whole.comoment, both.comoment, rtol=1e-10)
        [below] = of.below.values()
        whole = merge_all(below)
        assert 0.9 <= whole.mean[0] / whole.mean[1] < 0.91
    sizes = [sorted(part.n for part in of.moments[vector]) for of in dealt]
    assert all(max(size) <= 4 for size in sizes)


@pytest.mark.parametrize(
    ("rejected", "covered", "is_within"),
    [(50, 950, True), (75, 925, True), (110, 890, False), (10, 990, False)],
)
def test_rates__shares_of_a_thousand_splits__judged_by_their_band(rejected, covered, is_within):
    [found] = rates.add_up(
        [
            ("spend", 500, rejected // 2, covered // 2),
            ("spend", 500, rejected - rejected // 2, covered - covered // 2),
        ]
    )

    assert (found.nights, found.replicates) == (2, 1000)
    assert found.is_within is is_within
    assert found.false_positive_band[0] < rejected / 1000 < found.false_positive_band[1]
