"""A company's own Parquet files give what the same rows give in the store; what is wrong is said in words."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.engines.contract import EngineFailure, StoreFiles
from analysis.engines.duckdb import DuckDBEngine
from analysis.engines.own_files import OwnFilesEngine
from analysis.sources.definition import ExposureTable
from analysis.stats.moments import merge_all
from tests.core.analysis import own_tables, store, world
from tests.core.analysis.conformance import assert_conforms

NO_FILES = StoreFiles({}, {})


@pytest.fixture(scope="module")
def rows():
    return own_tables.rows()


@pytest.fixture(scope="module")
def folder(rows, tmp_path_factory):
    place = tmp_path_factory.mktemp("warehouse")
    own_tables.write(place, own_tables.as_tables(*rows))
    return place


@pytest.fixture(scope="module")
def source(rows, folder):
    return own_tables.write(folder, own_tables.as_tables(*rows))


def read(source, plan=None, roots=None, **options):
    return OwnFilesEngine(source, roots or (source.folder,), **options).read(
        plan or world.plan(), NO_FILES, {}
    )


@pytest.mark.parametrize("rows_per_partition", [10**6, 700])
def test_read__own_tables__same_readings_as_the_store(rows, source, tmp_path, rows_per_partition):
    files = store.write(tmp_path, *rows)

    found = read(source, rows_per_partition=rows_per_partition)

    assert_conforms(found, DuckDBEngine(tmp_path).read(world.plan(), files, {}))
    assert found.enrolment.crossovers > 0 < found.enrolment.unplanned


def test_parts__own_tables__hold_the_units_that_a_look_reads(source):
    plan = world.plan("spend", dimensions=())

    parts = OwnFilesEngine(source, (source.folder,), rows_per_partition=700).parts(plan, NO_FILES, {}, deal=1)

    for vector, of_groups in read(source, plan).moments.items():
        whole, dealt = merge_all(list(of_groups.values())), merge_all(list(parts.moments[vector]))
        assert dealt.n == whole.n > len(parts.moments[vector]) > 1
        np.testing.assert_allclose(dealt.mean, whole.mean, rtol=1e-12)
        np.testing.assert_allclose(dealt.comoment, whole.comoment, rtol=1e-9)


def test_read__no_column_for_the_experiment__all_rows_are_the_experiments(source):
    whole = replace(source, exposures=replace(source.exposures, experiment=""))

    found = read(whole)

    assert sum(found.enrolment.units.values()) >= sum(read(source).enrolment.units.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unit": "custumer"}, "unit = 'custumer': the table has no such column"),
        ({"time": "platform"}, "time = 'platform': it holds text, not times"),
        ({"table": "gone"}, "there is no Parquet file at gone"),
    ],
)
def test_read__exposure_table_mapped_wrongly__named(source, change, words):
    wrong = replace(source, exposures=replace(source.exposures, **change))

    with pytest.raises(EngineFailure, match=words):
        read(wrong)


def test_read__value_that_is_text__named(source):
    orders = replace(source.events[0], value="buyer")

    with pytest.raises(EngineFailure, match="value = 'buyer': it holds text, not numbers"):
        read(replace(source, events=(orders, source.events[1])))


def test_read__folder_outside_the_allowed_roots__refused(source, tmp_path):
    with pytest.raises(EngineFailure, match="lies below no folder that may be read"):
        read(source, roots=(str(tmp_path),))


def test_read__link_out_of_the_folder__not_followed(source, tmp_path):
    (tmp_path / "secret.parquet").symlink_to(f"{source.folder}/orders.parquet")
    elsewhere = replace(
        source, folder=str(tmp_path), exposures=ExposureTable("secret.parquet", "buyer", "buyer", "paid_at")
    )

    with pytest.raises(EngineFailure, match=r"there is no Parquet file at secret\.parquet"):
        read(elsewhere, roots=(str(tmp_path),))


def test_read__file_that_is_no_parquet__named(source, tmp_path):
    (tmp_path / "orders.parquet").write_bytes(b"id,amount\n1,2\n")
    broken = replace(
        source, folder=str(tmp_path), exposures=replace(source.exposures, table="orders.parquet")
    )

    with pytest.raises(EngineFailure, match=r"orders\.parquet could not be read"):
        read(
            replace(broken, events=(replace(source.events[0], table="orders.parquet"),)),
            roots=(str(tmp_path),),
        )
