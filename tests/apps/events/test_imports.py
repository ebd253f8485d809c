"""Files come in whole, once, and say what is wrong with which line."""

import io
import signal
import subprocess
import sys
import time
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from events import queries, services
from events.imports.files import open_table
from events.imports.mapping import Reading
from events.models import ImportRun, InboxBatch, RefusedEvent
from events.services import importing
from events.services.importing import Import
from ledger import queries as ledger_queries
from tests.apps.events.building import NOW, ids, stored
from tests.apps.events.processes import ROOT, environment

HEADER = "ts,unit,unit_type,name,value,dims.country\n"


def line(n, **changes):
    made = {"ts": "2019-11-24T10:00:00Z", "unit": f"u{n}", "unit_type": "user", "name": "click", "value": n}
    return ",".join(str(value) for value in {**made, **changes, "country": "de"}.values()) + "\n"


def csv_file(tmp_path, rows, name="clicks.csv", header=HEADER):
    path = tmp_path / name
    path.write_text(header + "".join(rows), encoding="utf-8")
    return path


def run(path, *options, kind="events"):
    """What the command prints: its answer and its complaints."""
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "import_events",
        str(path),
        "--environment",
        "production",
        "--kind",
        kind,
        *options,
        stdout=out,
        stderr=err,
    )
    return out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def production(sdk_key):
    """The environment is there."""


@pytest.mark.django_db
def test_import__csv_of_years_ago__every_row_in_the_store(tmp_path):
    out, _ = run(csv_file(tmp_path, [line(n) for n in range(2_500)]))

    rows = stored("events")
    assert out == "2,500 rows imported, 0 refused\n"
    assert len(rows) == 2_500
    assert {row["unit"] for row in rows} == {
        services.unit_hash("user", f"u{n}", now=NOW) for n in range(2_500)
    }
    assert queries.freshness().waiting == 0
    actions = [row.action for row in ledger_queries.audit_events(subject="import:")]
    assert actions == ["import.finished", "import.started"]


@pytest.mark.django_db
def test_import__same_file_again__nothing_changes(tmp_path):
    path = csv_file(tmp_path, [line(n) for n in range(10)])
    run(path)

    out, _ = run(path)

    assert "imported before" in out
    assert len(stored("events")) == 10
    assert ImportRun.objects.count() == 1


@pytest.mark.django_db
def test_import__same_file_read_another_way__other_events(tmp_path):
    path = csv_file(tmp_path, [line(n) for n in range(10)])
    run(path)

    run(path, "--map", "name=-", "--set", "name=tap")

    assert len(set(ids(stored("events")))) == 20
    assert queries.event_names("production") == ["click", "tap"]


@pytest.mark.django_db
def test_import__same_file_again_after_the_run_was_forgotten__duplicates_left_out(tmp_path):
    path = csv_file(tmp_path, [line(n) for n in range(10)])
    run(path)
    ImportRun.objects.all().delete()
    InboxBatch.objects.all().delete()

    run(path)

    assert len(stored("events")) == 10


@pytest.mark.django_db
def test_import__bad_rows__nothing_imported_and_told_line_field_value_reason(tmp_path):
    path = csv_file(tmp_path, [line(1), line(2, value="1.5.2"), line(3), line(4, ts="24.11.2019"), "short\n"])

    with pytest.raises(CommandError, match="3 of 5 rows are not accepted; nothing was imported"):
        run(path)
    _, err = run(path, "--dry-run")

    assert "clicks.csv:3: value = '1.5.2'" in err
    assert "clicks.csv:5: ts = '24.11.2019'" in err
    assert "clicks.csv:6: row" in err
    assert not InboxBatch.objects.exists()
    assert not ImportRun.objects.exists()


@pytest.mark.django_db
def test_import__bad_rows_skipped__good_ones_stored_and_bad_ones_kept(tmp_path):
    path = csv_file(tmp_path, [line(1), line(2, value="x"), line(3)])

    out, _ = run(path, "--skip-bad-rows")

    assert out == "2 rows imported, 1 refused\n"
    assert len(stored("events")) == 2
    kept = RefusedEvent.objects.get()
    assert (kept.field, kept.value, kept.key) == ("value", "'x'", None)
    assert "Line 3 of clicks.csv" in kept.fix
    assert b'"unit": "u2"' in bytes(kept.raw)
    found = ImportRun.objects.get()
    assert (found.accepted, found.refused, found.finished_at is not None) == (2, 1, True)


@pytest.mark.django_db
def test_import__hundred_bad_rows__first_twenty_shown_all_counted(tmp_path):
    _, err = run(csv_file(tmp_path, [line(n, value="x") for n in range(100)]), "--dry-run")

    assert err.count("clicks.csv:") == 20
    assert "and 80 more" in err


