"""The engine against a row-by-row computation on the same rows, and against itself on other orders."""

import random
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from analysis.engines.contract import Arrivals, EngineFailure, Group, StoreFiles
from analysis.engines.duckdb import DuckDBEngine
from analysis.plan import planned_metric
from analysis.stats.quantiles import QuantileStat
from metrics.definitions import Kind
from tests.core.analysis import brute_force, store, world
from tests.core.analysis.conformance import assert_conforms
from tests.core.analysis.store import at, event, exposure

ARMS = ("control", "treatment")
SUMMED = [key for key, of in world.DEFINITIONS.items() if of.kind is not Kind.QUANTILE]


@pytest.fixture(scope="module")
def rows():
    return world.rows()


@pytest.fixture(scope="module")
def readings(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    return read(folder, *rows)


def read(folder, exposures, events, plan=None, rows_per_partition=200, **options):
    files = store.write(folder, exposures, events, **options)
    return DuckDBEngine(folder, rows_per_partition=rows_per_partition).read(plan or world.plan(), files, {})


def test_enrolment__every_oddity__same_as_row_by_row(rows, readings):
    units, left_out = brute_force.enrolled(world.plan(), rows[0])

    enrolment = readings.enrolment

    for arm in ARMS:
        assert enrolment.units[Group(arm)] == sum(of == arm for of, _ in units.values())
        days = [first["ts"].date() for of, first in units.values() if of == arm]
        assert {day: n for (day, of), n in enrolment.by_day.items() if of == arm} == {
            day: days.count(day) for day in days
        }
    assert {name: getattr(enrolment, name) for name in left_out} == left_out
    assert min(left_out[name] for name in ("crossovers", "unplanned", "forced")) > 0


@pytest.mark.parametrize("key", SUMMED)
@pytest.mark.parametrize("is_capped", [True, False])
def test_moments__metric_of_any_kind__same_as_row_by_row(rows, readings, key, is_capped):
    definition = world.DEFINITIONS[key]
    values, units = brute_force.vectors(world.plan(), definition, *rows, cap=is_capped)
    planned = planned_metric(definition)
    vector = planned.vector if is_capped else planned.uncapped or planned.vector

    for arm in ARMS:
        n, mean, comoment = brute_force.moments([values[unit] for unit in units if units[unit][0] == arm])

        found = readings.moments[vector][Group(arm)]
        assert found.n == n
        np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
        np.testing.assert_allclose(found.comoment, comoment, rtol=1e-11, atol=1e-12 * comoment.max())


@pytest.mark.parametrize("level", ["ios", "android", "web", "(none)"])
def test_moments__slice__only_units_first_exposed_there(rows, readings, level):
    definition = world.DEFINITIONS["spend"]
    values, units = brute_force.vectors(world.plan(), definition, *rows)
    levels = {unit: first["dims"].get("device", "(none)") for unit, (_, first) in units.items()}
    members = [values[u] for u in units if units[u][0] == "treatment" and levels[u] == level]
    n, mean, comoment = brute_force.moments(members)

    group = Group("treatment", "device", level)
    found = readings.moments[planned_metric(definition).vector][group]

    assert found.n == n == readings.enrolment.units[group]
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.comoment, comoment, rtol=1e-11)


def test_active__units_with_an_event__counted(rows, readings):
    definition = world.DEFINITIONS["buyers"]
    values, units = brute_force.vectors(world.plan(), definition, *rows)

    active = readings.active[planned_metric(definition).vector]

    for arm in ARMS:
        assert active[Group(arm)] == sum(values[u][0] for u in units if units[u][0] == arm)


