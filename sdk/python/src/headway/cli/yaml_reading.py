"""YAML as reviewed files need it: what every reader understands alike, and nothing else.

PyYAML (the extra `cli`) cuts the text into events; what they mean is decided here, by YAML 1.2's core schema
without its ambiguous corners. Refused with their line: aliases and anchors (a few lines of them can stand for
gigabytes), tags, keys that stand twice, merge keys, more than one document, depths over 32, and words that
readers disagree about: `yes`, `no`, `1_000`, `010`, `0x1F`. `on` and `off` are texts, because they are the
usual names of variants.
"""

from __future__ import annotations

import re
from typing import Any

from headway.cli.failures import Failed

MAX_DEPTH = 32
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_AMBIGUOUS = re.compile(
    r"(yes|no|y|n|On|ON|Off|OFF|Yes|YES|No|NO|Y|N)|[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*_[0-9_]*|[-+]?0[xob][0-9A-Fa-f_]+"
    r"|[-+]?[0-9]+(:[0-5]?[0-9])+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_yaml(text: str, name: str) -> Any:
    """What the text says; None when it is empty. Raises Failed with file, line and column."""
    yaml = _library()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(name)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise Failed(f"{name}: {_place(getattr(error, 'problem_mark', None))}{_problem(error)}.") from None
    return builder.whole


def _library() -> Any:
    try:
        import yaml
    except ImportError:
        raise Failed(
            "Reading YAML needs PyYAML: pip install 'headway[cli]'. JSON files work without it."
        ) from None
    return yaml


class _Builder:
    """Plain data from events, without recursion."""

    def __init__(self, name: str) -> None:
        self.whole: Any = None
        self._name = name
        self._documents = 0
        self._open: list[tuple[Any, list[Any]]] = []

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "AliasEvent" or getattr(event, "anchor", None):
            raise self._refused(event, "anchors and aliases are not accepted; write the value out")
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                raise self._refused(event, "a second document begins; one file holds one")
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._begin(event, {} if kind == "MappingStartEvent" else [])
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._put(event, self._open.pop()[0])
        elif kind == "ScalarEvent":
            self._scalar(event)

    def _begin(self, event: Any, empty: Any) -> None:
        if event.tag:
            raise self._refused(event, f"tags are not accepted: {event.tag}")
        if len(self._open) >= MAX_DEPTH:
            raise self._refused(event, f"this is nested more than {MAX_DEPTH} deep")
        if self._awaits_key():
            raise self._refused(event, "a key has to be a word")
        self._open.append((empty, []))

    def _scalar(self, event: Any) -> None:
        if event.tag and event.tag != "!":
            raise self._refused(event, f"tags are not accepted: {event.tag}")
        if self._awaits_key():
            self._key(event)
        else:
            self._put(event, self._value(event))

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], dict) and not self._open[-1][1]

    def _key(self, event: Any) -> None:
        content, waiting = self._open[-1]
        if event.value == "<<" and not event.style:
            raise self._refused(event, "merge keys are not accepted; write the values out")
        if event.value in content:
            raise self._refused(event, f"the key {event.value!r} stands twice")
        waiting.append(event.value)

    def _value(self, event: Any) -> Any:
        text: str = event.value
        if event.style:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _AMBIGUOUS.fullmatch(text):
            raise self._refused(
                event,
                f"readers disagree about {text}: write true or false or a plain number, or put it in quotes",
            )
        if _INTEGER.fullmatch(text):
            return self._number(event, int)
        return self._number(event, float) if _FLOAT.fullmatch(text) and text[-1].isdigit() else text

    def _number(self, event: Any, kind: type) -> Any:
        try:
            value = kind(event.value)
        except ValueError:
            value = float("inf")
        if value in (float("inf"), float("-inf")):
            raise self._refused(event, "this number is too large")
        return value

    def _put(self, event: Any, value: Any) -> None:
        if not self._open:
            self.whole = value
            return
        content, waiting = self._open[-1]
        if isinstance(content, dict):
            content[waiting.pop()] = value
        else:
            content.append(value)

    def _refused(self, event: Any, why: str) -> Failed:
        return Failed(f"{self._name}: {_place(event.start_mark)}{why}.")


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""


def _problem(error: Any) -> str:
    return str(getattr(error, "problem", None) or str(error).splitlines()[0])
