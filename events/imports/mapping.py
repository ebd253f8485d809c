"""How the columns of a file become the fields of events. Pure: no files, no database.

Nothing is guessed: a column that means nothing has to be named or left out on purpose, and what a cell cannot
be read as stays as it is, so that the rules of ingest refuse it with field, value and reason.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from hashlib import blake2b
from typing import Any
from uuid import UUID

from events.diagnosis import RULES
from events.layout import EVENTS, EXPOSURES
from ledger.refusals import Problem, problem, raise_if_any

WIRE_KIND: dict[str, str] = {EXPOSURES: "exposure", EVENTS: "event"}
DIM = "dims."
LEFT_OUT = "-"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"\d{1,10}", re.ASCII)
VERSION_8 = 0x8 << 76 | 0x2 << 62
"""The bits by which a UUID says that its maker's own rule made it (RFC 9562)."""
TRUTH = {"true": True, "false": False}


class TimeFormat(StrEnum):
    """How the column of times is written; `utc` is a time without a zone that means UTC."""

    RFC3339 = "rfc3339"
    UTC = "utc"
    EPOCH_S = "epoch-s"
    EPOCH_MS = "epoch-ms"


@dataclass(frozen=True, slots=True)
class Reading:
    """`fields` by column ("-" leaves a column out), `constants` by field for what no column holds."""

    kind: str
    fields: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    time: TimeFormat = TimeFormat.RFC3339
    ignores_rest: bool = False

    def canonical(self) -> str:
        """The same for the same way of reading."""
        content = [self.kind, sorted(self.fields.items()), sorted(self.constants.items()), self.time]
        return json.dumps([*content, self.ignores_rest])


@dataclass(frozen=True, slots=True)
class RowReader:
    """Turns rows into the texts of events; `fields` by column, each field at most once."""

    reading: Reading
    fields: Mapping[str, str]
    fingerprint: str

    def event(self, row: Mapping[str, Any], number: int) -> bytes:
        """Row `number` (from 0) as an event. Its id follows from the file and the number when it has none."""
        made: dict[str, Any] = {"kind": WIRE_KIND[self.reading.kind]}
        dims: dict[str, Any] = {}
        for name, cell in self._cells(row):
            if name.startswith(DIM):
                dims[name.removeprefix(DIM)] = _text(cell)
            elif name == "dims":
                dims.update(_pairs(cell))
            else:
                made[name] = self._value(name, cell)
        made.setdefault("id", str(event_id(self.fingerprint, number)))
        if dims:
            made["dims"] = dims
        return json.dumps(made, ensure_ascii=False, default=repr).encode("utf-8", "backslashreplace")

    def _cells(self, row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """Field and cell, without the empty ones."""
        yield from self.reading.constants.items()
        for column, name in self.fields.items():
            cell = row[column]
            if cell is not None and cell != "":
                yield name, cell

    def _value(self, name: str, cell: Any) -> Any:
        if name == "ts":
            return _time(cell, self.reading.time)
        if name == "value":
            return _number(cell)
        if name == "version":
            return int(cell) if isinstance(cell, str) and WHOLE.fullmatch(cell) else cell
        if name == "forced":
            return TRUTH.get(cell.lower(), cell) if isinstance(cell, str) else cell
        return _text(cell)


def row_reader(reading: Reading, columns: list[str], fingerprint: str) -> RowReader:
    """Check a way of reading against a file's columns. Raises Refused."""
    raise_if_any(_unknown_kind(reading))
    fields = {column: name for column in columns if (name := _field_of(column, reading)) != LEFT_OUT}
    found = [*_doubled_columns(columns), *_wrong_options(reading, columns)]
    found += [*_meaningless(fields, reading), *_doubled_fields(fields, reading)]
    found += _missing(fields, reading)
    raise_if_any(found)
    return RowReader(reading, fields, fingerprint)


def event_id(fingerprint: str, number: int) -> UUID:
    """The id of a row: the same file read the same way gives the same ids.

    Ids of a file differ in their last half only, so that compaction finds them side by side.
    """
    high = blake2b(fingerprint.encode(), digest_size=8).digest()
    low = blake2b(f"{fingerprint} {number}".encode(), digest_size=8).digest()
    number = int.from_bytes(high + low, "big")
    return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | VERSION_8)


def _field_of(column: str, reading: Reading) -> str:
    """The field a column stands for; a text that is no field when it means nothing."""
    if column in reading.fields:
        return reading.fields[column]
    return LEFT_OUT if reading.ignores_rest and not _is_field(column, reading.kind) else column


