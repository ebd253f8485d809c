"""Spark on a real cluster passes the conformance suite, over the store's files and over a company's own.

A standalone master and two workers on loopback. Needs Java and the requirements of requirements/spark.txt;
`make spark` brings them and runs these tests.
"""

from itertools import count

import pytest

from analysis.engines.contract import EngineFailure, StoreFiles
from analysis.engines.duckdb import DuckDBEngine
from tests.core.analysis import own_tables, spark_cluster, store, world
from tests.core.analysis.conformance import assert_conforms
from tests.core.analysis.engine_suite import Crosses, Deals, Placed, Reads

if spark_cluster.missing():
    pytest.skip(spark_cluster.missing(), allow_module_level=True)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """For all tests of this file but the one that kills: a program has one Spark."""
    from pyspark.sql import SparkSession

    with spark_cluster.started(tmp_path_factory.mktemp("spark") / "cluster", workers=2) as running:
        yield running
        active = SparkSession.getActiveSession()
        if active is not None:
            active.stop()


class TestSpark(Reads, Deals, Crosses):
    @pytest.fixture
    def place(self, cluster, tmp_path):
        from analysis.engines.spark import SparkEngine

        numbers = count()

        def placed(exposures, events):
            files = store.write(tmp_path / str(next(numbers)), exposures, events, files_per_bucket=2)
            return Placed(SparkEngine(cluster.url, spark_cluster.OPTIONS), files)

        return placed


class TestSparkOverOwnFiles(Reads, Deals, Crosses):
    is_store = False

    @pytest.fixture
    def place(self, cluster, tmp_path):
        from analysis.engines.spark_files import SparkFilesEngine

        def placed(exposures, events):
            source = own_tables.write(tmp_path, own_tables.as_tables(exposures, events))
            return Placed(SparkFilesEngine(source, (source.folder,), cluster.url, spark_cluster.OPTIONS))

        return placed


def test_read__file_that_is_gone__failure_says_so(cluster, tmp_path):
    from analysis.engines.spark import SparkEngine

    files = StoreFiles({0: (str(tmp_path / "gone.parquet"),)}, {})

    with pytest.raises(EngineFailure, match=r"gone\.parquet"):
        SparkEngine(cluster.url, spark_cluster.OPTIONS).read(world.plan("spend"), files, {})


def test_settings__cluster_of_several_machines__is_not_told_of_loopback():
    from analysis.engines import spark

    assert spark.settings_for("local[2]", {})["spark.driver.host"] == "127.0.0.1"
    assert "spark.driver.host" not in spark.settings_for("spark://master.internal:7077", {})


def test_read__worker_of_a_cluster_killed_at_work__same_readings(tmp_path):
    files = store.write(tmp_path, *world.rows(units=2_000))
    reference = DuckDBEngine(tmp_path).read(world.plan(), files, {})

    with spark_cluster.started(tmp_path / "cluster", workers=2) as own:
        found = own.read(world.plan(), files, kill_after_s=12)

    assert own.killed
    assert_conforms(found, reference)