@pytest.mark.parametrize("share", [0.5, 0.75, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("arm", ARMS)
def test_quantile__any_share__same_as_sorting_all_events(rows, readings, arm, share):
    definition = world.DEFINITIONS["latency-p90"]
    expected = quantile_by_sorting(definition, rows, share, lambda of, first: of == arm)

    found = readings.quantiles[planned_metric(definition).stream, share][Group(arm)]

    assert_same_quantile(found, expected)


def test_quantile__slice__ranks_of_that_slice(rows, readings):
    definition = world.DEFINITIONS["latency-p90"]
    is_member = lambda of, first: of == "control" and first["dims"].get("device") == "web"  # noqa: E731
    expected = quantile_by_sorting(definition, rows, 0.9, is_member)

    found = readings.quantiles[planned_metric(definition).stream, 0.9][Group("control", "device", "web")]

    assert_same_quantile(found, expected)


def quantile_by_sorting(definition, rows, share, is_member):
    exposures, events = rows
    plan = world.plan()
    units, _ = brute_force.enrolled(plan, exposures)
    values, users = [], []
    for unit, (arm, first) in units.items():
        if is_member(arm, first):
            own = [row for row in events if row["unit"] == unit]
            counted = brute_force.events_of(plan, first["ts"], definition.source, own)
            values += [row["value"] for row in counted if row["value"] is not None]
            users += [unit] * (len(values) - len(users))
    return QuantileStat.from_sessions(values, users, share)


def assert_same_quantile(found, expected):
    assert (found.n, found.q, found.value) == (expected.n, expected.q, expected.value)
    assert (found.lower, found.upper, found.cluster.n) == (expected.lower, expected.upper, expected.cluster.n)
    np.testing.assert_allclose(found.cluster.mean, expected.cluster.mean, rtol=1e-12)
    np.testing.assert_allclose(found.cluster.comoment, expected.cluster.comoment, rtol=1e-11)


def test_caps__found_in_the_data__used_for_both_arms_and_kept(rows, readings, tmp_path):
    metric = planned_metric(world.DEFINITIONS["spend"])
    plan = world.plan("spend")
    files = store.write(tmp_path, *rows)
    entry = metric.vector.value

    frozen = DuckDBEngine(tmp_path).read(plan, files, {entry: 3.0})

    assert readings.caps[entry] > 3.0
    assert frozen.caps[entry] == 3.0
    assert frozen.moments[metric.vector][Group("control")].mean[0] < 3.0
    assert frozen.caps[metric.vector.covariate] == readings.caps[metric.vector.covariate]


def test_filters__set__other_exposures_do_not_enrol(rows, tmp_path):
    plan = world.plan("orders", filters=(("device", "ios"),), dimensions=())
    units, _ = brute_force.enrolled(plan, rows[0])

    found = read(tmp_path, *rows, plan=plan)

    assert sum(found.enrolment.units.values()) == len(units) > 0


def assert_same_readings(found, expected):
    assert found.enrolment == expected.enrolment
    assert found.active == expected.active
    assert found.caps == pytest.approx(expected.caps, rel=1e-12)
    for vector, groups in expected.moments.items():
        for group, moments in groups.items():
            other = found.moments[vector][group]
            np.testing.assert_allclose(other.mean, moments.mean, rtol=1e-12)
            np.testing.assert_allclose(
                other.comoment, moments.comoment, rtol=1e-12, atol=1e-12 * np.abs(moments.comoment).max()
            )
    for key, groups in expected.quantiles.items():
        for group, stat in groups.items():
            other = found.quantiles[key][group]
            assert (other.n, other.value, other.lower, other.upper) == (
                stat.n,
                stat.value,
                stat.lower,
                stat.upper,
            )
            np.testing.assert_allclose(other.cluster.comoment, stat.cluster.comoment, rtol=1e-12)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), files=st.integers(1, 4), rows_each=st.sampled_from([50, 400, 10**6]))
def test_readings__rows_shuffled_split_and_partitioned__same_to_1e_12(
    rows, readings, tmp_path_factory, seed, files, rows_each
):
    shuffled = [list(part) for part in rows]
    for part in shuffled:
        random.Random(seed).shuffle(part)

    found = read(
        tmp_path_factory.mktemp("s"), *shuffled, files_per_bucket=files, rows_per_partition=rows_each
    )

    assert_same_readings(found, readings)


def test_moments__large_mean_and_small_spread__variance_keeps_its_digits(tmp_path):
    values = [1e9 + noise for noise in np.random.default_rng(3).normal(0, 1, 400)]
    exposures = [exposure(unit, "on", at(1)) for unit in range(400)]
    events = [event(unit, "purchase", at(2), value) for unit, value in enumerate(values)]
    plan = world.plan("orders", metrics=(planned_metric(world.definition("big", Kind.MEAN, "purchase")),))

    found = read(tmp_path, exposures, events, plan=plan)

    moments = next(iter(found.moments.values()))[Group("treatment")]
    assert moments.variance() == pytest.approx(np.var(np.array(values) - 1e9, ddof=1), rel=1e-6)


