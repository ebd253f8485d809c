"""The documents keep up with the code."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events import wire
from events.diagnosis import RULES
from events.imports.mapping import TimeFormat
from events.ingest import TITLES
from events.judging import judge
from events.labels import FIELDS, LabelKind
from events.schema import COLUMNS
from events.wire import Envelope

DOCS = Path(__file__).resolve().parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "events-api.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "import-data.md").read_text(encoding="utf-8")
STORE = (DOCS / "explanation" / "event-store.md").read_text(encoding="utf-8")


def section(text, title):
    """From a heading to the next one."""
    return re.split(r"\n#+ ", text.split(f" {title}\n", 1)[1])[0]


def rows(text):
    return re.findall(r"^\| `([^|]+?)` \|", text, re.MULTILINE)


@pytest.mark.parametrize(("title", "kind"), [("An exposure", "exposure"), ("An event", "event")])
def test_reference__fields_of_an_event__exactly_those_of_the_rules(title, kind):
    assert set(rows(section(REFERENCE, title))) == set(RULES[kind])


def test_reference__envelope_and_label__exactly_their_fields():
    assert set(rows(section(REFERENCE, "The envelope"))) == set(Envelope.__struct_fields__)
    assert rows(section(REFERENCE, "A labelled event")) == list(FIELDS)
    assert all(f"`{kind.value}`" in REFERENCE for kind in LabelKind)


def test_reference__statuses__every_answer_of_the_ingest_has_a_row():
    listed = re.findall(r"^\| (\d{3}) ", section(REFERENCE, "The answer"), re.MULTILINE)

    assert set(map(int, listed)) >= set(TITLES) - {404, 405, 500}


def test_reference__example_batch__is_accepted():
    [example] = re.findall(r'```json\n(\{\n  "batch_id".*?)```', REFERENCE, re.DOTALL)

    judged = judge(example.encode(), datetime(2026, 11, 23, 11, tzinfo=UTC))

    assert (judged.accepted, judged.refused) == (2, ())


def test_reference__example_answer__has_the_form_of_an_answer():
    [example] = re.findall(r'```json\n(\{\n  "accepted".*?)```', REFERENCE, re.DOTALL)

    assert set(json.loads(example)["refused"][0]) == {"index", "field", "value", "reason", "fix"}


@pytest.mark.parametrize(
    "limit",
    [
        wire.MAX_BODY,
        wire.MAX_DECOMPRESSED,
        wire.MAX_EVENTS,
        wire.MAX_UNIT,
        wire.MAX_NAME,
        int(wire.MAX_VALUE),
    ],
)
def test_reference__limits__as_in_the_code(limit):
    assert f"{limit:,}" in REFERENCE


def test_how_to__options__exactly_those_of_the_command():
    from events.management.commands.import_events import Command

    parser = Command().create_parser("manage.py", "import_events")
    own = [action.option_strings[0] for action in parser._actions if action.option_strings]
    common = {"-h", "--version", "-v", "--settings", "--pythonpath", "--traceback", "--no-color"}

    listed = {name.split(" ")[0] for name in rows(section(HOW_TO, "What the options mean"))}
    assert listed == set(own) - common - {"--force-color", "--skip-checks"}
    assert all(f"`{written}`" in HOW_TO for written in TimeFormat)


def test_store__columns__exactly_those_of_the_files():
    table = section(STORE, "Files")
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }

    assert listed == {*COLUMNS["exposures"].names, *COLUMNS["events"].names}
