"""How columns become fields: explicit, never guessed."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from events.imports.mapping import Reading, TimeFormat, event_id, row_reader
from ledger.refusals import Refused

COLUMNS = ["ts", "unit", "unit_type", "name", "value"]
ROW = {"ts": "2026-03-04T11:00:00Z", "unit": "u1", "unit_type": "user", "name": "purchase", "value": "12.5"}


def read(row=ROW, columns=None, number=0, **options):
    reading = Reading(kind=options.pop("kind", "events"), **options)
    return json.loads(row_reader(reading, columns or list(row), "f").event(row, number))


def problems(columns, **options):
    with pytest.raises(Refused) as refused:
        row_reader(Reading(kind=options.pop("kind", "events"), **options), columns, "f")
    return {(problem.field, problem.value) for problem in refused.value.problems}


def test_row__columns_named_like_fields__an_event():
    assert read() == {"kind": "event", "id": str(event_id("f", 0)), **ROW, "value": 12.5}


def test_row__columns_mapped_and_constants__an_event():
    row = {"when": "2026-03-04T11:00:00Z", "user": "u1", "land": "de", "note": "x"}

    made = read(
        row,
        fields={"when": "ts", "user": "unit", "land": "dims.country", "note": "-"},
        constants={"unit_type": "user", "name": "purchase"},
    )

    assert (made["unit"], made["name"], made["dims"]) == ("u1", "purchase", {"country": "de"})
    assert "note" not in made


def test_row__no_id__always_the_same_for_the_file_and_the_row():
    assert read(number=1)["id"] == read(number=1)["id"]
    assert read(number=1)["id"] != read(number=2)["id"]
    assert read(number=1)["id"][:18] == read(number=2)["id"][:18]
    assert UUID(read(number=1)["id"]).version == 8


def test_row__empty_cells__left_out():
    made = read({**ROW, "value": "", "session": "", "dims.country": None})

    assert not {"value", "session", "dims"} & set(made)


@pytest.mark.parametrize(
    ("cell", "read_as"),
    [
        ("12", 12.0),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1,5", "1,5"),
        ("1.000.000", "1.000.000"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("nan", "nan"),
        ("Infinity", "Infinity"),
        ("=1+1", "=1+1"),
        (" 12", " 12"),
        ("١٢", "١٢"),
        ("12\n", "12\n"),
        (7, 7),
        (Decimal("2.50"), 2.5),
        (True, True),
    ],
)
def test_value__as_written__number_or_left_for_the_rules_to_refuse(cell, read_as):
    assert read({**ROW, "value": cell})["value"] == read_as


@pytest.mark.parametrize("unit", ["007", "1E5", "NULL", "None", "NA", "trailing ", "23423423423423423423423"])
def test_unit__looks_like_something_else__stays_as_it_is(unit):
    assert read({**ROW, "unit": unit})["unit"] == unit


def test_unit__whole_number_of_a_typed_file__its_digits():
    assert read({**ROW, "unit": 12345678901234567})["unit"] == "12345678901234567"
    assert read({**ROW, "unit": 1.5})["unit"] == 1.5


@pytest.mark.parametrize(
    ("cell", "written", "read_as"),
    [
        ("2026-03-04 11:00:00", TimeFormat.UTC, "2026-03-04T11:00:00Z"),
        ("2026-03-04T11:00:00.5", TimeFormat.UTC, "2026-03-04T11:00:00.5Z"),
        ("2026-03-04 11:00:00", TimeFormat.RFC3339, "2026-03-04 11:00:00"),
        ("03/04/2026", TimeFormat.UTC, "03/04/2026"),
        ("1772618400", TimeFormat.EPOCH_S, "2026-03-04T10:00:00+00:00"),
        ("1772618400.25", TimeFormat.EPOCH_S, "2026-03-04T10:00:00.250000+00:00"),
        (1772618400123, TimeFormat.EPOCH_MS, "2026-03-04T10:00:00.123000+00:00"),
        ("soon", TimeFormat.EPOCH_S, "soon"),
        ("1e999", TimeFormat.EPOCH_S, "1e999"),
        ("NaN", TimeFormat.EPOCH_S, "NaN"),
        (datetime(2026, 3, 4, 10, tzinfo=UTC), TimeFormat.RFC3339, "2026-03-04T10:00:00+00:00"),
        (datetime(2026, 3, 4, 10), TimeFormat.UTC, "2026-03-04T10:00:00+00:00"),
        (datetime(2026, 3, 4, 10), TimeFormat.RFC3339, "2026-03-04T10:00:00"),
        (
            datetime(2026, 3, 4, 10, tzinfo=timezone(timedelta(hours=1))),
            TimeFormat.RFC3339,
            "2026-03-04T10:00:00+01:00",
        ),
    ],
)
def test_time__as_the_option_says__never_guessed(cell, written, read_as):
    assert read({**ROW, "ts": cell}, time=written)["ts"] == read_as


def test_exposure__version_and_forced__typed():
    row = {**ROW, "flag": "f", "variant": "v", "version": "3", "forced": "TRUE", "experiment": "e"}
    del row["name"], row["value"]

    made = read(row, kind="exposures")

    assert (made["kind"], made["version"], made["forced"]) == ("exposure", 3, True)


@pytest.mark.parametrize(
    "cell", [[("country", "de"), ("n", 3)], {"country": "de", "n": 3}, '{"country": "de", "n": 3}']
)
def test_dims__map_struct_or_json__pairs_of_texts(cell):
    assert read({**ROW, "dims": cell})["dims"] == {"country": "de", "n": "3"}


@pytest.mark.parametrize("cell", ["country=de", 5, [1, 2], "[1]"])
def test_dims__something_else__left_for_the_rules_to_refuse(cell):
    assert list(read({**ROW, "dims": cell})["dims"]) == [""]


def test_columns__meaning_nothing__refused_with_both_ways_out():
    found = problems([*COLUMNS, "price"])

    assert found == {("columns", "'price'")}
    row_reader(Reading(kind="events", ignores_rest=True), [*COLUMNS, "price"], "f")


@pytest.mark.parametrize(
    ("columns", "options", "field"),
    [
        (COLUMNS[1:], {}, "ts"),
        ([*COLUMNS, "unit"], {}, "columns"),
        ([*COLUMNS, " "], {"ignores_rest": True}, "columns"),
        ([*COLUMNS, "user"], {"fields": {"user": "unit"}}, "--map"),
        (COLUMNS, {"fields": {"usr": "unit"}}, "--map"),
        (COLUMNS, {"fields": {"unit": "person"}}, "--map"),
        (COLUMNS, {"fields": {"unit": "flag"}}, "--map"),
        (COLUMNS, {"constants": {"name": "purchase"}}, "--map"),
        (COLUMNS, {"constants": {"colour": "red"}}, "--set"),
        (COLUMNS, {"constants": {"id": "x"}}, "--set"),
        (COLUMNS, {"kind": "pageviews"}, "kind"),
        (COLUMNS, {"kind": "exposures"}, "flag"),
    ],
)
def test_reading__does_not_fit_the_file__refused(columns, options, field):
    assert field in {name for name, _ in problems(columns, **options)}