def test_moments__large_mean_in_partitions__as_of_all_units_at_once(tmp_path):
    values = 1e9 + np.random.default_rng(3).normal(0, 1, 400)
    exposures = [exposure(unit, "on", at(1)) for unit in range(400)]
    events = [event(unit, "purchase", at(2), float(value)) for unit, value in enumerate(values)]
    plan = world.plan("orders", metrics=(planned_metric(world.definition("big", Kind.MEAN, "purchase")),))

    [one], [many] = (
        read(tmp_path / str(rows), exposures, events, plan=plan, rows_per_partition=rows).moments.values()
        for rows in (10**6, 10)
    )

    assert many[Group("treatment")].variance() == pytest.approx(one[Group("treatment")].variance(), rel=1e-12)
    assert many[Group("treatment")].mean[0] == one[Group("treatment")].mean[0]


def test_moments__one_huge_value_beside_a_small_slice__the_slice_keeps_its_digits(tmp_path):
    random = np.random.default_rng(4)
    small = random.lognormal(2, 1, 80)
    levels = ["a" if unit % 2 else "b" for unit in range(80)]
    exposures = [exposure(unit, "on", at(1), dims={"device": level}) for unit, level in enumerate(levels)]
    events = [event(unit, "purchase", at(2), float(value)) for unit, value in enumerate(small)]
    events[1]["value"] = 1e9
    plan = world.plan(metrics=(planned_metric(world.definition("spend", Kind.MEAN, "purchase")),))

    [found] = read(tmp_path, exposures, events, plan=plan).moments.values()

    expected = small[::2]
    assert found[Group("treatment", "device", "b")].variance() == pytest.approx(
        expected.var(ddof=1), rel=1e-12
    )
    assert found[Group("treatment", "device", "b")].mean[0] == pytest.approx(expected.mean(), rel=1e-13)


