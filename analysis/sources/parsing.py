"""Reading a source from TOML text or a JSON body, refusing what cannot be meant, all of it at once.

Names become identifiers and never SQL; still only plain ones are accepted, so that a typing error is said
here and not by a database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from analysis.sources.definition import EventTable, ExposureTable, SourceDefinition, SourceKind
from metrics.lines import line_numbers
from metrics.parsing import toml_table
from metrics.reading import Fields, Findings, body_fields

FIELDS = ("key", "title", "kind", "folder", "connection", "exposures", "events")
EXPOSURE_FIELDS = ("table", "unit", "arm", "time", "experiment", "arms", "dims")
EVENT_FIELDS = ("table", "unit", "time", "event", "event_column", "value", "dims")
MAX_EVENT_TABLES = 20
MAX_PAIRS = 20
CONNECTION = re.compile(r"HEADWAY_SOURCE_[A-Z0-9_]{1,50}")
CONNECTION_FIX = 'Name a variable of the worker that begins with HEADWAY_SOURCE_, as "HEADWAY_SOURCE_SHOP".'
SQL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}(\.[A-Za-z_][A-Za-z0-9_$]{0,62})?")
OF_THE_DATABASE = ("pg_", "information_schema.")
PATTERN = re.compile(r"[*?\[\]{}\\]")
UNIT_FIX = "Name the column that says who was randomised."
TIME_FIX = "Name the column with the time, one of type timestamp or date."


def parse(text: str) -> SourceDefinition:
    """The source that a TOML text describes. Raises Refused with every problem and its line."""
    table = toml_table(text, None)
    return _complete(Fields(table, FIELDS, Findings(lines=line_numbers(text))))


def read(body: object) -> SourceDefinition:
    """The source that a JSON body describes. Raises Refused with every problem."""
    return _complete(body_fields(body, FIELDS))


def _complete(fields: Fields) -> SourceDefinition:
    kind = fields.choice("kind", SourceKind, fix="It says what the tables are.")
    exposures = _exposures(fields, kind)
    definition = SourceDefinition(
        key=fields.slug("key"),
        title=fields.text("title", fix="Write the name people read."),
        kind=kind,
        folder=_folder(fields, kind),
        connection=_connection(fields, kind),
        exposures=exposures,
        events=_events(fields, kind),
    )
    fields.findings.raise_if_any()
    return definition


def _folder(fields: Fields, kind: SourceKind) -> str:
    if kind is not SourceKind.PARQUET:
        return _not_here(fields, "folder", kind)
    folder = fields.text("folder", fix='Name the folder, as "/data/warehouse".', limit=500)
    if folder and (not folder.startswith("/") or ".." in PurePosixPath(folder).parts):
        fields.refuse("folder", "this is not the full path of a folder", 'Write it as "/data/warehouse".')
    return folder


def _connection(fields: Fields, kind: SourceKind) -> str:
    if kind is not SourceKind.POSTGRES:
        return _not_here(fields, "connection", kind)
    name = fields.text("connection", fix=CONNECTION_FIX, limit=70)
    if name and not CONNECTION.fullmatch(name):
        # The value may be an address with a password that somebody typed here: it is not repeated.
        fields.findings.add("connection", "(not shown)", "this is no name of a variable", CONNECTION_FIX)
        return ""
    return name


def _not_here(fields: Fields, name: str, kind: SourceKind) -> str:
    if fields.values.get(name):
        fields.findings.add(name, "(not shown)", f"a source of kind {kind} has none", "Remove it.")
    return ""


def _exposures(fields: Fields, kind: SourceKind) -> ExposureTable:
    fix = "Describe the table that says who is in which arm."
    table = fields.table("exposures", EXPOSURE_FIELDS, fix=fix)
    if table is None:
        if "exposures" not in fields:
            fields.refuse_missing("exposures", fix)
        return ExposureTable("", "", "", "")
    _refuse_shared(table, "unit", "arm", "time")
    return ExposureTable(
        table=_table_name(table, kind),
        unit=_column(table, "unit", UNIT_FIX),
        arm=_column(table, "arm", "Name the column that says the arm."),
        time=_column(table, "time", TIME_FIX),
        experiment=_column(table, "experiment", "Name the column with the experiment's key.", default=""),
        arms=table.pairs("arms", fix='Write A = "control" for each value of the column.', limit=MAX_PAIRS),
        dims=_dims(table),
    )


def _events(fields: Fields, kind: SourceKind) -> tuple[EventTable, ...]:
    if "events" not in fields:
        fields.refuse_missing("events", "Write [[events]] once for each table.")
        return ()
    listed = fields.values["events"]
    if not isinstance(listed, list | tuple) or not 1 <= len(listed) <= MAX_EVENT_TABLES:
        fix = "Write [[events]] once for each table."
        fields.refuse("events", f"this is not a list of 1 to {MAX_EVENT_TABLES} tables", fix)
        return ()
    return tuple(_event_table(fields, kind, index, item) for index, item in enumerate(listed))


def _event_table(fields: Fields, kind: SourceKind, index: int, item: object) -> EventTable:
    place = f"events[{index}]"
    if not isinstance(item, Mapping):
        fields.findings.add(place, item, "this is not a table", f"Its fields are {', '.join(EVENT_FIELDS)}.")
        return EventTable("", "", "")
    table = Fields(item, EVENT_FIELDS, fields.findings, place)
    _refuse_shared(table, "unit", "time")
    found = EventTable(
        table=_table_name(table, kind),
        unit=_column(table, "unit", UNIT_FIX),
        time=_column(table, "time", TIME_FIX),
        event=table.text("event", fix='Name the event, as "purchase".', default="", limit=100)
        if "event" in table
        else "",
        event_column=_column(table, "event_column", "Name the column.", default=""),
        value=_column(table, "value", "Name a column of numbers.", default=""),
        dims=_dims(table),
    )
    if bool(found.event) == bool(found.event_column):
        fix = 'Write event = "purchase", or event_column = "name" when a column says it.'
        table.findings.add(
            place, found.event or "(missing)", "either one name or one column names the event", fix
        )
    return found


def _table_name(table: Fields, kind: SourceKind) -> str:
    if kind is SourceKind.POSTGRES:
        fix = 'Write "schema.table", with letters, digits and _.'
        name = table.text("table", fix=fix, limit=130)
        if name and not SQL_NAME.fullmatch(name):
            table.refuse("table", "this is no name of a table", fix)
        elif name.lower().startswith(OF_THE_DATABASE):
            table.refuse("table", "this belongs to the database itself", "Name one of your own tables.")
        return name
    fix = "Name a .parquet file or a folder of them, seen from the source's folder."
    name = table.text("table", fix=fix, limit=300)
    path = PurePosixPath(name)
    if name and (path.is_absolute() or ".." in path.parts or PATTERN.search(name)):
        table.refuse("table", "this is no path below the source's folder", fix)
    return name


def _refuse_shared(table: Fields, *roles: str) -> None:
    """A column that is given two of these parts is a slip of the pen."""
    for place, role in enumerate(roles):
        earlier = [other for other in roles[:place] if other in table and role in table]
        for other in earlier:
            if table.values[role] == table.values[other]:
                table.refuse(role, f"this column is the {other} already", "Name another column.")


def _column(table: Fields, name: str, fix: str, *, default: str | None = None) -> str:
    if default is not None and name not in table:
        return default
    return table.text(name, fix=fix, default=default, limit=128)


def _dims(table: Fields) -> tuple[tuple[str, str], ...]:
    return table.pairs("dims", fix='Write device = "platform": the dim and its column.', limit=MAX_PAIRS)
