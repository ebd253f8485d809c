"""LaunchDarkly (Python): flags from a file, contexts made beforehand, no events."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from typing import Any

from bench.evaluation_data import ATTRIBUTES

HALVES = [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]
OPERATORS = {
    "equals": "in",
    "in": "in",
    "starts_with": "startsWith",
    "matches": "matches",
    "gt": "greaterThan",
}


def imported() -> None:
    import ldclient  # noqa: F401


def prepared(flags: dict[str, Any]) -> bytes:
    return json.dumps({"flags": {key: _flag(key, entry) for key, entry in flags.items()}}).encode()


def started(body: bytes) -> Callable[[str], Callable[[str], object]]:
    from ldclient import Config, Context, LDClient
    from ldclient.integrations import Files

    with tempfile.NamedTemporaryFile(suffix=".json", delete=False) as file:
        file.write(body)
    source = Files.new_data_source(paths=[file.name])
    client = LDClient(Config("bench", update_processor_class=source, send_events=False), start_wait=60)
    users: dict[str, Any] = {}

    def context(user: str) -> Any:
        builder = Context.builder(user)
        for name, value in ATTRIBUTES.items():
            builder.set(name, value)
        return users.setdefault(user, builder.build())

    def ask(key: str) -> Callable[[str], object]:
        return lambda user: client.variation(key, users.get(user) or context(user), False)

    return ask


def _flag(key: str, entry: dict[str, Any]) -> dict[str, Any]:
    rules, fallthrough = entry["rules"], {"variation": 0}
    if rules and "when" not in rules[-1]:
        *rules, last = rules
        fallthrough = _outcome(last)
    return {
        "key": key,
        "version": 1,
        "on": entry["on"],
        "salt": key,
        "variations": [False, True],
        "offVariation": 0,
        "fallthrough": fallthrough,
        "rules": [_rule(rule) for rule in rules],
    }


def _outcome(rule: dict[str, Any]) -> dict[str, Any]:
    return {"variation": 1} if "variant" in rule else {"rollout": {"variations": HALVES}}


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    return {"id": rule["id"], "clauses": [_clause(rule["when"])], **_outcome(rule)}


def _clause(when: dict[str, Any]) -> dict[str, Any]:
    """What is not there is said by the opposite: at least is not less than."""
    op, value = when["op"], when["value"]
    opposite = {"semver_gte": "semVerLessThan", "gte": "lessThan"}.get(op)
    return {
        "attribute": when["attribute"],
        "op": opposite or OPERATORS[op],
        "values": value if isinstance(value, list) else [value],
        "negate": opposite is not None,
    }
