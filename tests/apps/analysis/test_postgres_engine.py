"""PostgreSQL as event source passes the conformance suite, and cannot write, wander or tell its password."""

from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest

from analysis.engines import postgres
from analysis.engines.contract import EngineFailure, StoreFiles
from analysis.engines.duckdb import DuckDBEngine
from analysis.engines.postgres import PostgresEngine
from tests.apps.analysis import warehouse
from tests.core.analysis import own_tables, store, world
from tests.core.analysis.conformance import assert_conforms
from tests.core.analysis.engine_suite import Crosses, Deals, Placed, Reads

pytestmark = pytest.mark.django_db(transaction=True)
NO_FILES = StoreFiles({}, {})


@pytest.fixture(scope="module")
def rows():
    return own_tables.rows()


@pytest.fixture
def source(rows, db):
    with warehouse.built(own_tables.as_tables(*rows)) as found:
        yield found


class TestPostgres(Reads, Deals, Crosses):
    is_store = False

    @pytest.fixture
    def place(self, db):
        with ExitStack() as stack:

            def placed(exposures, events):
                source = stack.enter_context(warehouse.built(own_tables.as_tables(exposures, events)))
                return Placed(PostgresEngine(source, warehouse.address()))

            yield placed


def read(source, plan=None):
    return PostgresEngine(source, warehouse.address()).read(plan or world.plan(), NO_FILES, {})


def test_read__standby_without_temporary_tables__same_readings(rows, source, tmp_path, monkeypatch):
    plan = world.plan("spend", "latency-p90")
    files = store.write(tmp_path, *rows)
    monkeypatch.setattr(postgres, "IS_STANDBY", "SELECT true")

    found = read(source, plan)

    assert_conforms(found, DuckDBEngine(tmp_path).read(plan, files, {}))


def test_crossed__table_without_the_experiment__refused_in_words(source):
    whole = replace(source, exposures=replace(source.exposures, experiment=""))

    with pytest.raises(EngineFailure, match="has no column for the experiment"):
        PostgresEngine(whole, "").crossed(world.plan(), world.plan(), world.plan(), NO_FILES)


def test_session__any_write__refused_by_the_database(source):
    with (
        pytest.raises(EngineFailure, match=r"cannot execute .* in a read-only transaction"),
        postgres.session(warehouse.address(), 10) as connection,
    ):
        connection.execute("DELETE FROM shop.orders")


def test_session__statement_that_takes_too_long__stopped(source):
    with (
        pytest.raises(EngineFailure, match="statement timeout"),
        postgres.session(warehouse.address(), 1) as connection,
    ):
        connection.execute("SELECT pg_sleep(5)")


def test_session__nobody_there__password_not_told():
    address = "postgresql://me:tell-nobody@127.0.0.1:1/shop"

    with pytest.raises(EngineFailure) as failure, postgres.session(address, 1):
        pass

    assert "tell-nobody" not in str(failure.value)
    assert "refused" in str(failure.value)
    assert failure.value.__suppress_context__


def test_session__address_that_is_none__not_repeated():
    with pytest.raises(EngineFailure) as failure, postgres.session("tell-nobody is no address", 1):
        pass

    assert "tell-nobody" not in str(failure.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"table": "shop.gone"}, r"there is no table shop\.gone"),
        ({"arm": "test-group"}, "arm = 'test-group': the table has no such column"),
        ({"time": "customer"}, "time = 'customer': it holds text, not times"),
    ],
)
def test_read__table_mapped_wrongly__named(source, change, words):
    wrong = replace(source, exposures=replace(source.exposures, **change))

    with pytest.raises(EngineFailure, match=words):
        read(wrong)


NASTY = [
    'a"; DROP TABLE shop.orders; --',
    "'; SELECT pg_sleep(9) --",
    "$$",
    "%s",
    "{0}",
    "\\",
    "\\' OR true --",
]


@pytest.mark.parametrize("text", NASTY)
def test_read__hostile_names__are_names_and_nothing_else(source, text):
    hostile = replace(
        source, exposures=replace(source.exposures, arms=((text, "off"),), dims=((text, "platform"),))
    )
    plan = world.plan("orders", filters=((text, text),), experiment=text, dimensions=(text,))

    found = read(hostile, plan)

    assert found.enrolment.units == {}
    with psycopg.connect(warehouse.address()) as owner:
        assert owner.execute("SELECT count(*) > 0 FROM shop.orders").fetchone() == (True,)
    with pytest.raises(EngineFailure, match="no such column"):
        read(replace(source, events=(replace(source.events[0], value=text), *source.events[1:])))
