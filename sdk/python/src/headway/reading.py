"""Reading a configuration document: every flag is checked as soon as it is read, and kept as its text.

What is in any way unusual is read and checked as a whole instead: this way only ever says that a document is
right, and leaves it to `compile_config` to say what is wrong with another.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

from headway.evaluation import Config, compile_config
from headway.evaluation.checking import KEY, MAX_FLAGS, check_document, check_together
from headway.evaluation.entries import Entries, Held, is_linked
from headway.evaluation.flag_checking import check as check_entry
from headway.evaluation.shapes import Shapes

MAX_DOCUMENT = 64_000_000
_FLAGS = '"flags":{'
_SHARED = ("layers", "holdouts", "segments")


class _Unusual(Exception):
    """The document has to be read as a whole."""


def read_config(body: bytes, previous: Optional[Config] = None) -> Config:
    """The configuration in these bytes. Raises ConfigRefused and ValueError.

    The collector rests meanwhile: it would walk a large document's half a million new objects several times,
    and none of them can be garbage yet.
    """
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        return _read(body, previous)
    finally:
        if is_collecting:
            gc.enable()


def _read(body: bytes, previous: Optional[Config]) -> Config:
    raise_if_too_large(body)
    try:
        document = _read_flags(body.decode(), previous)
    except (_Unusual, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return compile_config(parsed(body), previous)
    config = Config(document)
    if previous is not None and _is_like(document, previous):
        config.adopt(previous)
    return config


def raise_if_too_large(body: bytes) -> None:
    """Raises ValueError."""
    if len(body) > MAX_DOCUMENT:
        raise ValueError(f"the document is larger than {MAX_DOCUMENT:,} bytes")


def parsed(body: bytes) -> Mapping[str, Any]:
    """The JSON document in these bytes. Raises ValueError, also for keys that stand twice."""
    raise_if_too_large(body)
    whole: Mapping[str, Any] = json.loads(
        body, object_pairs_hook=_without_repeats, parse_constant=_no_constant
    )
    return whole


# One flag after the other


class _Found(NamedTuple):
    """The flags of a text, those that have to do with others, and where the text goes on."""

    held: dict[str, Held]
    linked: set[str]
    end: int


def _read_flags(text: str, previous: Optional[Config]) -> Mapping[str, Any]:
    """The checked document in a text whose other parts stand before its flags."""
    at = text.index(_FLAGS)
    before = text[:at]
    frame = parsed(f"{before}{_FLAGS}}}}}".encode())
    if check_document(frame):
        raise _Unusual
    found = _scanned(text, at + len(_FLAGS), frame, _known(frame, previous))
    rest = text[found.end :]
    whole = frame if rest.strip() == "}" else parsed(f'{before}"flags":{{}}{rest}'.encode())
    entries = Entries(found.held, frozenset(found.linked))
    document = {**whole, "flags": entries}
    _raise_if_wrong(document, entries)
    return document


def _known(frame: Mapping[str, Any], previous: Optional[Config]) -> Optional[Entries]:
    """The flags that were read before, if what they refer to is the same."""
    if previous is None or not _is_like(frame, previous):
        return None
    flags = previous.document["flags"]
    return flags if isinstance(flags, Entries) else None


def _is_like(document: Mapping[str, Any], previous: Config) -> bool:
    return all(document[name] == previous.document[name] for name in _SHARED)


def _scanned(text: str, at: int, frame: Mapping[str, Any], known: Optional[Entries]) -> _Found:
    """Every flag from `at` on, read and checked, or taken over where its text is known."""
    held: dict[str, Held] = {}
    linked: set[str] = set()
    shapes = Shapes(len(text) - at)
    while text[at] != "}":
        key, start = _key(text, at, is_first=not held)
        if key in held:
            raise _Unusual
        old = None if known is None else known.text(key)
        if old is not None and text.startswith(old, start):
            at, is_linked_one = start + len(old), key in known.linked  # type: ignore[union-attr]
        else:
            at, is_linked_one = _flag(text, start, frame, shapes)
            old = text[start:at]
        held[key] = old
        if is_linked_one:
            linked.add(key)
    return _Found(held, linked, at + 1)


def _key(text: str, at: int, *, is_first: bool) -> tuple[str, int]:
    """A flag's key and where its entry begins, in JSON without spaces."""
    found = _next_key(text, at)
    if found is None or (text[at] == ",") is is_first:
        raise _Unusual
    return found[1], found.end()


def _flag(text: str, at: int, frame: Mapping[str, Any], shapes: Shapes) -> tuple[int, bool]:
    """Where a flag ends, and whether it has to do with others; what it wants of them is looked at later."""
    end = shapes.end(text, at) if shapes.matchers else 0
    if end:
        return end, False
    entry, end = _scan(text, at)
    if not entry.get("prerequisites") and check_entry(entry, frame):
        raise _Unusual
    if text.count(":", at, end) != _keys_in(entry):
        _scan_closely(text, at)
    shapes.learn(entry)
    return end, is_linked(entry)


def _keys_in(entry: Mapping[str, Any]) -> int:
    """At most as many keys as the objects of an entry have.

    Every key brings one colon. In a text with as many colons as its objects have keys none stands twice; one
    with more, because of texts or of objects that are not counted here, is looked at closely.
    """
    total = len(entry) + len(entry["variants"])
    for rule in entry["rules"]:
        total += len(rule)
        for name in ("split", "when"):
            if name in rule:
                total += len(rule[name])
    return total


def _raise_if_wrong(document: Mapping[str, Any], entries: Entries) -> None:
    """What only shows when all flags are there."""
    if len(entries) > MAX_FLAGS:
        raise _Unusual
    linked = entries.only_linked()
    if any(check_entry(entry, document) for entry in linked.values() if entry.get("prerequisites")):
        raise _Unusual
    if check_together({"flags": linked}):
        raise _Unusual


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:100]!r} stands twice in one object")
    return content


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_next_key = re.compile(rf',?"({KEY})":', re.ASCII).match
_scan = json.JSONDecoder(parse_constant=_no_constant).raw_decode
_scan_closely = json.JSONDecoder(object_pairs_hook=_without_repeats, parse_constant=_no_constant).raw_decode
