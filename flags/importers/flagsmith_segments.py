"""Flagsmith's segments as audiences: nested rules of ALL, ANY and NONE over traits."""

import json
from collections.abc import Mapping
from typing import Any

from flags.importers.reading import (
    MOST_DEPTH,
    UNIT,
    Audience,
    Condition,
    Notes,
    Unmapped,
    all_of,
    any_of,
    as_list,
    as_mapping,
    as_number,
    as_text,
    key_of,
    never,
    not_,
    plain,
    shown,
    test,
)

ORDER = {
    "GREATER_THAN": "gt",
    "GREATER_THAN_INCLUSIVE": "gte",
    "LESS_THAN": "lt",
    "LESS_THAN_INCLUSIVE": "lte",
}
SEMVER = ":semver"
REASONS = {
    "PERCENTAGE_SPLIT": "its segment holds a percentage of units: give the rule a split instead",
    "MODULO": "its segment looks at the remainder of a division",
}


def audience(segment: Mapping[str, Any], notes: Notes) -> Audience:
    """The segment as a condition. Raises Unmapped."""
    name = as_text(segment.get("name"), "the name of a segment")
    rules = as_list(segment.get("rules") or [], "the rules of a segment")
    found = [_rule(as_mapping(each, "a rule of a segment"), notes, 0) for each in rules]
    if not found:
        return Audience(key_of(name), name, never())
    when = all_of(found)
    if when is None:
        raise Unmapped(f"its segment {name} holds everybody")
    return Audience(key_of(name), name, when)


def _rule(entry: Mapping[str, Any], notes: Notes, depth: int) -> Condition | None:
    """The conditions of a rule joined by its type, and all the rules below it."""
    if depth > MOST_DEPTH:
        raise Unmapped(f"its segment is nested more than {MOST_DEPTH} deep")
    listed = as_list(entry.get("conditions") or [], "conditions")
    tests = [_condition(as_mapping(each, "a condition"), notes) for each in listed]
    below = as_list(entry.get("rules") or [], "rules")
    nested = [_rule(as_mapping(each, "a rule of a segment"), notes, depth + 1) for each in below]
    return all_of((_joined(entry.get("type"), tests), *nested))


def _joined(kind: Any, tests: list[Condition]) -> Condition | None:
    if kind not in ("ALL", "ANY", "NONE"):
        raise Unmapped(f"a rule of its segment is of the type {shown(kind)}")
    if not tests:
        return None
    if kind == "ALL":
        return all_of(tests)
    either = any_of(tests)
    return either if kind == "ANY" else not_(either)


def _condition(entry: Mapping[str, Any], notes: Notes) -> Condition:
    op = as_text(entry.get("operator"), "the operator of a condition")
    if op in REASONS:
        raise Unmapped(REASONS[op])
    attribute = _attribute(entry.get("property_", entry.get("property")), notes)
    if op in ("IS_SET", "IS_NOT_SET"):
        return test(attribute, "exists", op == "IS_SET")
    value = entry.get("value")
    if op == "IN":
        values = [typed for each in _listed(value) for typed in _typed(each)]
        return test(attribute, "in", values) if values else never(attribute)
    return _comparison(attribute, op, as_text(value if isinstance(value, str) else str(value), "a value"))


def _comparison(attribute: str, op: str, value: str) -> Condition:
    if value.endswith(SEMVER):
        return _version(attribute, op, value[: -len(SEMVER)])
    if op == "EQUAL":
        return test(attribute, "in", _typed(value))
    if op == "NOT_EQUAL":
        return test(attribute, "not_in", _typed(value))
    if op in ORDER:
        return test(attribute, ORDER[op], plain(as_number(value, f"the value of {op}")))
    if op == "CONTAINS":
        return test(attribute, "contains", value)
    if op == "NOT_CONTAINS":
        return {"all": [test(attribute, "exists", True), {"not": test(attribute, "contains", value)}]}
    if op == "REGEX":
        return test(attribute, "matches", f"^(?:{value})")
    raise Unmapped(f"the operator {shown(op)} is not known here")


def _version(attribute: str, op: str, version: str) -> Condition:
    names = {"EQUAL": "semver_eq", **{name: f"semver_{short}" for name, short in ORDER.items()}}
    if op == "NOT_EQUAL":
        return {"any": [test(attribute, "semver_lt", version), test(attribute, "semver_gt", version)]}
    if op not in names:
        raise Unmapped(f"the operator {shown(op)} is not known here for versions")
    return test(attribute, names[op], version)


def _typed(text: str) -> list[Any]:
    """The text, and what it stands for where the trait is a number or a truth value."""
    if text in ("True", "true", "False", "false"):
        return [text, text.lower() == "true"]
    try:
        return [text, plain(as_number(text, "a value"))]
    except Unmapped:
        return [text]


def _listed(value: Any) -> list[str]:
    """The members of IN: a JSON list, or parted by commas."""
    if isinstance(value, list):
        return [str(each) for each in value]
    text = as_text(value, "a value")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return [str(each) for each in found] if isinstance(found, list) else text.split(",")


def _attribute(name: Any, notes: Notes) -> str:
    text = as_text(name, "the trait of a condition")
    if text in ("$.identity.identifier", "$.identity.key"):
        return UNIT
    if text.startswith("$."):
        raise Unmapped(f"a condition looks at {text}, which is no trait")
    if "." in text:
        notes.add(f"the attribute has to be sent under the whole name {text}")
    return text
