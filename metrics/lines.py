"""Where each key of a TOML text stands, because `tomllib` forgets line numbers once it has read a value.

Only used on texts that `tomllib` accepted, for error messages and to change one line and leave the others as
they were written, so this scans and does not judge.
"""

import json
import re
from collections.abc import Mapping
from itertools import count

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_HEADER = re.compile(rf"\s*\[\[?\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]\]?\s*(?:#.*)?$")
_LONG_QUOTES = ('"""', "'''")


def line_numbers(text: str) -> dict[str, int]:
    """Dotted path of every table and key → its line, from 1; tables of a list are name[0], name[1]."""
    found: dict[str, int] = {}
    table, open_quotes = "", ""
    for number, line in enumerate(text.split("\n"), start=1):
        if open_quotes:
            open_quotes = "" if open_quotes in line else open_quotes
            continue
        if header := _HEADER.match(line):
            table = _path(header[1])
            found.setdefault(table, number)
            if line.lstrip().startswith("[["):
                table = next(each for n in count() if (each := f"{table}[{n}]") not in found)
                found[table] = number
        elif key := _KEY.match(line):
            found.setdefault(f"{table}.{_path(key[1])}".lstrip("."), number)
            open_quotes = _left_open(line)
    return found


def with_text(text: str, key: str, value: str) -> str:
    """The TOML text with another value on the line of a top-level key; without that line for an empty one."""
    lines = text.split("\n")
    at = line_numbers(text)[key] - 1
    lines[at : at + 1] = [f"{key} = {json.dumps(value, ensure_ascii=False)}"] if value else []
    return "\n".join(lines)


def line_of(path: str, numbers: Mapping[str, int]) -> int:
    """The line of the path or of the closest table above it; 1 when the text has neither."""
    while path:
        if path in numbers:
            return numbers[path]
        path = path.rpartition(".")[0]
    return 1


def _path(written: str) -> str:
    return ".".join(part.strip("\"'") for part in re.findall(_PART, written))


def _left_open(line: str) -> str:
    """The long quotes that this line opens and does not close."""
    return next((quotes for quotes in _LONG_QUOTES if line.count(quotes) % 2 == 1), "")
