"""A company's own tables, from the description to the report: tested, named by a plan, looked at."""

import json
from datetime import UTC

import psycopg
import pytest
from django.utils import timezone

from analysis import source_queries
from analysis.models import AnalysisRun, CalibrationNight, InteractionReading, MetricResult, SourceTest
from analysis.services import interactions, resplitting, sourcing
from flags.gates import Blocked
from ledger import jobs
from ledger.models import AuditEvent, Job, JobState
from ledger.refusals import NotFound, Refused
from tests.apps.analysis import warehouse, world
from tests.core.analysis import own_tables

pytestmark = pytest.mark.django_db(transaction=True)
SHOP = "HEADWAY_SOURCE_SHOP"
POSTGRES = """
key = "shop"
title = "The shop's own tables"
kind = "postgres"
connection = "HEADWAY_SOURCE_SHOP"

[exposures]
table = "shop.assignments"
unit = "customer"
arm = "test group"
time = "assigned_at"
experiment = "test_name"
[exposures.arms]
A = "off"
B = "on"
[exposures.dims]
device = "platform"

[[events]]
table = "shop.orders"
unit = "buyer"
time = "paid_at"
event = "purchase"
value = "amount"

[[events]]
table = "shop.requests"
unit = "customer"
time = "at"
event_column = "what"
value = "ms"
"""


def parquet(folder):
    text = POSTGRES.replace('"postgres"', '"parquet"').replace(
        f'connection = "{SHOP}"', f'folder = "{folder}"'
    )
    for name, table in (
        ("assignments", "assignments"),
        ("orders", "orders.parquet"),
        ("requests", "requests.parquet"),
    ):
        text = text.replace(f'"shop.{name}"', f'"{table}"')
    return text


@pytest.fixture(scope="module")
def rows():
    return world.traffic(600)


@pytest.fixture
def shop(rows, db, monkeypatch):
    monkeypatch.setenv(SHOP, warehouse.address())
    with warehouse.built(own_tables.as_tables(*rows)):
        yield save(POSTGRES)


@pytest.fixture
def folder(rows, tmp_path, settings):
    settings.HEADWAY_SOURCE_ROOTS = (str(tmp_path),)
    own_tables.write(tmp_path, own_tables.as_tables(*rows))
    return tmp_path


def save(text, **options):
    return sourcing.save_source(text=text, actor="rosa", now=world.START, **options)


def probed(key="shop"):
    job = sourcing.request_test(key=key, actor="rosa", now=timezone.now())
    jobs.run(job.id)
    job.refresh_from_db()
    assert (job.state, job.failure) == (JobState.SUCCEEDED, "")
    return SourceTest.objects.get(version=source_queries.source(key))


def results(run):
    found = MetricResult.objects.filter(run=run).order_by("metric", "arm", "dimension", "level")
    return {
        (row.metric, row.arm, row.dimension, row.level): [
            row.units_control,
            row.units_treatment,
            row.estimate,
            row.standard_error,
        ]
        for row in found
    }


def compared(run, reference):
    mine, other = results(run), results(reference)
    assert mine.keys() == other.keys()
    for place, numbers in other.items():
        assert mine[place] == pytest.approx(numbers, rel=1e-9)


def test_look__plan_names_a_database__same_numbers_as_from_the_store(shop, rows):
    probed()
    world.started(dimensions=["device"], source="shop")
    world.started("store-side", dimensions=["device"], filters={})
    exposures, listed = rows
    world.write([{**row, "experiment": "store-side"} for row in exposures], listed)

    job = world.look(hours=24 * 9)
    world.look("store-side", hours=24 * 9)

    assert (job.state, job.failure) == (JobState.SUCCEEDED, "")
    run, reference = (AnalysisRun.objects.get(experiment__key=key) for key in (world.KEY, "store-side"))
    assert (run.engine, reference.engine) == ("postgres", "duckdb")
    compared(run, reference)
    assert json.loads(run.snapshot.document)["method"]["engine"] == "postgres"


def test_look__plan_names_files__same_numbers_as_from_the_store(folder, rows):
    save(parquet(folder))
    probed()
    world.started(dimensions=["device"], source="shop")
    world.started("store-side", dimensions=["device"])
    exposures, listed = rows
    world.write([{**row, "experiment": "store-side"} for row in exposures], listed)

    world.look(hours=24 * 9)
    world.look("store-side", hours=24 * 9)

    compared(*(AnalysisRun.objects.get(experiment__key=key) for key in (world.KEY, "store-side")))


