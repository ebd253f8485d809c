"""Eppo (Rust behind PyO3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bench.evaluation_data import ATTRIBUTES

HALVES = {"off": (0, 5_000), "on": (5_000, 10_000)}
OPERATORS = {
    "equals": "ONE_OF",
    "in": "ONE_OF",
    "semver_gte": "GTE",
    "matches": "MATCHES",
    "gt": "GT",
    "gte": "GTE",
}


def imported() -> None:
    import eppo_client  # noqa: F401


def prepared(flags: dict[str, Any]) -> bytes:
    document = {
        "createdAt": "2026-01-01T00:00:00.000Z",
        "format": "SERVER",
        "environment": {"name": "bench"},
        "flags": {key: _flag(key, entry) for key, entry in flags.items()},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def started(body: bytes) -> Callable[[str], Callable[[str], object]]:
    import eppo_client
    from eppo_client import Configuration
    from eppo_client.assignment_logger import AssignmentLogger
    from eppo_client.config import Config

    config = Config(
        api_key="bench",
        assignment_logger=AssignmentLogger(),
        initial_configuration=Configuration(flags_configuration=body),
        poll_interval_seconds=None,
    )
    get = eppo_client.init(config).get_boolean_assignment
    return lambda key: lambda user: get(key, user, ATTRIBUTES, False)


def _flag(key: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": key,
        "enabled": entry["on"],
        "variationType": "BOOLEAN",
        "variations": {"on": {"key": "on", "value": True}, "off": {"key": "off", "value": False}},
        "allocations": [_allocation(f"{key}-{rule['id']}", rule) for rule in entry["rules"]],
        "totalShards": 10_000,
    }


def _allocation(key: str, rule: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"key": key, "splits": _splits(key, rule), "doLog": False}
    if "when" in rule:
        made["rules"] = [{"conditions": [_condition(rule["when"])]}]
    return made


def _splits(key: str, rule: dict[str, Any]) -> list[Any]:
    if "variant" in rule:
        return [{"variationKey": "on", "shards": []}]
    halves = HALVES if len(rule["split"]["arms"]) == 2 else {"on": (0, 5_000)}
    return [
        {"variationKey": name, "shards": [{"salt": key, "ranges": [{"start": start, "end": end}]}]}
        for name, (start, end) in halves.items()
    ]


def _condition(when: dict[str, Any]) -> dict[str, Any]:
    op, value = when["op"], when["value"]
    if op == "starts_with":
        return {"attribute": when["attribute"], "operator": "MATCHES", "value": f"^{value}"}
    value = [value] if op == "equals" else value
    return {"attribute": when["attribute"], "operator": OPERATORS[op], "value": value}
