"""flagd's flag definitions: `{"flags": {…}, "$evaluators": {…}}`, flags as an object or a list with keys."""

from collections.abc import Mapping
from typing import Any

from flags.importers.json_logic import Targeting
from flags.importers.reading import (
    Audience,
    Draft,
    Notes,
    Reading,
    Unmapped,
    as_mapping,
    as_text,
    definition,
    gathered,
    key_of,
    known_fields,
    no_document,
    renamed,
    type_of,
)

FIELDS = ("key", "state", "variants", "defaultVariant", "targeting", "metadata", "$comment", "description")
TOP = ("flags", "$evaluators", "$schema", "metadata", "$comment")
USUAL: Mapping[str, Any] = {"true": True, "false": False}


def read(content: Any, place: str = "") -> Reading:
    """The flags of a document. Raises Refused when it is none."""
    flags = _flags(content)
    evaluators = content.get("$evaluators") or {}

    def one(name: str, entry: Any) -> tuple[Draft, Mapping[str, Audience]]:
        shared = as_mapping(evaluators, "$evaluators")
        return _draft(name, as_mapping(entry, "the flag"), shared), {}

    unknown = sorted(str(name) for name in content if name not in TOP)
    notes = [f"the section {name} is not known and was not read" for name in unknown]
    return gathered(flags, one, notes=notes)


def _flags(content: Any) -> list[tuple[str, Any]]:
    flags = content.get("flags") if isinstance(content, Mapping) else None
    if isinstance(flags, Mapping):
        return list(flags.items())
    if isinstance(flags, list):
        return [(_name(each), each) for each in flags]
    raise no_document("flagd", 'It begins with {"flags": {…}}.')


def _name(entry: Any) -> str:
    return str(entry.get("key", "")) if isinstance(entry, Mapping) else ""


def _draft(name: str, entry: Mapping[str, Any], evaluators: Mapping[str, Any]) -> Draft:
    known_fields(entry, FIELDS, "the flag")
    variants = as_mapping(entry.get("variants") or USUAL, "variants")
    default = _default(entry, variants)
    targeting = Targeting(variants, default, evaluators)
    rules = targeting.rules(entry["targeting"]) if entry.get("targeting") else []
    state = entry.get("state", "ENABLED")
    if state not in ("ENABLED", "DISABLED"):
        raise Unmapped(f"its state is {state!r}")
    key, value_type = key_of(name), type_of(variants.values())
    notes = Notes([*renamed(key, name), *targeting.notes.lines])
    if state == "DISABLED":
        notes.add("it is disabled there: here it is switched off, and product code gets its own default")
    if entry.get("metadata"):
        notes.add("its metadata are not kept")
    content = definition(variants, default=default, off=None, rules=rules, on=state == "ENABLED")
    return Draft(key, name, _title(entry), value_type, content, tuple(notes.lines))


def _title(entry: Mapping[str, Any]) -> str:
    text = entry.get("description")
    return text[:200] if isinstance(text, str) else ""


def _default(entry: Mapping[str, Any], variants: Mapping[str, Any]) -> str | None:
    named = entry.get("defaultVariant")
    if named is None:
        return None
    text = as_text(str(named).lower() if isinstance(named, bool) else named, "defaultVariant")
    if text not in variants:
        raise Unmapped(f"its default {text!r} is no variant of it")
    return text
