"""The CSV file of a look: rows of text with the line each stands in. One dialect, and nothing is guessed."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator

from analysis.imported import FIELDS, first_of
from events.imports.files import records
from ledger.refusals import Problem, Refused, problem, raise_if_any
from metrics.reading import meant

FIRST_LINE = 2
MAX_BYTES = 10_000_000
MAX_ROWS = 10_000
DELIMITERS = ";\t|"


def rows_of(raw: bytes) -> list[dict[str, str]]:
    """One mapping for each line after the header. Raises Refused for what is no such file, with the line."""
    if len(raw) > MAX_BYTES:
        raise Refused(
            problem("file", f"{len(raw):,} bytes", "it is larger than 10 MB", "Aggregate the rows first.")
        )
    if b"\x00" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\x00")) + 1
        raise Refused(
            problem("file", "\x00", "this line holds a NUL byte", "Save it as plain UTF-8 text.", line)
        )
    read = records(io.BytesIO(raw), ",")
    columns = _columns(next(read, (1, []))[1])
    found = list(_rows(columns, read))
    if not found:
        raise Refused(problem("file", "", "it has no rows", "The first line names the columns, rows follow."))
    return found


def _columns(header: list[str]) -> list[str]:
    """Names as they are understood: spaces around them and their case mean nothing."""
    if not any(header):
        raise Refused(problem("file", "", "it is empty", f"The first line is {','.join(FIELDS)}.", 1))
    if len(header) == 1 and any(mark in header[0] for mark in DELIMITERS):
        why = "the columns are separated by something else than commas"
        raise Refused(problem("file", header[0], why, "Save it with commas, and decimals with a point.", 1))
    columns = [name.strip().lower() for name in header]
    twice = [name for name, times in Counter(columns).items() if times > 1]
    unknown = [name for name in columns if name not in FIELDS]
    raise_if_any(
        [
            *(problem("header", name, "this column stands here twice", "Keep one.", 1) for name in twice),
            *(problem("header", name, "there is no such column", _known(name), 1) for name in unknown),
        ]
    )
    return columns


def _known(name: str) -> str:
    return f"{meant(name, FIELDS)}Columns are {', '.join(FIELDS)}."


def _rows(columns: list[str], read: Iterator[tuple[int, list[str]]]) -> Iterator[dict[str, str]]:
    problems: list[Problem] = []
    for count, (line, cells) in enumerate(read, start=1):
        if count > MAX_ROWS:
            raise Refused(problem("file", f"line {line}", f"it has more than {MAX_ROWS:,} rows", "", line))
        if len(cells) != len(columns):
            why = f"this row has {len(cells)} cells, the header has {len(columns)}"
            problems.append(problem("row", ",".join(cells), why, "Numbers have no commas in them.", line))
        else:
            yield dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    raise_if_any(first_of(problems))
