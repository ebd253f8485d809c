"""Rows of CSV and Parquet files, a few at a time, with the line each one stands in.

CSV is read with one explicit dialect and every cell as text; what is broken in the file itself is refused
with its line. pyarrow is loaded for Parquet only.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ledger.refusals import Problem, Refused, problem

CHUNK = 1 << 20
ROWS_TOGETHER = 1_000
MAX_CELL = 131_072
PARQUET = b"PAR1"
BYTE_ORDER_MARK = "\ufeff"
DELIMITERS = (",", ";", "\t", "|")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file of rows; `delimiter` is for CSV."""

    path: Path
    delimiter: str = ","

    @property
    def is_parquet(self) -> bool:
        with self.path.open("rb") as file:
            return file.read(4) == PARQUET

    def sha256(self) -> str:
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def columns(self) -> list[str]:
        """Raises Refused for a file that has none."""
        if self.is_parquet:
            return _parquet(self.path).schema_arrow.names  # type: ignore[no-any-return]
        with self.path.open("rb") as file:
            _, header = next(records(file, self.delimiter), (1, []))
        return _checked_header(header, self)

    def rows(self) -> Iterator[tuple[int, Row | Problem]]:
        """Line (row, for Parquet) and content of every row; a Problem for a row with too many or few cells.

        Raises Refused where the file cannot be read on.
        """
        return self._parquet_rows() if self.is_parquet else self._csv_rows()

    def refuse(self, field: str, value: object, reason: str, fix: str, line: int | None = None) -> Refused:
        found = problem(field, value, reason, fix, line)
        return Refused(Problem(found.field, found.value, found.reason, found.fix, line, self.path.name))

    def _csv_rows(self) -> Iterator[tuple[int, Row | Problem]]:
        with self.path.open("rb") as file:
            read = records(file, self.delimiter)
            _, header = next(read)
            columns = _checked_header(header, self)
            for line, cells in read:
                if len(cells) == len(columns):
                    yield line, dict(zip(columns, cells, strict=True))
                elif cells:
                    why = f"this row has {len(cells)} cells, the header has {len(columns)}"
                    yield line, problem("row", ",".join(cells), why, "Put cells with commas in quotes.", line)

    def _parquet_rows(self) -> Iterator[tuple[int, Row | Problem]]:
        number = 0
        for batch in _parquet(self.path).iter_batches(batch_size=ROWS_TOGETHER):
            for row in batch.to_pylist():
                number += 1
                yield number, row


def open_table(path: Path, delimiter: str = ",") -> TableFile:
    """Raises Refused when there is no file, or the delimiter is none of those that are understood."""
    if not path.is_file():
        raise Refused(problem("file", str(path), "there is no file at this place", "Check the path."))
    if delimiter not in DELIMITERS:
        raise Refused(problem("--delimiter", delimiter, "this is no delimiter", "Possible: , ; | or a tab."))
    return TableFile(path, delimiter)


def _parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        why = f"this Parquet file cannot be read: {error}"
        raise Refused(problem("file", str(path), why, "Write it again.")) from None


def records(file: BinaryIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records of a CSV file with the line each begins in. Raises Refused where it cannot be read on."""
    reader = csv.reader(_lines(file), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        why = f"this record cannot be read: {error}"
        fix = f"Close quotation marks; a cell holds at most {MAX_CELL:,} characters."
        raise Refused(problem("row", f"from line {line}", why, fix, line)) from None


def _lines(file: BinaryIO) -> Iterator[str]:
    for number, raw in enumerate(file, start=1):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            bad = raw[error.start : error.start + 1]
            why = f"byte {error.start + 1} of line {number} is not UTF-8"
            raise Refused(problem("file", bad, why, "Save the file as UTF-8.", number)) from None
        yield text.removeprefix(BYTE_ORDER_MARK) if number == 1 else text


def _checked_header(header: list[str], file: TableFile) -> list[str]:
    if not any(header):
        raise file.refuse("file", "", "the file is empty", "Its first line names the columns.", 1)
    others = [mark for mark in DELIMITERS if mark != file.delimiter and mark in header[0]]
    if len(header) == 1 and others:
        why = "the header is a single column, so the cells seem to be separated by something else"
        raise file.refuse("--delimiter", header[0][:80], why, f"Try --delimiter {others[0]!r}.", 1)
    return header