@pytest.mark.django_db
def test_dry_run__good_file__counts_and_imports_nothing(tmp_path):
    out, _ = run(csv_file(tmp_path, [line(1)]), "--dry-run")

    assert out == "1 rows are good, 0 are not; none imported\n"
    assert not InboxBatch.objects.exists()


@pytest.mark.django_db
def test_import__own_column_names__mapped(tmp_path):
    path = csv_file(tmp_path, ["u1,2019-11-24 10:00:00,de,9\n"], header="who,when,land,rest\n")

    run(
        path,
        *("--map", "who=unit", "--map", "when=ts", "--map", "land=dims.country", "--ignore-rest"),
        *("--set", "unit_type=user", "--set", "name=click", "--time", "utc"),
    )

    [row] = stored("events")
    assert (row["name"], row["dims"]) == ("click", [("country", "de")])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--map", "nothing"), "name=value"),
        (("--map", "unit=unit", "--map", "unit=session"), "twice"),
        (("--map", "unitt=unit"), "Did you mean unit"),
        (("--delimiter", "::"), "delimiter"),
    ],
)
def test_import__wrong_option__refused_in_words(tmp_path, options, words):
    with pytest.raises(CommandError, match=words):
        run(csv_file(tmp_path, [line(1)]), *options)


@pytest.mark.django_db
def test_import__unknown_environment__refused(tmp_path):
    with pytest.raises(CommandError, match="production"):
        call_command(
            "import_events",
            str(csv_file(tmp_path, [line(1)])),
            "--environment",
            "prodction",
            "--kind",
            "events",
        )


@pytest.mark.django_db
def test_import__parquet_of_exposures__typed_columns_taken(tmp_path):
    path = tmp_path / "exposures.parquet"
    at = datetime(2019, 11, 24, 10, tzinfo=NOW.tzinfo)
    table = pa.table(
        {
            "ts": pa.array([at] * 3, pa.timestamp("us", tz="UTC")),
            "unit": pa.array([1, 2, 3], pa.int64()),
            "unit_type": ["user"] * 3,
            "flag": ["checkout"] * 3,
            "variant": ["control", "treatment", "control"],
            "version": pa.array([1, None, 2], pa.int32()),
            "forced": [False, True, None],
            "dims": pa.array([[("country", "de")], [], None], pa.map_(pa.string(), pa.string())),
        }
    )
    pq.write_table(table, path)

    out, _ = run(path, kind="exposures")

    rows = {row["unit"]: row for row in stored("exposures")}
    found = [rows[services.unit_hash("user", str(n), now=NOW)] for n in (1, 2, 3)]
    assert out == "3 rows imported, 0 refused\n"
    assert [row["version"] for row in found] == [1, 0, 2]
    assert [row["forced"] for row in found] == [False, True, False]
    assert [row["dims"] for row in found] == [[("country", "de")], [], []]
    assert {row["ts"] for row in found} == {at}


@pytest.mark.django_db
def test_import__parquet_with_bad_values__refused_with_the_row(tmp_path):
    path = tmp_path / "events.parquet"
    pq.write_table(
        pa.table({"ts": [datetime(2019, 1, 1)] * 2, "unit": [1.5, 2.5], "value": [float("nan"), 1.0]}), path
    )

    _, err = run(path, "--set", "unit_type=user", "--set", "name=x", "--dry-run", "--time", "utc")

    assert "events.parquet:1: unit = 1.5" in err
    assert "events.parquet:2: unit = 2.5" in err


@pytest.mark.django_db
def test_import__interrupted__goes_on_where_it_stopped(tmp_path):
    path = csv_file(tmp_path, [line(n) for n in range(5_000)])
    wanted = Import(open_table(path), Reading(kind="events"), "production")
    calls = []

    def failing(rows):
        calls.append(rows)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importing.import_file(wanted, actor="rosa", now=NOW, say=failing)
    assert ImportRun.objects.get().rows_done == 2_000

    outcome = importing.import_file(wanted, actor="rosa", now=NOW)

    assert (outcome.accepted, outcome.refused) == (5_000, 0)
    assert len(set(ids(stored("events")))) == len(stored("events")) == 5_000


@pytest.mark.django_db(transaction=True)
def test_import__process_killed__second_run_completes_without_doubles(tmp_path, store):
    path = csv_file(tmp_path, [line(n) for n in range(12_000)])
    command = [sys.executable, "-W", "ignore", str(ROOT / "manage.py"), "import_events", str(path)]
    command += ["--environment", "production", "--kind", "events"]
    process = subprocess.Popen(
        command, env=environment(store), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 240
    while not ImportRun.objects.filter(rows_done__gt=0).exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert ImportRun.objects.get().finished_at is None
    out, _ = run(path)

    assert out == "12,000 rows imported, 0 refused\n"
    assert len(set(ids(stored("events")))) == len(stored("events")) == 12_000
