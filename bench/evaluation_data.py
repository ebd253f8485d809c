"""Documents for bench.evaluation: the workloads w1 to w4 as flags."""

from __future__ import annotations

import json
from typing import Any

ATTRIBUTES = {
    "country": "de",
    "city": "town-999",
    "app_version": "2.4.1",
    "email": "someone@example.com",
    "visits": 12,
}
HALVES = [["control", 500_000], ["treatment", 500_000]]


def document(flags: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": 1,
        "environment": "bench",
        "version": 1,
        "layers": {},
        "holdouts": {},
        "segments": {},
        "flags": flags,
    }


def flag(rules: list[Any], *, on: bool = True) -> dict[str, Any]:
    return {
        "version": 7,
        "type": "bool",
        "unit_type": "user",
        "on": on,
        "variants": {"control": False, "treatment": True},
        "off": "control",
        "default": "control",
        "rules": rules,
    }


def salt(number: int) -> int:
    """Spread over 32 bits, as drawn salts are."""
    return number * 2_654_435_761 % 2**32


def split(number: int, **rule: Any) -> dict[str, Any]:
    salts = {"gate_salt": salt(2 * number), "arm_salt": salt(2 * number + 1)}
    return {
        "id": "split",
        "split": {"coverage_ppm": 1_000_000, **salts, "arms": HALVES},
        "experiment": f"experiment-{number}",
        **rule,
    }


def ten_rules(number: int) -> dict[str, Any]:
    """Nine rules that miss, each kind twice (the last kind once), then a 50 % roll-out for everybody."""
    conditions = []
    for turn in (0, 1):
        cities = [f"town-{number % 50}-{turn}-{town}" for town in range(100)]
        conditions += [
            {"attribute": "country", "op": "equals", "value": ("fr", "it")[turn]},
            {"attribute": "city", "op": "in", "value": cities},
            {"attribute": "app_version", "op": "semver_gte", "value": ("3.0.0", "9.1.0-beta.2")[turn]},
            (
                {"attribute": "email", "op": "starts_with", "value": "admin@"},
                {"attribute": "email", "op": "matches", "value": r"^[a-z]+@internal\.example\.(com|org)$"},
            )[turn],
            {"attribute": "visits", "op": "gt", "value": (100, 1000)[turn]},
        ]
    rules = [
        {"id": f"r{place}", "when": condition, "variant": "treatment"}
        for place, condition in enumerate(conditions[:9])
    ]
    rollout = {"id": "rollout", "when": {"attribute": "visits", "op": "gte", "value": 1}}
    half = {"coverage_ppm": 500_000, "gate_salt": salt(5 * number + 1), "arm_salt": salt(5 * number + 2)}
    return flag([*rules, {**rollout, "split": {**half, "arms": [["treatment", 1_000_000]]}}])


def many_flags(number: int) -> dict[str, Any]:
    """Of every ten flags five are off, three are experiments, two have ten rules; w1, w2, w3 beside them."""
    flags = {"w1": flag([], on=False), "w2": flag([split(6)]), "w3": ten_rules(3)}
    for place in range(number):
        kind = place % 10
        if kind < 5:
            flags[f"o{place}"] = flag([split(place)], on=False)
        elif kind < 8:
            flags[f"e{place}"] = flag([split(place)])
        else:
            flags[f"r{place}"] = ten_rules(place)
    return flags


def own_kinds(flags: dict[str, Any]) -> dict[str, Any]:
    """The same flags with variants that are called differently in each, so that none is like another."""
    texts = {key: json.dumps(entry) for key, entry in flags.items()}
    for number, (key, text) in enumerate(texts.items()):
        texts[key] = text.replace('"control"', f'"c{number}"').replace('"treatment"', f'"t{number}"')
    return {key: json.loads(text) for key, text in texts.items()}
