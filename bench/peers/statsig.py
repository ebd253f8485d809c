"""Statsig (Rust core): gates from a data store in memory, users made beforehand, no events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bench.evaluation_data import ATTRIBUTES

OPERATORS = {
    "equals": "any",
    "in": "any",
    "semver_gte": "version_gte",
    "starts_with": "str_starts_with_any",
    "matches": "str_matches",
    "gt": "gt",
    "gte": "gte",
}
FIELDS = {"app_version": "appVersion"}
EVERYBODY = {"type": "public", "targetValue": None, "operator": None, "field": None}


def imported() -> None:
    import statsig_python_core  # noqa: F401


def prepared(flags: dict[str, Any]) -> bytes:
    conditions: dict[str, Any] = {"public": _condition(EVERYBODY)}
    gates = {key: _gate(key, entry, conditions) for key, entry in flags.items()}
    document = {
        "feature_gates": gates,
        "dynamic_configs": {},
        "layer_configs": {},
        "experiment_to_layer": {},
        "condition_map": conditions,
        "has_updates": True,
        "time": 1_760_000_000_000,
        "company_id": "bench",
        "response_format": "dcs-v2",
    }
    return json.dumps(document, separators=(",", ":")).encode()


def started(body: bytes) -> Callable[[str], Callable[[str], object]]:
    from statsig_python_core import Statsig, StatsigOptions, StatsigUser
    from statsig_python_core.data_store import DataStore, DataStoreResponse

    class Memory(DataStore):
        def get(self, key: str) -> DataStoreResponse:
            return DataStoreResponse(result=body.decode(), time=1_760_000_000_000)

    store = Memory()
    options = StatsigOptions(
        data_store=store,
        disable_network=True,
        disable_all_logging=True,
        disable_country_lookup=True,
        enable_id_lists=False,
        wait_for_user_agent_init=False,
    )
    client = Statsig("secret-bench", options)
    client.initialize().wait()
    users: dict[str, Any] = {}

    def user_of(user: str) -> Any:
        known = {name: ATTRIBUTES[name] for name in ("country", "email", "app_version")}
        custom = {name: ATTRIBUTES[name] for name in ("city", "visits")}
        return users.setdefault(user, StatsigUser(user, custom=custom, **known))

    def ask(key: str) -> Callable[[str], object]:
        return lambda user: client.check_gate(users.get(user) or user_of(user), key)

    return ask


def _gate(key: str, entry: dict[str, Any], conditions: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "feature_gate",
        "salt": key,
        "enabled": entry["on"],
        "defaultValue": False,
        "rules": [_rule(key, rule, conditions) for rule in entry["rules"]],
        "idType": "userID",
        "entity": "feature_gate",
        "version": 1,
    }


def _rule(key: str, rule: dict[str, Any], conditions: dict[str, Any]) -> dict[str, Any]:
    name = f"{key}-{rule['id']}"
    condition = "public"
    if "when" in rule:
        condition = name
        conditions[name] = _condition(_of(rule["when"]))
    return {
        "name": name,
        "id": name,
        "salt": name,
        "passPercentage": 100 if "variant" in rule else 50,
        "conditions": [condition],
        "returnValue": True,
        "idType": "userID",
    }


def _of(when: dict[str, Any]) -> dict[str, Any]:
    op, value = when["op"], when["value"]
    is_listed = op in ("equals", "starts_with")
    field = FIELDS.get(when["attribute"], when["attribute"])
    return {
        "type": "user_field",
        "targetValue": [value] if is_listed else value,
        "operator": OPERATORS[op],
        "field": field,
    }


def _condition(parts: dict[str, Any]) -> dict[str, Any]:
    return {**parts, "additionalValues": {}, "isDeviceBased": False, "idType": "userID"}
