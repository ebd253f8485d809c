"""A company's own Parquet files give what the same rows give in the store; what is wrong is said in words."""

from dataclasses import replace

import pytest

from analysis.engines.contract import EngineFailure, StoreFiles
from analysis.engines.own_files import OwnFilesEngine
from analysis.sources.definition import ExposureTable
from tests.core.analysis import own_tables, world

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


def test_crossed__table_without_the_experiment__refused_in_words(source):
    whole = replace(source, exposures=replace(source.exposures, experiment=""))

    with pytest.raises(EngineFailure, match="has no column for the experiment"):
        OwnFilesEngine(whole, ()).crossed(world.plan(), world.plan(), world.plan(), NO_FILES)


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
