"""A CSV file for DuckDB to read: one dialect, every cell a text, and nothing guessed.

The engine reads columns only where they are needed, so what no text file may hold is looked for beforehand,
in one pass over the bytes, and said with its line.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import duckdb

from events.imports.files import BYTE_ORDER_MARK, CHUNK, DELIMITERS, records
from ledger.refusals import Problem, Refused, problem, refuse

LONGEST_LINE = 2_000_000
"""Bytes; the engine reads no longer ones."""
UTF8_FIX = "Save the file as UTF-8."


def opened(database: duckdb.DuckDBPyConnection, path: Path, exact: str) -> duckdb.DuckDBPyRelation:
    """The file as a relation of texts; `exact` is its path as the engine takes it. Raises Refused."""
    with _whole(path):
        _raise_if_no_text(path)
        delimiter, columns = _header(path)
    return database.read_csv(
        exact,
        header=True,
        delimiter=delimiter,
        quotechar='"',
        escapechar='"',
        auto_detect=False,
        columns=dict.fromkeys(columns, "VARCHAR"),
        null_padding=False,
        strict_mode=True,
        encoding="utf-8",
    )


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise refuse(
            "file", path.name, f"it cannot be unpacked: {error}", "Is it a whole .gz file?"
        ) from None


def _raise_if_no_text(path: Path) -> None:
    """Refuses bytes that are no UTF-8, NUL bytes and endless lines, with line and byte."""
    line = 1
    with _stream(path) as file:
        while chunk := file.read(CHUNK):
            chunk += file.readline(LONGEST_LINE)
            found = _no_text(chunk, line)
            if found is not None:
                raise Refused(found)
            line += chunk.count(b"\n")


def _no_text(chunk: bytes, line: int) -> Problem | None:
    """What is wrong with whole lines, of which the first is `line`."""
    nul = chunk.find(b"\0")
    try:
        chunk.decode("utf-8")
        wrong = len(chunk)
    except UnicodeDecodeError as error:
        wrong = error.start
    if nul < 0 and wrong == len(chunk):
        return None
    at = wrong if nul < 0 else min(nul, wrong)
    number, byte = line + chunk.count(b"\n", 0, at), at - chunk.rfind(b"\n", 0, at)
    why = f"byte {byte} of line {number} is {'a NUL byte' if at == nul else 'not UTF-8'}"
    return problem("file", chunk[at : at + 1], why, UTF8_FIX, number)


def _header(path: Path) -> tuple[str, list[str]]:
    """The delimiter that makes most columns of the first line, and their names without spaces around them."""
    with _stream(path) as file:
        first = file.readline(LONGEST_LINE)
    if b"\r" in first.rstrip(b"\r\n"):
        why = "its lines end in a carriage return alone"
        raise refuse("file", path.name, why, "Save it with the line ends of Windows or Unix.")
    counts = {mark: first.count(mark.encode()) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: counts[mark])
    cells = next((cells for _, cells in records(io.BytesIO(first), delimiter)), [])
    if not any(cell.strip(f" {BYTE_ORDER_MARK}") for cell in cells):
        raise refuse("file", path.name, "it is empty", "Its first line names the columns.")
    return delimiter, _names(cells)


def _names(cells: Sequence[str]) -> list[str]:
    """Columns without a name, as spreadsheets and data frames write them, are called after their place."""
    names = [cell.strip() or f"column {place}" for place, cell in enumerate(cells, start=1)]
    twice = [name for name, times in Counter(name.lower() for name in names).items() if times > 1]
    if twice:
        raise refuse("file", twice[0], "two columns have this name", "Rename one of them.")
    return names


def _stream(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")
