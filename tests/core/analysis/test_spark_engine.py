"""Spark reads what DuckDB reads: on two local threads, and on a cluster that loses a worker at work.

Needs Java and the requirements of requirements/spark.txt; `make spark` brings them and runs these tests.
"""

import shutil

import pytest

from analysis.engines.contract import EngineFailure, StoreFiles
from analysis.engines.duckdb import DuckDBEngine
from tests.core.analysis import spark_cluster, store, world
from tests.core.analysis.conformance import assert_conforms

pytest.importorskip("pyspark", reason="Spark is not installed; run `make spark`")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java 17, and there is no java on the PATH", allow_module_level=True)

pytestmark = [pytest.mark.xdist_group("spark"), pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def engine():
    from analysis.engines.spark import SparkEngine

    return SparkEngine()


def test_read__every_oddity__same_readings_as_duckdb(engine, tmp_path):
    files = store.write(tmp_path, *world.rows(), files_per_bucket=2)

    found = engine.read(world.plan(), files, {})

    assert_conforms(found, DuckDBEngine(tmp_path).read(world.plan(), files, {}))


def test_read__frozen_caps__kept(engine, tmp_path):
    files = store.write(tmp_path, *world.rows(seed=2, units=60))
    plan = world.plan("spend", dimensions=())
    caps = dict.fromkeys(plan.capped_entries, 7.5)

    found = engine.read(plan, files, caps)

    assert found.caps == caps
    assert_conforms(found, DuckDBEngine(tmp_path).read(plan, files, caps))


def test_read__empty_store__nobody(engine, tmp_path):
    plan = world.plan("spend", "latency-p90", dimensions=())

    found = engine.read(plan, StoreFiles({}, {}), {})

    assert found.enrolment.units == {}
    assert found.quantiles == DuckDBEngine(tmp_path).read(plan, StoreFiles({}, {}), {}).quantiles


def test_read__file_that_is_gone__failure_says_so(engine, tmp_path):
    files = StoreFiles({0: (str(tmp_path / "gone.parquet"),)}, {})

    with pytest.raises(EngineFailure, match=r"gone\.parquet"):
        engine.read(world.plan("spend"), files, {})


@pytest.mark.slow
def test_read__worker_of_a_cluster_killed_at_work__same_readings(tmp_path):
    files = store.write(tmp_path, *world.rows(units=2_000))
    reference = DuckDBEngine(tmp_path).read(world.plan(), files, {})

    with spark_cluster.started(tmp_path / "cluster", workers=2) as cluster:
        found = cluster.read(world.plan(), files, kill_after_s=12)

    assert cluster.killed
    assert_conforms(found, reference)
