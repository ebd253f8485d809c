"""Engines that need no server pass the conformance suite; PostgreSQL and Spark have files of their own."""

from itertools import count

import pytest

from analysis.engines.duckdb import DuckDBEngine
from analysis.engines.own_files import OwnFilesEngine
from tests.core.analysis import own_tables, store
from tests.core.analysis.engine_suite import Crosses, Deals, Placed, Reads


class TestDuckDBInPartitions(Reads, Deals, Crosses):
    @pytest.fixture
    def place(self, tmp_path):
        numbers = count()

        def placed(exposures, events):
            folder = tmp_path / str(next(numbers))
            files = store.write(folder, exposures, events, files_per_bucket=2)
            return Placed(DuckDBEngine(folder, rows_per_partition=1_000), files)

        return placed


class TestOwnFiles(Reads, Deals, Crosses):
    is_store = False

    @pytest.fixture
    def place(self, tmp_path):
        def placed(exposures, events):
            source = own_tables.write(tmp_path, own_tables.as_tables(exposures, events))
            return Placed(OwnFilesEngine(source, (source.folder,), rows_per_partition=1_000))

        return placed
