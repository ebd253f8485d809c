"""Rules in plain words, for the page, the history and the API. Pure; never raises on odd content."""

import json
from collections.abc import Mapping
from typing import Any

OPERATORS = {
    "equals": "is",
    "not_equals": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "contains": "contains",
    "matches": "matches",
    "gt": "is above",
    "gte": "is at least",
    "lt": "is below",
    "lte": "is at most",
    "semver_eq": "is version",
    "semver_gt": "is a version above",
    "semver_gte": "is at least version",
    "semver_lt": "is a version below",
    "semver_lte": "is at most version",
    "before": "is before",
    "after": "is after",
    "in_network": "is in the network",
    "exists": "is given",
}
REASONS = {
    "DISABLED": "the flag is switched off",
    "OVERRIDE": "the unit is forced to a variant",
    "PREREQUISITE_FAILED": "a flag it depends on says something else",
    "HOLDOUT": "the unit is held out",
    "NOT_IN_LAYER": "the unit sits in other slots of the layer",
    "TARGETING_MATCH": "a rule matches",
    "SPLIT": "a rule's split chose the arm",
    "OUT_OF_ROLLOUT": "the unit is outside the coverage",
    "DEFAULT": "no rule matches",
    "UNIT_MISSING": "there is no unit to decide for",
    "FLAG_NOT_FOUND": "there is no such flag",
    "ERROR": "something failed",
}
SHOWN_ITEMS = 5


def condition(when: object) -> str:
    """`country is one of de, at and not (segment beta)`."""
    if not isinstance(when, Mapping):
        return "everybody" if when is None else _shown(when)
    if "all" in when:
        return _joined(when["all"], " and ", "everybody")
    if "any" in when:
        return _joined(when["any"], " or ", "nobody")
    if "not" in when:
        return f"not ({condition(when['not'])})"
    if "segment" in when:
        return f"in segment {when['segment']}"
    return _compared(when)


def rule(content: Mapping[str, Any]) -> str:
    """One line about what a rule does to whom: "If country is de: on."."""
    return f"{_who(content)}: {_what(content)}."


def percent(ppm: object) -> str:
    """500000 → 50 %."""
    if not isinstance(ppm, int):
        return _shown(ppm)
    return f"{ppm / 10_000:.4f}".rstrip("0").rstrip(".") + " %"


def prerequisite(content: Mapping[str, Any]) -> str:
    variants = ", ".join(map(str, content.get("variants", [])))
    return f"{content.get('flag')} has to serve {variants}"


def state(definition: Mapping[str, Any] | None) -> str:
    """What the flag does at the moment, in three words or fewer."""
    if definition is None:
        return "not served"
    if not definition["on"]:
        return "off"
    if not definition["rules"]:
        return f"{definition['default']} for all" if definition["default"] else "code default"
    return "by rules"


def scheduled(kind: str, version: int | None, coverage_ppm: int | None) -> str:
    """What a scheduled change does."""
    if kind == "publish":
        return f"publish version {version}"
    return f"set the coverage to {percent(coverage_ppm)}" if kind == "coverage" else kind.replace("_", " ")


def variant_value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _who(content: Mapping[str, Any]) -> str:
    when = content.get("when")
    who = f"If {condition(when)}" if when is not None else "Everybody"
    if "layer" in content:
        share = sum(high - low for low, high in content["layer"].get("slots", []))
        who += f" in {percent(share)} of layer {content['layer'].get('key')}"
    if content.get("holdouts"):
        who += f" outside holdout {', '.join(map(str, content['holdouts']))}"
    return who


def _what(content: Mapping[str, Any]) -> str:
    if "split" not in content:
        return str(content.get("variant"))
    split = content["split"]
    arms = ", ".join(f"{percent(weight)} {variant}" for variant, weight in split.get("arms", []))
    by = f", decided by {content['unit_from']}" if "unit_from" in content else ""
    where = f" in experiment {content['experiment']}" if "experiment" in content else ""
    coverage = percent(split.get("coverage_ppm"))
    return f"{coverage} take part{where} ({arms}), the rest gets the default{by}"


def _joined(parts: object, word: str, nothing: str) -> str:
    if not isinstance(parts, list) or not parts:
        return nothing
    shown = [_bracketed(part) if len(parts) > 1 else condition(part) for part in parts]
    return word.join(shown)


def _bracketed(part: object) -> str:
    text = condition(part)
    is_group = isinstance(part, Mapping) and ("any" in part or "all" in part)
    return f"({text})" if is_group else text


def _compared(when: Mapping[str, Any]) -> str:
    op = str(when.get("op"))
    verb = OPERATORS.get(op, op)
    if op == "exists":
        return f"{when.get('attribute')} is {'given' if when.get('value', True) else 'not given'}"
    return f"{when.get('attribute')} {verb} {_shown(when.get('value'))}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        shown = ", ".join(_shown(item) for item in value[:SHOWN_ITEMS])
        more = len(value) - SHOWN_ITEMS
        return f"{shown} and {more} more" if more > 0 else shown
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
