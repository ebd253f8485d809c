"""Portions of the units hold each unit once, and a look gives the same numbers however many it reads."""

from functools import partial
from itertools import chain, pairwise

import duckdb
import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from analysis.engines import duckdb as engine
from analysis.engines import portions, rollups
from analysis.engines.contract import EngineFailure, StoreFiles
from analysis.engines.duckdb import DuckDBEngine
from tests.core.analysis import store, world
from tests.core.analysis.conformance import assert_conforms
from tests.core.analysis.growing import Store
from tests.core.analysis.store import at

MIX = 0x9E3779B97F4A7C10
"""Spreads units over all hashes; 16 divides it."""
SMALL_PLAN = partial(world.plan, "spend", "orders", "latency-p90")
VALUES = len(SMALL_PLAN().columns)


@pytest.fixture(scope="module")
def rows():
    """Of two buckets; hashes of units are large and small, above and below zero."""
    return [[{**row, "unit": _spread(row["unit"])} for row in of] for of in world.rows(units=120)]


def _spread(unit):
    return (unit * MIX) % portions.HASHES + portions.LOWEST + unit % 2


@pytest.mark.parametrize("ranges", [1, 2, 3, 32])
def test_of__some_ranges__every_hash_in_one_of_them(ranges):
    listed = portions.of(range(4), 2, ranges)

    assert [portion.buckets for portion in listed] == [(0, 1)] * ranges + [(2, 3)] * ranges
    first = [portion.hashes or (portions.LOWEST, -portions.LOWEST - 1) for portion in listed[:ranges]]
    assert first[0][0] == portions.LOWEST
    assert all(after == last + 1 for (_, last), (after, _) in pairwise(first))
    assert first[-1][1] == -portions.LOWEST - 1


def test_of__more_rows__more_groups_and_buckets_stay_neighbours():
    counts = [portions.groups(range(16), rows, 100) for rows in (0, 150, 200, 399, 400, 10_000)]

    assert counts == [1, 1, 2, 3, 4, 16]
    assert [portions.power_of_two(count) for count in counts] == [1, 1, 2, 2, 4, 16]
    for count in counts:
        listed = portions.of(range(16), count, 1)
        assert [*chain(*(portion.buckets for portion in listed))] == list(range(16))


def test_of__no_buckets__one_portion_of_nothing():
    assert portions.of((), 1, 1) == [portions.Portion(())]


def test_ranges__ten_times_the_rows__ten_times_the_ranges_of_the_same_size():
    assert [portions.ranges(rows, 16, 100) for rows in (1, 1600, 1601, 16_000)] == [1, 1, 2, 10]
    assert portions.ranges(10**9, 16, 100) == portions.MAX_RANGES


def test_read__units_in_ranges_of_hashes__same_as_all_at_once(rows, tmp_path):
    files = store.write(tmp_path, *rows)
    objects = StoreFiles(
        *(
            {b: tuple(f"s3:/{path}" for path in paths) for b, paths in of.items()}
            for of in (files.exposures, files.events)
        ),
        files.rows,
    )
    inside = SubTreeFileSystem("/", LocalFileSystem())
    whole = DuckDBEngine(tmp_path, rows_per_partition=10**9).read(SMALL_PLAN(), files, {})

    of_files = DuckDBEngine(tmp_path, values_at_most=VALUES * files.rows // 3).read(SMALL_PLAN(), files, {})
    of_objects = DuckDBEngine(None, inside, values_at_most=VALUES * files.rows // 2).read(
        SMALL_PLAN(), objects, {}
    )

    assert sum(whole.enrolment.units.values()) > 0
    assert_conforms(of_files, whole, tolerance=1e-12)
    assert_conforms(of_objects, whole, tolerance=1e-12)


def test_read__rollups_in_ranges_of_hashes__kept_that_way_and_same_as_a_full_reading(rows, tmp_path):
    growing = Store(tmp_path)
    growing.add(*([row for row in of if at(-24) <= row["ts"] < at(72)] for of in rows))
    at_most = VALUES * growing.listed().rows // 4 // engine.ROLLED_UP
    half = {"rows_per_partition": 1, "values_at_most": at_most}
    names = [f"{bucket}.{index}-of-2.duckdb" for bucket in range(2) for index in range(2)]
    whole = DuckDBEngine(tmp_path)

    for days, options in ((1, half), (1.5, {"rows_per_partition": 1})):
        plan = SMALL_PLAN(until=at(24 * days))
        found = DuckDBEngine(tmp_path, rollups=growing.kept, **options).read(plan, growing.listed(), {})

        assert_conforms(found, whole.read(plan, growing.listed(), {}), tolerance=1e-12)
        assert sorted(path.name for path in growing.kept.rglob("*.duckdb")) == names


def test_paths__other_portions_than_before__their_files_go(tmp_path):
    first = rollups.paths(tmp_path, portions.of(range(4), 2, 1))
    for path in first:
        path.touch()

    second = rollups.paths(tmp_path, portions.of(range(4), 1, 2))

    assert not set(first) & set(second)
    assert not list(tmp_path.iterdir())


def test_read__too_many_units_for_the_memory__read_in_ranges_instead_of_taking_more(tmp_path, monkeypatch):
    files = many_units(tmp_path, 120_000)
    plan = world.plan("spend", "orders", dimensions=())
    whole = DuckDBEngine(tmp_path, threads=1, memory_limits=("1GB",)).read(plan, files, {})

    small = DuckDBEngine(tmp_path, threads=1, memory_limits=("14MB",))

    found = small.read(plan, files, {})

    assert sum(whole.enrolment.units.values()) == 120_000
    assert_conforms(found, whole, tolerance=1e-12)
    monkeypatch.setattr(engine, "LEAST", 10**9)
    with pytest.raises(EngineFailure, match="too little memory"):
        small.read(plan, files, {})


def many_units(folder, count):
    """All in one bucket; each is exposed and buys something."""
    at_once = f"TIMESTAMPTZ '{at(1)}'"
    unit = f"(hash(i)::HUGEINT // 16 * 16 + {portions.LOWEST})::BIGINT"
    shared = f"{unit} AS unit, 'user' AS unit_type, MAP {{}}::MAP(VARCHAR, VARCHAR) AS dims"
    kinds = {
        "exposures": f"'speed' AS experiment, CASE WHEN i % 2 = 0 THEN 'off' ELSE 'on' END AS variant, "
        f"'flag' AS flag, 1::INTEGER AS version, false AS forced, {at_once} AS ts",
        "events": f"'purchase' AS name, (i % 7)::DOUBLE AS value, NULL::BIGINT AS session, {at_once} AS ts",
    }
    for kind, columns in kinds.items():
        rows = f"SELECT 'x' || i AS event_id, {shared}, {columns}, {at_once} AS received_at"
        duckdb.sql(f"{rows} FROM range({count}) AS t(i)").write_parquet(str(folder / f"{kind}.parquet"))
    found = [{0: (str(folder / f"{kind}.parquet"),)} for kind in kinds]
    return StoreFiles(*found, 2 * count)