def _is_field(name: str, kind: str) -> bool:
    is_known = name in RULES[WIRE_KIND[kind]] and name != "kind"
    return is_known or (name.startswith(DIM) and len(name) > len(DIM))


def _unknown_kind(reading: Reading) -> Iterable[Problem]:
    if reading.kind not in WIRE_KIND:
        yield problem("kind", reading.kind, "there is no such kind", f"Possible: {', '.join(WIRE_KIND)}.")


def _doubled_columns(columns: list[str]) -> Iterable[Problem]:
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        yield problem("columns", column, "two columns have this name", "Give every column its own.")
    if any(not column.strip() for column in columns):
        yield problem("columns", "", "a column has no name", "Give every column a name.")


def _wrong_options(reading: Reading, columns: list[str]) -> Iterable[Problem]:
    for column, name in reading.fields.items():
        if column not in columns:
            close = get_close_matches(column, columns, n=1)
            fix = f"Did you mean {close[0]}?" if close else f"Its columns: {', '.join(columns)[:300]}."
            yield problem("--map", column, "the file has no such column", fix)
        if name != LEFT_OUT and not _is_field(name, reading.kind):
            yield problem("--map", name, "there is no such field", _fields_of(reading.kind))
    for name in reading.constants:
        if not _is_field(name, reading.kind) or name in {"id", "dims"}:
            yield problem("--set", name, "this field cannot be set for all rows", _fields_of(reading.kind))


def _meaningless(fields: Mapping[str, str], reading: Reading) -> Iterable[Problem]:
    for column, name in fields.items():
        if column not in reading.fields and not _is_field(name, reading.kind):
            fix = f"Say what it is with --map {column}=<field>, or leave it out with --map {column}=-."
            yield problem("columns", column, "this column is no field of an event", fix)


def _doubled_fields(fields: Mapping[str, str], reading: Reading) -> Iterable[Problem]:
    names = [*fields.values(), *reading.constants]
    for name in sorted({name for name in names if names.count(name) > 1}):
        sources = ", ".join([column for column, of in fields.items() if of == name])
        fix = f"Columns with it: {sources}. Leave one out with --map <column>=-."
        yield problem("--map", name, "this field has two sources", fix)


def _missing(fields: Mapping[str, str], reading: Reading) -> Iterable[Problem]:
    sources = {*fields.values(), *reading.constants}
    for name, rule in RULES[WIRE_KIND[reading.kind]].items():
        if rule.required and name not in {*sources, "id", "kind"}:
            fix = f"Name the column with --map <column>={name}, or give all rows the same: --set {name}=…"
            yield problem(name, None, "no column holds this field", fix)


def _fields_of(kind: str) -> str:
    names = [name for name in RULES[WIRE_KIND[kind]] if name != "kind"]
    return f"Fields: {', '.join(names)}, {DIM}<name>."


def _text(cell: Any) -> Any:
    """Whole numbers of typed files are ids as often as not; everything else stays what it is."""
    return str(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


def _number(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        return float(cell)
    if not isinstance(cell, str) or not NUMBER.fullmatch(cell):
        return cell
    return float(cell)


def _pairs(cell: Any) -> dict[str, Any]:
    """A map or a struct of a typed file; of a text file, a JSON object."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            return {"": cell}
    pairs = cell.items() if isinstance(cell, dict) else cell
    try:
        return {str(name): _text(level) for name, level in pairs if level is not None}
    except (TypeError, ValueError):
        return {"": repr(cell)}


def _time(cell: Any, written: TimeFormat) -> Any:
    if isinstance(cell, datetime):
        is_utc = cell.tzinfo is None and written is TimeFormat.UTC
        return (cell.replace(tzinfo=UTC) if is_utc else cell).isoformat()
    if written in {TimeFormat.EPOCH_S, TimeFormat.EPOCH_MS}:
        return _since_epoch(cell, 1_000 if written is TimeFormat.EPOCH_S else 1)
    if written is TimeFormat.UTC and isinstance(cell, str):
        text = cell.strip().replace(" ", "T", 1)
        return f"{text}Z" if re.fullmatch(r"[\d-]{10}T[\d:.]+", text) else cell
    return cell


def _since_epoch(cell: Any, ms: int) -> Any:
    """In microseconds, by whole numbers: nothing is rounded that was exact."""
    try:
        us = int(Decimal(str(cell)) * ms * 1_000)
        return (EPOCH + timedelta(microseconds=us)).isoformat()
    except (ArithmeticError, ValueError):
        return cell
