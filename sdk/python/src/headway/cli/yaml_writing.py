"""Writing plain data as YAML that every reader understands alike; needs no library.

Texts that any version of YAML could take for something else stand in quotes, so `on` and `off` do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

LINE = 100
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*")
_WORDS = frozenset("y n yes no on off true false null none nan inf".split())  # noqa: SIM905


def written(content: Any) -> str:
    """The content as YAML, with a line break at its end."""
    return "\n".join(_lines(content, 0)) + "\n"


def _lines(content: Any, indent: int) -> list[str]:
    pad = " " * indent
    if isinstance(content, Mapping) and content:
        lines: list[str] = []
        for key, value in content.items():
            lines += _entry(f"{pad}{_text(str(key))}:", value, indent)
        return lines
    if isinstance(content, (list, tuple)) and content:
        return [line for each in content for line in _item(each, indent)]
    return [pad + _flow(content)]


def _entry(head: str, value: Any, indent: int) -> list[str]:
    flat = _flow(value)
    if _is_short(value, flat, len(head)):
        return [f"{head} {flat}"]
    return [head, *_lines(value, indent + 2)]


def _item(value: Any, indent: int) -> list[str]:
    flat = _flow(value)
    if _is_short(value, flat, indent + 2):
        return [f"{' ' * indent}- {flat}"]
    first, *rest = _lines(value, indent + 2)
    return [f"{' ' * indent}- {first.lstrip()}", *rest]


def _is_short(value: Any, flat: str, taken: int) -> bool:
    """Whether a value stands on one line: scalars always, small nests of conditions and lists."""
    if not isinstance(value, (Mapping, list, tuple)) or not value:
        return True
    return len(flat) + taken < LINE and _depth(value) <= 2


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max((_depth(each) for each in value.values()), default=0)
    if isinstance(value, (list, tuple)):
        return 1 + max((_depth(each) for each in value), default=0)
    return 0


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(key))}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return _text(value)
    return _number(value) if isinstance(value, float) else json.dumps(value)


def _number(value: float) -> str:
    """JSON writes 1e+20 as YAML 1.1 would not read it back."""
    text = json.dumps(value)
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def _text(value: str) -> str:
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS and len(value) < 500
    if is_plain:
        return value
    return '"' + "".join(map(_character, value)) + '"'


def _character(character: str) -> str:
    """One character inside double quotes; JSON would escape large ones in halves, unknown to YAML."""
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"
