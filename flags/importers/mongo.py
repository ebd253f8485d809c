"""GrowthBook's conditions (in the manner of MongoDB queries) as conditions here."""

from collections.abc import Mapping
from typing import Any

from flags.importers.reading import (
    MOST_DEPTH,
    UNIT,
    Condition,
    Notes,
    Unmapped,
    all_of,
    any_of,
    as_list,
    as_mapping,
    as_number,
    as_text,
    never,
    not_,
    plain,
    shown,
    test,
)

NUMERIC = {"$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}
SEMVER = {
    "$veq": "semver_eq",
    "$vgt": "semver_gt",
    "$vgte": "semver_gte",
    "$vlt": "semver_lt",
    "$vlte": "semver_lte",
}
UNIT_NAMES = frozenset(("id",))


class Conditions:
    """Reads conditions. `groups` are saved groups: their members by id."""

    def __init__(self, groups: Mapping[str, Any], notes: Notes) -> None:
        self._groups = groups
        self._notes = notes

    def read(self, content: Any, depth: int = 0) -> Condition | None:
        """The condition; None for everybody. Raises Unmapped."""
        if depth > MOST_DEPTH:
            raise Unmapped(f"its condition is nested more than {MOST_DEPTH} deep")
        parts = as_mapping(content, "a condition")
        return all_of(self._part(name, value, depth) for name, value in parts.items())

    def _part(self, name: str, value: Any, depth: int) -> Condition | None:
        if name in ("$and", "$or", "$nor"):
            return self._joined(name, as_list(value, name), depth)
        if name == "$not":
            return not_(self.read(value, depth + 1))
        if name.startswith("$"):
            raise Unmapped(f"the operator {name} cannot be said here")
        return self._of_attribute(self.attribute(name), value, depth)

    def _joined(self, name: str, listed: Any, depth: int) -> Condition | None:
        found = [self.read(each, depth + 1) for each in listed]
        if not found:  # an empty $or holds there, and so does an empty $and
            return not_(None) if name == "$nor" else None
        if name == "$and":
            return all_of(found)
        either = any_of(found)
        return not_(either) if name == "$nor" else either

    def attribute(self, name: str) -> str:
        """The attribute as it is called here."""
        if name in UNIT_NAMES:
            return UNIT
        if "." in name:
            self._notes.add(f"the attribute has to be sent under the whole name {name}, not nested")
        return name

    def _of_attribute(self, attribute: str, value: Any, depth: int) -> Condition | None:
        if isinstance(value, Mapping) and all(str(name).startswith("$") for name in value):
            return all_of(self._operator(attribute, str(op), each, depth) for op, each in value.items())
        if value is None:
            return test(attribute, "exists", False)
        return test(attribute, "equals", _scalar(value))

    def _operator(self, attribute: str, op: str, value: Any, depth: int) -> Condition | None:
        if op in ("$in", "$nin"):
            return self._in(attribute, as_list(value, op), is_inside=op == "$in")
        if op in ("$inGroup", "$notInGroup"):
            return self._in(attribute, self._group(value), is_inside=op == "$inGroup")
        if op in ("$eq", "$ne"):
            found = self._of_attribute(attribute, None if value is None else _scalar(value), depth)
            return not_(found) if op == "$ne" else found
        if op == "$exists":
            return test(attribute, "exists", bool(value))
        if op == "$not":
            return not_(self._inner(attribute, value, depth), attribute)
        if op in NUMERIC or op in SEMVER or op in ("$regex", "$vne"):
            return self._comparison(attribute, op, value)
        raise Unmapped(f"the operator {op} cannot be said here")

    def _inner(self, attribute: str, value: Any, depth: int) -> Condition | None:
        if depth > MOST_DEPTH:
            raise Unmapped(f"its condition is nested more than {MOST_DEPTH} deep")
        return self._of_attribute(attribute, value, depth + 1)

    def _comparison(self, attribute: str, op: str, value: Any) -> Condition:
        if op in NUMERIC:
            if isinstance(value, str):
                raise Unmapped(f"{op} compares texts, which cannot be said here")
            return test(attribute, NUMERIC[op], plain(as_number(value, op)))
        text = as_text(value, op)
        if op == "$regex":
            return test(attribute, "matches", text)
        if op == "$vne":
            return not_(test(attribute, "semver_eq", text))
        return test(attribute, SEMVER[op], text)

    def _in(self, attribute: str, values: Any, *, is_inside: bool) -> Condition:
        listed = [_scalar(each) for each in values]
        found = test(attribute, "in", listed) if listed else never(attribute)
        return found if is_inside else {"not": found}

    def _group(self, name: Any) -> Any:
        if not isinstance(name, str) or name not in self._groups:
            raise Unmapped(f"the saved group {shown(name)} is not in the document")
        return as_list(self._groups[name], f"the saved group {name}")


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | bool | int | float):
        raise Unmapped(f"{shown(value)} is compared with an attribute")
    return value
