"""GrowthBook (Python): one instance, its attributes replaced for each user: its cheapest way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bench.evaluation_data import ATTRIBUTES

SIGNS = {
    "in": "$in",
    "semver_gte": "$vgte",
    "matches": "$regex",
    "gt": "$gt",
    "gte": "$gte",
}


def imported() -> None:
    import growthbook  # noqa: F401


def prepared(flags: dict[str, Any]) -> bytes:
    features = {key: _feature(key, entry) for key, entry in flags.items()}
    return json.dumps({"features": features}, separators=(",", ":")).encode()


def started(body: bytes) -> Callable[[str], Callable[[str], object]]:
    from growthbook import GrowthBook

    book = GrowthBook(features=json.loads(body)["features"])
    users: dict[str, dict[str, Any]] = {}

    def attributes(user: str) -> dict[str, Any]:
        return users.setdefault(user, {**ATTRIBUTES, "id": user})

    def ask(key: str) -> Callable[[str], object]:
        def call(user: str) -> bool:
            book.set_attributes(users.get(user) or attributes(user))
            return bool(book.is_on(key))

        return call

    return ask


def _feature(key: str, entry: dict[str, Any]) -> dict[str, Any]:
    if not entry["on"]:
        return {"defaultValue": False}
    return {"defaultValue": False, "rules": [_rule(key, rule) for rule in entry["rules"]]}


def _rule(key: str, rule: dict[str, Any]) -> dict[str, Any]:
    made = {"condition": _condition(rule["when"])} if "when" in rule else {}
    if "variant" in rule:
        return {**made, "force": True}
    if len(rule["split"]["arms"]) == 2:
        return {**made, "key": key, "variations": [False, True], "hashVersion": 2}
    return {**made, "force": True, "coverage": 0.5, "hashAttribute": "id", "hashVersion": 2}


def _condition(when: dict[str, Any]) -> dict[str, Any]:
    name, op, value = when["attribute"], when["op"], when["value"]
    if op == "equals":
        return {name: value}
    if op == "starts_with":
        return {name: {"$regex": f"^{value}"}}
    return {name: {SIGNS[op]: value}}
