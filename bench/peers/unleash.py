"""Unleash (Rust core): toggles brought along, nothing is sent. It has no patterns: suffixes stand in."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from typing import Any

from bench.evaluation_data import ATTRIBUTES

OPERATORS = {"equals": "IN", "in": "IN", "starts_with": "STR_STARTS_WITH", "matches": "STR_ENDS_WITH"}
NUMBERS = {"gt": "NUM_GT", "gte": "NUM_GTE"}


def imported() -> None:
    import UnleashClient  # noqa: F401


def prepared(flags: dict[str, Any]) -> bytes:
    features = [
        {"name": key, "enabled": entry["on"], "strategies": [_strategy(key, rule) for rule in entry["rules"]]}
        for key, entry in flags.items()
    ]
    return json.dumps({"version": 2, "features": features}).encode()


def started(body: bytes) -> Callable[[str], Callable[[str], object]]:
    from UnleashClient import UnleashClient
    from UnleashClient.cache import FileCache

    cache = FileCache("bench", directory=tempfile.mkdtemp())
    cache.bootstrap_from_dict(json.loads(body))
    client = UnleashClient(
        url="http://127.0.0.1:1/api",
        app_name="bench",
        cache=cache,
        disable_metrics=True,
        disable_registration=True,
    )
    client.initialize_client(fetch_toggles=False)
    properties = {name: str(value) for name, value in ATTRIBUTES.items()}
    users: dict[str, Any] = {}

    def context(user: str) -> dict[str, Any]:
        return users.setdefault(user, {"userId": user, "properties": properties})

    def ask(key: str) -> Callable[[str], object]:
        return lambda user: client.is_enabled(key, users.get(user) or context(user))

    return ask


def _strategy(key: str, rule: dict[str, Any]) -> dict[str, Any]:
    share = "100" if "variant" in rule else "50"
    parameters = {"rollout": share, "stickiness": "userId", "groupId": f"{key}-{rule['id']}"}
    constraints = [_constraint(rule["when"])] if "when" in rule else []
    return {"name": "flexibleRollout", "parameters": parameters, "constraints": constraints}


def _constraint(when: dict[str, Any]) -> dict[str, Any]:
    op, value = when["op"], when["value"]
    if op in NUMBERS:
        return {"contextName": when["attribute"], "operator": NUMBERS[op], "value": str(value)}
    if op == "semver_gte":
        return {
            "contextName": when["attribute"],
            "operator": "SEMVER_LT",
            "value": value,
            "inverted": True,
        }
    values = value if isinstance(value, list) else [value]
    return {"contextName": when["attribute"], "operator": OPERATORS[op], "values": values}