def test_moments__arms_a_million_spreads_apart__both_variances_right(tmp_path):
    random = np.random.default_rng(5)
    values = random.normal([[1e9], [1.001e9]], 1, (2, 200))
    exposures = [exposure(unit, ("off", "on")[unit % 2], at(1)) for unit in range(400)]
    events = [event(unit, "purchase", at(2), float(values[unit % 2, unit // 2])) for unit in range(400)]
    plan = world.plan(metrics=(planned_metric(world.definition("big", Kind.MEAN, "purchase")),))

    [found] = read(tmp_path, exposures, events, plan=plan).moments.values()

    for arm, of, base in zip(ARMS, values, (1e9, 1.001e9), strict=True):
        assert found[Group(arm)].variance() == pytest.approx((of - base).var(ddof=1), rel=1e-6)


def test_read__no_files__nothing_enrolled(tmp_path):
    found = DuckDBEngine(tmp_path).read(world.plan(), StoreFiles({}, {}), {})

    assert found.enrolment.units == {}
    assert found.quantiles == {}
    assert all(groups == {} for groups in found.moments.values())


def test_read__exposures_but_no_events__zeros_not_missing(tmp_path):
    exposures = [exposure(unit, "on", at(1)) for unit in range(5)]

    found = read(tmp_path, exposures, [])

    moments = found.moments[planned_metric(world.DEFINITIONS["orders"]).vector][Group("treatment")]
    assert (moments.n, moments.mean[0]) == (5, 0.0)


def test_read__infinite_value__refused_with_the_event_named(tmp_path):
    exposures = [exposure(unit, "on", at(1)) for unit in range(3)]
    events = [event(1, "purchase", at(2), 1e200), event(2, "purchase", at(2), -1e200)]
    plan = world.plan("orders", metrics=(planned_metric(world.definition("big", Kind.MEAN, "purchase")),))

    with pytest.raises(EngineFailure, match="'purchase' hold values that are infinite or too large"):
        read(tmp_path, exposures, events, plan=plan)


def test_read__file_outside_the_store__not_opened(tmp_path):
    files = store.write(tmp_path / "elsewhere", [exposure(1, "on", at(1))], [])

    with pytest.raises(EngineFailure, match="could not read the event store"):
        DuckDBEngine(tmp_path / "store").read(world.plan(), files, {})


def test_read__damaged_file__engine_failure(tmp_path):
    files = store.write(tmp_path, [exposure(1, "on", at(1))], [])
    store.Path(files.exposures[1][0]).write_bytes(b"PAR1 but not really")

    with pytest.raises(EngineFailure, match="could not read the event store"):
        DuckDBEngine(tmp_path).read(world.plan(), files, {})


def test_levels__more_than_shown__the_most_frequent_ones_are_kept(tmp_path):
    exposures = [exposure(unit, "on", at(1), dims={"device": f"d{unit % 40}"}) for unit in range(400)]
    exposures += [exposure(unit, "on", at(1), dims={"device": "d7"}) for unit in range(400, 500)]

    found = read(tmp_path, exposures, [], plan=world.plan("orders"))

    levels = [group.level for group in found.enrolment.units if group.level]
    assert len(levels) == 12
    assert found.enrolment.units[Group("treatment", "device", "d7")] == 110


def test_levels__two_exposures_at_one_instant__order_of_rows_does_not_matter(tmp_path):
    pair = [exposure(1, "on", at(1), dims={"device": name}) for name in ("b", "a")]
    later = exposure(1, "on", at(1) + timedelta(seconds=1), dims={"device": "0"})

    found = [
        read(tmp_path / str(i), listed, [], plan=world.plan("orders")).enrolment.units
        for i, listed in enumerate([[*pair, later], [later, *pair[::-1]]])
    ]

    assert found[0] == found[1]
    assert Group("treatment", "device", "a") in found[0]


def test_read__objects_of_a_bucket__same_as_files_of_a_folder(rows, tmp_path):
    files = store.write(tmp_path, *rows, files_per_bucket=2)
    objects = StoreFiles(
        *(
            {b: tuple(f"s3:/{path}" for path in paths) for b, paths in of.items()}
            for of in (files.exposures, files.events)
        ),
        files.rows,
    )
    inside = SubTreeFileSystem("/", LocalFileSystem())

    found = DuckDBEngine(None, inside, rows_per_partition=200).read(world.plan(), objects, {})

    assert_conforms(found, DuckDBEngine(tmp_path).read(world.plan(), files, {}))


def test_read__object_that_is_gone__failure_says_so(tmp_path):
    objects = StoreFiles({0: ("s3://bucket/gone.parquet",)}, {}, 1)

    with pytest.raises(EngineFailure, match="gone"):
        DuckDBEngine(None, SubTreeFileSystem(str(tmp_path), LocalFileSystem())).read(
            world.plan(), objects, {}
        )


def test_read__too_little_memory_at_first__begins_again_with_more(rows, tmp_path):
    files = store.write(tmp_path, *rows)

    found = DuckDBEngine(tmp_path, memory_limits=("1MB", "200MB")).read(world.plan(), files, {})

    assert_conforms(found, DuckDBEngine(tmp_path).read(world.plan(), files, {}))


def test_read__too_little_memory_at_last__failure_says_so(rows, tmp_path):
    files = store.write(tmp_path, *rows)

    with pytest.raises(EngineFailure, match="too little memory"):
        DuckDBEngine(tmp_path, memory_limits=("1MB",)).read(world.plan(), files, {})


def test_arrivals__exposures_and_events_by_hour__same_as_counting_rows(rows, readings):
    exposures, events = rows
    plan = world.plan()
    units, _ = brute_force.enrolled(plan, exposures)
    hour = lambda ts: ts.replace(minute=0, second=0, microsecond=0)  # noqa: E731
    exposed = [(hour(first["ts"]), arm) for arm, first in units.values()]
    named = [row for row in events if row["name"] in plan.events and plan.last_day <= row["ts"] < plan.until]
    theirs = [(hour(row["ts"]), units[row["unit"]][0]) for row in named if row["unit"] in units]
    others = [hour(row["ts"]) for row in named if row["unit"] not in units]

    assert readings.arrivals == Arrivals(Counter(exposed), Counter(theirs), Counter(others))
    assert theirs
    assert others
