"""Conditions on a unit's attributes: checking them, and compiling them into predicates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headway.evaluation.operators import OPERATORS, Test
from headway.evaluation.problems import FINE, Problems, problem, shown, under

Attributes = Mapping[str, Any]
Predicate = Callable[[Attributes, object], bool]
"""Whether attributes and unit meet a condition. Total: never raises for plain data."""

Condition = Mapping[str, Any]

UNIT = "$unit"
"""The attribute name that stands for the unit's own text."""

MAX_DEPTH = 10
MAX_ATTRIBUTE = 256
_LEAF = frozenset({"attribute", "op", "value"})


def check(condition: object, segments: Mapping[str, Any], depth: int = 0) -> Problems:
    """What is wrong with a condition; segments are only looked for by name."""
    if condition.__class__ is not dict:
        return problem("", condition, "a condition is an object", 'For example {"segment": "beta"}.')
    if "attribute" in condition:
        return _check_leaf(condition)
    if len(condition) != 1:
        return problem("", condition, "a condition has one of attribute, all, any, not, segment")
    if depth >= MAX_DEPTH:
        return problem("", condition, f"conditions are nested deeper than {MAX_DEPTH}", "Use a segment.")
    ((kind, inner),) = condition.items()
    return _check_composed(kind, inner, segments, depth)


def _check_composed(kind: str, inner: object, segments: Mapping[str, Any], depth: int) -> Problems:
    if kind in ("all", "any"):
        if not isinstance(inner, list) or not inner:
            return problem(kind, inner, "this has to be a list of at least one condition")
        found: list[Any] = []
        for number, each in enumerate(inner):
            found.extend(under(f"{kind}[{number}]", check(each, segments, depth + 1)))
        return found
    if kind == "not":
        return under("not", check(inner, segments, depth + 1))
    if kind == "segment":
        if isinstance(inner, str) and inner in segments:
            return FINE
        return problem("segment", inner, "there is no such segment", f"Known: {_some(segments)}.")
    return problem("", kind, "there is no such condition", "Possible: attribute, all, any, not, segment.")


def _check_leaf(condition: Condition) -> Problems:
    name = condition["attribute"]
    if name.__class__ is not str or not 1 <= len(name) <= MAX_ATTRIBUTE:
        return problem("attribute", name, f"an attribute has a name of 1 to {MAX_ATTRIBUTE} characters")
    op = condition.get("op")
    rule = OPERATORS.get(op) if op.__class__ is str else None
    if rule is None:
        return problem("op", op, "there is no such operator", f"Known: {', '.join(OPERATORS)}.")
    if len(condition) == 3 and "value" in condition:
        return rule.check(condition["value"])
    if op == "exists" and len(condition) == 2:
        return FINE
    odd = [key for key in condition if key not in _LEAF]
    return problem("value", None, f"{op} needs a value") if not odd else problem(odd[0], odd, UNKNOWN_FIELD)


UNKNOWN_FIELD = "there is no such field; it may belong to a newer format"


def _some(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)[:10]) or "none"


def segments_in(condition: Condition) -> set[str]:
    """The segments that a checked condition names itself."""
    if "segment" in condition:
        return {condition["segment"]}
    if "not" in condition:
        return segments_in(condition["not"])
    inner = condition.get("all") or condition.get("any") or ()
    return {name for each in inner for name in segments_in(each)}


def test_of(condition: Condition) -> Test:
    """The test of a condition on one attribute."""
    return OPERATORS[condition["op"]].build(condition.get("value", True))


def compiled(condition: Condition, segment: Callable[[str], Predicate]) -> Predicate:
    """The predicate of a checked condition. `segment` gives the predicate of a segment."""
    if "attribute" in condition:
        return _on_attribute(condition["attribute"], test_of(condition))
    if "segment" in condition:
        return segment(condition["segment"])
    if "not" in condition:
        inner = compiled(condition["not"], segment)
        return lambda attributes, unit: not inner(attributes, unit)
    if "all" in condition:
        return _all([compiled(each, segment) for each in condition["all"]])
    return _any([compiled(each, segment) for each in condition["any"]])


def _on_attribute(name: str, test: Test) -> Predicate:
    if name == UNIT:
        return lambda attributes, unit: test(unit)
    return lambda attributes, unit: test(attributes.get(name))


def _all(parts: list[Predicate]) -> Predicate:
    def predicate(attributes: Attributes, unit: object) -> bool:
        for part in parts:  # noqa: SIM110 - a generator expression costs more than the loop
            if not part(attributes, unit):
                return False
        return True

    return predicate


def _any(parts: list[Predicate]) -> Predicate:
    def predicate(attributes: Attributes, unit: object) -> bool:
        for part in parts:  # noqa: SIM110 - a generator expression costs more than the loop
            if part(attributes, unit):
                return True
        return False

    return predicate


def traced(
    condition: Condition, attributes: Attributes, unit: object, segments: Mapping[str, Any]
) -> dict[str, Any]:
    """The condition with what each part of it decided, as plain data."""
    if "attribute" in condition:
        name = condition["attribute"]
        found = unit if name == UNIT else attributes.get(name)
        return {**condition, "found": shown(found), "matches": test_of(condition)(found)}
    if "segment" in condition:
        inner = traced(segments[condition["segment"]]["when"], attributes, unit, segments)
        return {**condition, "matches": inner["matches"], "because": inner}
    if "not" in condition:
        inner = traced(condition["not"], attributes, unit, segments)
        return {"not": inner, "matches": not inner["matches"]}
    kind = "all" if "all" in condition else "any"
    parts = [traced(each, attributes, unit, segments) for each in condition[kind]]
    verdict = all if kind == "all" else any
    return {kind: parts, "matches": verdict(part["matches"] for part in parts)}
