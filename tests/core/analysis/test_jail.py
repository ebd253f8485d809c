"""What a statement could reach if one ever got through: no files, no network, no settings, little memory."""

import os
import resource
import time

import duckdb
import pytest

from analysis.engines.duckdb import DuckDBEngine
from analysis.engines.jail import limited_address_space


@pytest.fixture
def database(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with DuckDBEngine(tmp_path / "store")._database() as opened:
        opened.execute("SET lock_configuration = true")
        yield opened


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{folder}/secret.csv')",
        "SELECT * FROM '{folder}/secret.csv'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('https://example.com/a.parquet')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET allowed_directories = ['/']",
        "PRAGMA enable_logging",
        "EXPORT DATABASE '{folder}/dump'",
    ],
)
def test_database__anything_outside__refused(database, tmp_path, statement):
    with pytest.raises(duckdb.Error):
        database.execute(statement.format(folder=tmp_path))


def test_database__value_that_grows_without_end__an_error_and_no_dead_process(database):
    began = time.monotonic()

    with pytest.raises((duckdb.Error, MemoryError)):
        database.execute("SELECT list_sum(range(4000000000))").fetchall()

    assert time.monotonic() - began < 60
    assert os.getpid() > 0
    assert database.execute("SELECT 1").fetchall() == [(1,)]


def test_limit__afterwards__as_it_was():
    before = resource.getrlimit(resource.RLIMIT_AS)

    with limited_address_space():
        within = resource.getrlimit(resource.RLIMIT_AS)

    assert within[0] != before[0]
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_limit__inside_a_lower_one__kept():
    with limited_address_space(4 << 30):
        outer = resource.getrlimit(resource.RLIMIT_AS)[0]
        with limited_address_space(64 << 30):
            assert resource.getrlimit(resource.RLIMIT_AS)[0] == outer
