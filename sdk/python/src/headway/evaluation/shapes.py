"""Shapes of flags: most flags of a large document differ from others in names, numbers and lists only.

A shape is a regular expression made of a flag that was found right. It leaves open only what would be right
whatever stands there, and holds to the letter everything else: a flag whose text it matches needs no other
look. A shape says yes or nothing; what none matches is read and checked as ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional

from headway.evaluation.conditions import MAX_ATTRIBUTE
from headway.evaluation.flag_checking import MAX_NAME
from headway.evaluation.operators import MAX_LIST, MAX_TEXT

Match = Callable[[str, int], Optional["re.Match[str]"]]

MAX_SHAPES = 12
MAX_LITERAL = 200
MAX_PATTERN = 6_000
"""Writing the regular expression takes a millisecond or two at this length."""

MAX_SIZE = 500_000
"""Below what a list's texts may have in all, so that a list of many texts is inside its bound as well."""

SEEN_BEFORE = 4
CHARACTERS_A_LOOK = 50_000
MAX_LOOKS = 64


class Shapes:
    """The shapes met so far in a text. A short text teaches none: each look has to pay for itself."""

    __slots__ = ("_looks", "_seen", "matchers")

    def __init__(self, characters: int) -> None:
        self._looks = min(characters // CHARACTERS_A_LOOK, MAX_LOOKS)
        self._seen: dict[str, int] = {}
        self.matchers: list[Match] = []

    def end(self, text: str, at: int) -> int:
        """Where the flag that begins at `at` ends, or 0 when it has none of the shapes."""
        for number, match in enumerate(self.matchers):
            found = match(text, at)
            if found is not None:
                if number:  # flags of a shape come in runs
                    self.matchers.insert(0, self.matchers.pop(number))
                end = found.end()
                return end if end - at <= MAX_SIZE else 0
        return 0

    def learn(self, entry: Mapping[str, Any]) -> None:
        """Look at a right flag: the fourth of its kind makes a shape."""
        if self._looks <= 0:
            return
        self._looks -= 1
        shape = shape_of(entry)
        if shape is None:
            return
        seen = self._seen[shape] = self._seen.get(shape, 0) + 1
        if seen == SEEN_BEFORE and len(self.matchers) < MAX_SHAPES:
            self.matchers.append(re.compile(shape).match)


def shape_of(entry: Mapping[str, Any]) -> Optional[str]:
    """The shape of a right flag that neither forces units nor has to do with other flags, or None."""
    if entry.get("forced") or entry.get("prerequisites"):
        return None
    try:
        shape = _object((name, _part(name, value)) for name, value in entry.items())
    except _TooLong:
        return None
    return shape if len(shape) <= MAX_PATTERN else None


class _TooLong(Exception):
    """Something that would have to be held to the letter is longer than that is worth."""


# What may stand open, as JSON without spaces


def _text(least: int, most: int) -> str:
    """A text without escapes."""
    return rf'"[^"\\\x00-\x1f]{{{least},{most}}}"'


def _listed(each: str) -> str:
    return rf"\[{each}(?:,{each}){{0,{MAX_LIST - 1}}}\]"


_BOOL = "(?:true|false)"
_COUNT = "(?:0|[1-9][0-9]{0,8})"
_INTEGER = "-?(?:0|[1-9][0-9]{0,14})"
_PPM = "(?:1000000|0|[1-9][0-9]{0,5})"
_SALT = "(?:[1-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|[1-9][0-9]{0,8}|0)"
_VERSION = rf'"{_COUNT}\.{_COUNT}\.{_COUNT}"'
_ANY_TEXT = r'"[^"\\\x00-\x1f]*"'
_NAME = _text(1, MAX_NAME)
_ATTRIBUTE = _text(1, MAX_ATTRIBUTE)
_VALUE = _text(0, MAX_TEXT)
_WORDS = _text(1, MAX_TEXT)
_PARTS = {"version": _COUNT, "on": _BOOL, "unit_type": _NAME}


def _literal(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(text) > MAX_LITERAL:
        raise _TooLong
    return re.escape(text)


def _object(members: Iterable[tuple[str, str]]) -> str:
    """Names are held to the letter: they stand there once each, and all of them are allowed."""
    inner = ",".join(f"{_literal(name)}:{value}" for name, value in members)
    return rf"\{{{inner}\}}"


def _list(parts: Iterable[str]) -> str:
    return rf"\[{','.join(parts)}\]"


def _part(name: str, value: Any) -> str:
    if name in _PARTS:
        return _PARTS[name]
    if name == "variants":
        return _object((key, _open(each)) for key, each in value.items())
    if name == "rules":
        return _list(_rule(rule, number, len(value)) for number, rule in enumerate(value))
    return _literal(value)


def _rule(rule: Mapping[str, Any], number: int, rules: int) -> str:
    """An id stands open where there is no other; places in layers have to be looked at together."""
    if "layer" in rule:
        raise _TooLong
    parts = {"experiment": _NAME} if rule.get("experiment") else {}
    if rules == 1:
        parts["id"] = _NAME
    if "when" in rule:
        parts["when"] = _condition(rule["when"])
    if "split" in rule:
        parts["split"] = _split(rule["split"], number)
    return _object((name, parts.get(name) or _literal(value)) for name, value in rule.items())


def _split(split: Mapping[str, Any], number: int) -> str:
    """Any coverage, and two salts that are not the same."""
    salts = iter((f"(?P<salt{number}>{_SALT})", f"(?!(?P=salt{number})[,}}]){_SALT}"))
    parts = {"coverage_ppm": lambda: _PPM, "gate_salt": lambda: next(salts), "arm_salt": lambda: next(salts)}
    return _object(
        (name, parts[name]() if name in parts else _literal(value)) for name, value in split.items()
    )


def _condition(condition: Mapping[str, Any]) -> str:
    if "attribute" in condition:
        parts = {"attribute": _ATTRIBUTE, "value": _value(condition["op"], condition.get("value"))}
        return _object((name, parts.get(name) or _literal(value)) for name, value in condition.items())
    ((kind, inner),) = condition.items()
    if kind == "not":
        return _object([(kind, _condition(inner))])
    if kind in ("all", "any"):
        return _object([(kind, _list(map(_condition, inner)))])
    return _object([(kind, _literal(inner))])


def _value(op: str, value: Any) -> str:
    """What an operator would take as well as this value."""
    if op in ("in", "not_in"):
        return _listed(_ANY_TEXT) if all(each.__class__ is str for each in value) else _literal(value)
    if op in ("starts_with", "ends_with", "contains"):
        return _WORDS if value.__class__ is str else _listed(_WORDS)
    if op.startswith("semver_"):
        return _VERSION if _is_version(value) else _literal(value)
    return _open(value) if op in _COMPARING else _literal(value)


def _open(value: Any) -> str:
    """Any value of the same kind, within what is possible for conditions and for variants."""
    if value.__class__ is str:
        return _VALUE
    if value.__class__ is bool:
        return _BOOL
    return _INTEGER if value.__class__ is int else _literal(value)


_COMPARING = frozenset({"equals", "not_equals", "gt", "gte", "lt", "lte", "exists"})
_is_version = re.compile(_VERSION[1:-1]).fullmatch
