"""A file or a table in memory becomes readable under one name, without guesses about what stands in it.

Parquet and tables carry their types. In CSV every cell is text, so that `007` and `1E5` stay the units they
are; columns of numbers are turned into numbers by a rule that says no, with the rows it said no to.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import duckdb
import ibis
import pyarrow as pa

from analysis.adhoc import csv_files
from ledger.refusals import Problem, problem, refuse

NAME = "file"
LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}
SHOWN_PROBLEMS = 20
SHOWN_CHARACTERS = 200
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
YES, NO = ("true", "t", "yes", "y"), ("false", "f", "no", "n")


def open_table(database: duckdb.DuckDBPyConnection, data: object) -> tuple[Any, bool]:
    """The table as Ibis sees it, and whether all its cells are text. Raises Refused."""
    if not isinstance(data, Path):
        return _in_memory(database, data), False
    is_text = data.suffix.lower() in (".csv", ".gz")
    try:
        read = csv_files.opened(database, _file(data), _exact(data)) if is_text else _parquet(database, data)
        read.create_view(NAME)
        return ibis.table(ibis.Schema.from_pyarrow(_schema(read)), name=NAME), is_text
    except (duckdb.Error, OSError) as error:
        raise refuse("file", str(data), f"it cannot be read: {said(error)}", "Is it whole?") from error


def _parquet(database: duckdb.DuckDBPyConnection, path: Path) -> duckdb.DuckDBPyRelation:
    """One file, or all files of a folder, as clusters write them."""
    if path.is_dir():
        files = sorted(each for each in path.rglob("*.parquet") if each.is_file())
        if not files:
            raise refuse("file", str(path), "this folder holds no .parquet files", "Name a file in it.")
        return database.read_parquet(list(map(_exact, files)))
    if _file(path).suffix.lower() != ".parquet":
        raise refuse("file", str(path), "this is neither .parquet nor .csv", "Convert it first.")
    return database.read_parquet(_exact(path))


def _file(path: Path) -> Path:
    if not path.is_file():
        raise refuse("file", str(path), "there is no such file", "Name a .parquet or .csv file.")
    return path


def typed(
    database: duckdb.DuckDBPyConnection, table: Any, numeric: Iterable[str], truths: Iterable[str]
) -> tuple[Any, list[Problem]]:
    """A table of text with numbers in these columns, and what is no number or no truth in them."""
    columns = [*dict.fromkeys(numeric)]
    wanted = {name: _as_number(table[name]) for name in columns}
    wanted |= {name: _as_truth(table[name]) for name in truths if name not in wanted}
    wanted = {name: value for name, value in wanted.items() if name in table.columns}
    problems = [found for name, value in wanted.items() for found in _unread(database, table, name, value)]
    return table.mutate(**wanted), problems[:SHOWN_PROBLEMS]


def _in_memory(database: duckdb.DuckDBPyConnection, data: object) -> Any:
    """A pyarrow table, or whatever can be read as one: data frames of pandas and polars."""
    try:
        table = data if isinstance(data, pa.Table) else pa.table(cast("Any", data))
    except (TypeError, ValueError, pa.ArrowException) as error:
        kind = type(data).__name__
        raise refuse("file", kind, f"this is no table: {error}", "Give a path or a data frame.") from None
    database.register(NAME, table)
    return ibis.table(ibis.Schema.from_pyarrow(table.schema), name=NAME)


def _schema(read: duckdb.DuckDBPyRelation) -> pa.Schema:
    return read.limit(0).to_arrow_table().schema


def _exact(path: Path) -> str:
    """DuckDB takes stars and brackets for patterns; a name is a name."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))


def said(error: Exception) -> str:
    """The engine's words without its advice, which names settings that are not open here."""
    if "state machine" in str(error):
        return "it is no regular CSV, for example because some lines end in CRLF and others in LF"
    kept = []
    for line in map(str.strip, str(error).splitlines()):
        if not line or line.startswith(("Possible", "*")):
            break
        kept.append(line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…")
    return "; ".join(kept)


def _as_number(value: Any) -> Any:
    cell = value.strip()
    number = cell.try_cast("float64")
    is_number = cell.re_search(NUMBER) & ~number.isinf()
    return is_number.ifelse(number, ibis.null().cast("float64"))


def _as_truth(value: Any) -> Any:
    cell = value.strip().lower()
    known = ibis.cases((cell.isin(YES), 1.0), (cell.isin(NO), 0.0), else_=ibis.null().cast("float64"))
    return ibis.coalesce(known.cast("float64"), _as_number(value))


def _unread(database: duckdb.DuckDBPyConnection, table: Any, name: str, value: Any) -> list[Problem]:
    """Cells with something in them that is no number. Rows count from the header, which is the first."""
    numbered = table.select(cell=table[name], value=value, row=ibis.row_number())
    bad = numbered.filter(numbered.value.isnull() & (numbered.cell.strip() != "")).limit(SHOWN_PROBLEMS)
    found = database.sql(str(ibis.to_sql(bad.select("row", "cell"), dialect="duckdb"))).fetchall()
    return [
        problem("metric", cell, f'row {row + 2} of column "{name}" is no number', _fix(cell), row + 2)
        for row, cell in sorted(found)
    ]


def _fix(cell: str) -> str:
    if "," in cell:
        return "Write decimals with a point and no thousands separators."
    return "Leave the cell empty where there is no value."
