"""Two experiments on the same units: the cells that the engine reads, and the interaction made of them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import statsmodels.api as sm

from analysis import interactions, pairs
from analysis.engines.contract import Group
from analysis.engines.duckdb import DuckDBEngine
from analysis.interactions import Pair
from analysis.plan import analysis_plan
from analysis.stats.results import NotEstimable, Why
from experiments.plan import Role
from metrics.definitions import Direction, Kind
from tests.core.analysis import store
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.store import START, at
from tests.core.analysis.world import definition

END = at(24 * 10)
ORDERS = definition("orders", Kind.COUNT, "purchase", direction=Direction.UP, covariate_days=3)
P50 = definition("latency", Kind.QUANTILE, "request", quantile=0.5)
BOUND = (binding(ORDERS, Role.PRIMARY), binding(P50, Role.GUARDRAIL, version_id=2))


def plan(key, **changes):
    settings = {"started_at": START, "stopped_at": END, "bindings": BOUND, "planned_units": None}
    return locked_plan(experiment=key, **{**settings, **changes})


def pair(one=None, other=None, until=END):
    plans = [one or plan("speed"), other or plan("price")]
    return Pair(*plans, *(analysis_plan(each, until=until) for each in plans))


def planted(units=2000, *, seed=3, extra=0.0):
    """Rows of units in both experiments, and by unit (arm in one, arm in the other, orders after both).

    Each change adds half an order; both together `extra` more.
    """
    random = np.random.default_rng(seed)
    exposures, events, expected = [], [], {}
    for number in range(units):
        unit = (1_000_003 + number * 7919) * store.BUCKETS + number % 2
        arms = random.integers(0, 2, 2)
        times = [at(float(hour)) for hour in random.uniform(1, 100, 2)]
        for key, arm, time in zip(("speed", "price"), arms, times, strict=True):
            exposures.append(store.exposure(unit, ("off", "on")[arm], time, experiment=key))
        rate = 1.0 + 0.5 * arms.sum() + extra * arms.prod()
        after = random.poisson(rate)
        events += [
            store.event(unit, "purchase", max(times) + timedelta(minutes=i), 1.0) for i in range(after)
        ]
        # Between the two exposures: before the unit was in both, so it must not count.
        events.append(store.event(unit, "purchase", max(times) - timedelta(seconds=1), 1.0))
        speed = float(random.lognormal(5, 0.4)) * (1 + 0.2 * arms.prod())
        events += [
            store.event(unit, "request", max(times) + timedelta(minutes=i), speed + i) for i in range(3)
        ]
        expected[unit] = (*arms, after)
    return exposures, events, expected


def read(folder, of, rows, **options):
    plan_of_cells = interactions.cells(of)
    files = store.write(folder, *rows)
    engine = DuckDBEngine(folder, **{"rows_per_partition": 5000, **options})
    readings = engine.crossed(plan_of_cells, of.one_read, of.other_read, files)
    return readings, interactions.judge(of, plan_of_cells, readings)


@pytest.fixture(scope="module")
def rows():
    return planted(extra=0.6)


@pytest.fixture(scope="module")
def found(tmp_path_factory, rows):
    return read(tmp_path_factory.mktemp("store"), pair(), rows[:2])


def test_cells__every_unit_of_both__by_its_two_arms_with_what_it_did_since_it_is_in_both(found, rows):
    readings, judged = found
    arms = np.array(list(rows[2].values()))

    assert judged.units == {
        pairs.cell(("control", "treatment")[a], ("control", "treatment")[b]): int(
            ((arms[:, 0] == a) & (arms[:, 1] == b)).sum()
        )
        for a in (0, 1)
        for b in (0, 1)
    }
    [of_group] = [of for vector, of in readings.moments.items()]
    for name, count in judged.units.items():
        a, b = (part == "treatment" for part in name.split(" × "))
        of_cell = arms[(arms[:, 0] == a) & (arms[:, 1] == b), 2]
        assert of_group[Group(name)].n == count
        assert of_group[Group(name)].mean[0] == pytest.approx(of_cell.mean(), rel=1e-12)


def test_interaction__of_a_mean__that_of_the_saturated_regression_with_hc2(found, rows):
    one, other, orders = np.array(list(rows[2].values())).T
    design = np.column_stack([np.ones(len(one)), one, other, one * other])
    expected = sm.OLS(orders, design).fit(cov_type="HC2")
    [line] = [line for line in found[1].lines if line.metric == "orders"]

    assert line.alone.estimate == pytest.approx(expected.params[1], rel=1e-9)
    assert line.beside.estimate == pytest.approx(expected.params[1] + expected.params[3], rel=1e-9)
    assert line.interaction.estimate == pytest.approx(expected.params[3], rel=1e-9)
    assert line.interaction.standard_error == pytest.approx(expected.bse[3], rel=1e-9)
    assert 0.6 in line.interaction.confidence_interval
    assert line.interaction.rejects


def test_interaction__of_a_quantile__found_where_it_was_planted(found):
    [line] = [line for line in found[1].lines if line.metric == "latency"]

    assert line.interaction.estimate == pytest.approx(0.2 * np.exp(5), rel=0.6)
    assert line.interaction.rejects


def test_pair__both_ways_round__same_interaction(tmp_path, found, rows):
    turned = pair(plan("price"), plan("speed"))

    again = read(tmp_path, turned, rows[:2], rows_per_partition=10**9)[1]

    for first, second in zip(found[1].lines, again.lines, strict=True):
        assert second.interaction.estimate == pytest.approx(first.interaction.estimate, rel=1e-9)
        assert second.interaction.standard_error == pytest.approx(first.interaction.standard_error, rel=1e-9)


def test_pair__while_one_runs__the_interval_holds_at_every_look(tmp_path, found, rows):
    running = read(tmp_path, pair(plan("speed", stopped_at=None)), rows[:2])[1]

    assert (running.inference.value, found[1].inference.value) == ("always_valid", "fixed")
    for wide, narrow in zip(running.lines, found[1].lines, strict=True):
        assert wide.interaction.estimate == pytest.approx(narrow.interaction.estimate, rel=1e-12)
        assert (
            wide.interaction.confidence_interval.half_width
            > narrow.interaction.confidence_interval.half_width
        )


def test_pair__effects_that_add_up__each_found_and_no_interaction(tmp_path):
    judged = read(tmp_path, pair(), planted(1500, seed=5)[:2])[1]

    [line] = [line for line in judged.lines if line.metric == "orders"]

    assert (line.alone.rejects, line.beside.rejects, line.interaction.rejects) == (True, True, False)
    assert 0 in line.interaction.confidence_interval


def test_pair__units_left_out_by_one__in_no_cell(tmp_path, rows):
    exposures, events, expected = rows
    crossed, forced, strange = list(expected)[:3]
    other = {"off": "on", "on": "off"}
    changed = [
        {**row, "forced": row["unit"] == forced}
        | ({"variant": "sideways"} if row["unit"] == strange and row["experiment"] == "price" else {})
        for row in exposures
    ]
    changed += [
        {**row, "variant": other[row["variant"]], "ts": row["ts"] + timedelta(hours=1)}
        for row in exposures
        if row["unit"] == crossed and row["experiment"] == "speed"
    ]
    alone = store.exposure(store.BUCKETS, "on", at(5), experiment="speed")

    judged = read(tmp_path, pair(), ([*changed, alone], events))[1]

    assert sum(judged.units.values()) == len(expected) - 3
    assert judged.left_out == 3


def test_pair__one_changes_who_gets_into_the_other__not_comparable(tmp_path, rows, found):
    exposures, events, expected = rows
    lost = {unit for number, unit in enumerate(expected) if expected[unit][0] == 1 and number % 2}
    seen = [row for row in exposures if not (row["experiment"] == "price" and row["unit"] in lost)]

    judged = read(tmp_path, pair(), (seen, events))[1]

    assert judged.is_skewed
    assert judged.p_value < 0.001
    assert not found[1].is_skewed


def test_pair__hardly_anybody_in_both__named(tmp_path):
    few = read(tmp_path / "few", pair(), planted(200)[:2])[1]
    nobody = read(tmp_path / "nobody", pair(), ([], []))[1]

    assert {line.interaction for line in few.lines} == {NotEstimable(Why.TOO_FEW_UNITS)}
    assert {line.interaction.why for line in nobody.lines} == {Why.NO_UNITS}
    assert nobody.p_value is None


def test_pair__three_arms__every_pair_of_treatments(tmp_path, rows):
    arms = plan("speed").arms
    third = replace(arms[1], key="other", variant="other")

    judged = read(tmp_path, pair(plan("speed", arms=(*arms, third))), rows[:2])[1]

    assert [(line.metric, line.one_arm) for line in judged.lines] == [
        (metric, arm) for metric in ("orders", "latency") for arm in ("treatment", "other")
    ]
    assert judged.is_skewed


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ({}, {"experiment": "speed"}, "twice"),
        ({"started_at": None}, {}, "have to have started"),
        ({"source": "warehouse"}, {}, "outside of Headway's event store"),
        ({}, {"unit_type": "device"}, "different units"),
        ({"layer": "checkout"}, {"layer": "checkout"}, "layer checkout"),
        ({}, {"bindings": (binding(ORDERS, version_id=9),)}, "no metric in the same version"),
        ({}, {"started_at": END, "stopped_at": END + timedelta(days=1)}, "same time"),
    ],
)
def test_why_not__pairs_that_have_nothing_in_common__named(one, other, said):
    plans = replace(plan("speed"), **one), replace(plan("price"), **other)

    assert said in pairs.why_not(*plans, cut=END + timedelta(days=9))
    assert pairs.why_not(plan("speed"), plan("price"), cut=END) == ""
