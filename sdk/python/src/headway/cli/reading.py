"""Reading the files people write: UTF-8 only, JSON or YAML, strict, every slip with its line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway.cli.failures import Failed

LARGEST_BYTES = 20_000_000
SUFFIXES = (".yaml", ".yml", ".json")


def read_text(path: Path) -> str:
    """The text of a file, or of standard input for `-`. Raises Failed."""
    try:
        raw = sys.stdin.buffer.read(LARGEST_BYTES + 1) if str(path) == "-" else _bytes(path)
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror or error}.") from None
    if len(raw) > LARGEST_BYTES:
        raise Failed(f"{path} is larger than {LARGEST_BYTES:,} bytes.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise Failed(f"{path}: line {line}, byte {column} is not UTF-8. Save the file as UTF-8.") from None


def read_data(path: Path) -> Any:
    """What a JSON or YAML file says. Raises Failed."""
    text = read_text(path)
    if path.suffix.lower() == ".json" or (str(path) == "-" and text.lstrip()[:1] in ("{", "[")):
        return read_json(text, str(path))
    from headway.cli.yaml_reading import read_yaml

    return read_yaml(text, str(path))


def read_json(text: str, name: str) -> Any:
    """JSON without keys that stand twice, NaN and depths that only an attack has."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Failed(
            f"{name}: line {error.lineno}, column {error.colno}: this is no JSON: {error.msg}."
        ) from None
    except RecursionError:
        raise Failed(f"{name}: this is nested too deeply.") from None
    except ValueError as error:
        raise Failed(f"{name}: {error}.") from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES + 1)


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:100]!r} stands twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number that JSON knows")