def test_night__plan_names_files__splits_are_made_of_them(folder, monkeypatch):
    monkeypatch.setattr("analysis.resplitting.MIN_UNITS", 100)
    monkeypatch.setattr("analysis.resplitting.MIN_GROUPS", 100)
    save(parquet(folder))
    probed()
    world.started(source="shop")

    assert resplitting.schedule_resplits(now=world.at(24 * 9).replace(tzinfo=UTC)) == 1
    job = Job.objects.get(kind=resplitting.KIND)
    jobs.run(job.id)

    job.refresh_from_db()
    assert (job.state, job.failure) == (JobState.SUCCEEDED, "")
    rows = CalibrationNight.objects.order_by("metric")
    assert [row.metric for row in rows] == ["latency-p95", "orders"]
    assert all(row.units > 300 < row.replicates for row in rows)


def test_interaction__two_experiments_on_one_source__read_from_it(rows, tmp_path, settings):
    settings.HEADWAY_SOURCE_ROOTS = (str(tmp_path),)
    exposures, listed = rows
    second = [
        {**row, "experiment": "second", "variant": ("on", "off")[row["unit"] // 16 % 2]} for row in exposures
    ]
    own_tables.write(tmp_path, own_tables.as_tables([*exposures, *second], listed))
    save(parquet(tmp_path))
    probed()
    for key in (world.KEY, "second"):
        world.started(key, source="shop")

    job = interactions.request_interaction(one="second", other=world.KEY, actor="rosa", now=world.at(24 * 12))
    jobs.run(job.id)

    found = InteractionReading.objects.get()
    assert (found.engine, sum(found.units.values())) == ("duckdb", 600)
    assert [line["metric"] for line in found.lines] == ["orders", "latency-p95"]


def test_interaction__table_without_the_experiment__refused(rows, folder):
    save(parquet(folder).replace('experiment = "test_name"\n', ""))
    probed()
    for key in (world.KEY, "second"):
        world.started(key, source="shop")

    assert "has no column for the experiment" in interactions.why_not(
        "second", world.KEY, now=world.at(24 * 12)
    )


def test_test__all_is_well__rows_types_and_arms_are_shown(shop):
    found = probed()

    exposures, orders, _ = found.outcome["tables"]
    assert found.is_ok, found.outcome
    assert [role for role, *_ in exposures["columns"]] == ["unit", "arm", "time", "experiment", "dim device"]
    assert exposures["columns"][0] == ["unit", "customer", "text"]
    assert exposures["columns"][2] == ["time", "assigned_at", "time without zone"]
    assert len(exposures["first"]) == 5
    assert any("Arms in these rows: " in note and "A (" in note for note in exposures["notes"])
    assert "time: the column has no time zone, so it is read as UTC." in exposures["notes"]
    assert "unit: 1 of the first" in " ".join(exposures["notes"])
    assert orders["holds"] == "purchase"
    assert any("units in these rows stand in the exposure table." in note for note in orders["notes"])


def test_test__views_domains_and_values_that_are_none__read_and_said(shop, rows):
    with psycopg.connect(warehouse.address(), autocommit=True) as owner:
        owner.execute("CREATE DOMAIN shop.money AS numeric CHECK (VALUE >= 0)")
        owner.execute("CREATE MATERIALIZED VIEW shop.paid AS SELECT * FROM shop.orders")
        owner.execute(
            "CREATE VIEW shop.strangers AS SELECT 'x' || buyer AS buyer, paid_at, 3::shop.money AS price,"
            " 'NaN'::float8 AS amount FROM shop.orders"
        )
    views = POSTGRES.replace('"shop.orders"', '"shop.paid"').replace('"shop.requests"', '"shop.strangers"')
    views = views.replace('unit = "customer"\ntime = "at"', 'unit = "buyer"\ntime = "paid_at"')
    save(views.replace('event_column = "what"\nvalue = "ms"', 'event = "gift"\nvalue = "price"'))
    fitting = probed()
    save(views.replace('event_column = "what"\nvalue = "ms"', 'event = "gift"\nvalue = "amount"'))

    _, _, gifts = fitting.outcome["tables"]
    assert fitting.is_ok, fitting.outcome
    assert any("none of the " in note and "stands in the exposure table" in note for note in gifts["notes"])
    assert "infinite or no number (NaN)" in json.dumps(probed().outcome["tables"][2]["problems"])


def test_test__units__are_shortened(shop, rows):
    found = json.dumps(probed().outcome)

    assert not any(f"c{row['unit']}" in found for row in rows[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ('"customer"', '"custmer"'),
            'column "custmer": the table has no such column. Did you mean "customer"?',
        ),
        (
            ('"shop.orders"', '"shop.order"'),
            "no table shop.order that this database user may read (the nearest name is shop.orders).",
        ),
        (('"assigned_at"', '"platform"'), "it holds text, not times"),
        (('value = "amount"', 'value = "buyer"'), "it holds text, not numbers"),
    ],
)
def test_test__description_that_does_not_fit__said_in_words(shop, change, words):
    save(POSTGRES.replace(*change))

    found = probed()

    assert not found.is_ok
    assert words in " ".join(problem for table in found.outcome["tables"] for problem in table["problems"])


def test_test__variable_that_is_not_set__named(db, monkeypatch):
    monkeypatch.delenv(SHOP, raising=False)
    save(POSTGRES)

    found = probed()

    assert found.outcome["failure"] == f"the worker has no environment variable {SHOP}"


def test_test__wrong_password__nothing_of_the_address_is_kept_or_logged(shop, monkeypatch, caplog):
    monkeypatch.setenv(SHOP, warehouse.address(host="127.0.0.1", port="1", password="tell-nobody"))

    found = probed()

    kept = json.dumps([found.outcome, *AuditEvent.objects.values_list("after", flat=True)])
    assert "could not answer" in found.outcome["failure"]
    assert "tell-nobody" not in kept + caplog.text


def test_test__files__units_counted_and_what_is_no_parquet_said(folder):
    (folder / "lists").mkdir()
    (folder / "lists" / "orders.csv").write_text("buyer,amount\n")
    (folder / "orders.csv").write_text("buyer,amount\n")
    text = parquet(folder)

    said = []
    for name in ("orders.parquet", "orders.csv", "lists", "order.parquet"):
        save(text.replace('"orders.parquet"', f'"{name}"'))
        said.append(probed().outcome["tables"][1])

    assert any("units in these rows stand in the exposure table." in note for note in said[0]["notes"])
    assert "text file, whose columns have no types; write it as Parquet" in said[1]["problems"][0]
    assert "(it holds orders.csv)" in said[2]["problems"][0]
    assert "(the nearest name is orders.parquet)" in said[3]["problems"][0]


def test_test__folder_that_is_not_allowed__refused(folder, settings):
    settings.HEADWAY_SOURCE_ROOTS = ("/nowhere",)
    save(parquet(folder))

    assert "lies below no folder that may be read (/nowhere)" in probed().outcome["failure"]


def test_save__same_meaning__no_new_version(shop):
    again = save(f"# a comment\n{POSTGRES}")
    changed = save(POSTGRES.replace('"amount"', '"paid_at"'))

    assert (again.number, changed.number) == (1, 2)
    described = AuditEvent.objects.filter(action="analysis.source.described")
    assert [row.after["version"] for row in described.order_by("id")] == [1, 2]


def test_save__another_key__refused(shop):
    with pytest.raises(Refused, match="describes another source"):
        save(POSTGRES, key="warehouse")


def test_start__source_that_nobody_described__blocked(db):
    with pytest.raises(Blocked, match="there is no such source"):
        world.started(source="shop")


def test_start__source_that_was_not_tested__blocked(shop):
    with pytest.raises(Blocked, match="was not tested in version 1"):
        world.started(source="shop")


def test_start__source_without_what_the_plan_needs__every_gap_named(shop):
    without = POSTGRES.partition('[[events]]\ntable = "shop.requests"')[0].replace('device = "platform"', "")
    save(without)
    probed()

    with pytest.raises(Blocked) as blocked:
        world.started(dimensions=["device"], source="shop")

    assert {finding.title for finding in blocked.value.findings} == {
        'the exposure table of source "shop" maps no column to it',
        'no table of source "shop" holds the event that latency-p95 reads',
    }


def test_look__source_described_anew__is_another_configuration(shop):
    probed()
    world.started(source="shop")
    first = world.look(hours=24 * 9)
    save(POSTGRES.replace("own tables", "tables"))

    again = world.look(hours=24 * 9)

    assert first.key != again.key


def test_source__unknown__near_one_named(shop):
    with pytest.raises(NotFound, match='Did you mean "shop"'):
        source_queries.source("shpo")


def test_test__unit_mapped_as_a_value__shortened_there_too(shop, rows):
    save(
        POSTGRES.replace('value = "amount"', 'value = "buyer"').replace(
            'unit = "customer"', 'unit = "gone"', 1
        )
    )

    found = probed().outcome

    assert not any(f"c{row['unit']}" in json.dumps(found) for row in rows[0])
    assert all(len(row) == 5 and row[0] == "" for row in found["tables"][0]["first"])
