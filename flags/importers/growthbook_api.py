"""Answers of GrowthBook's API put into the form of its SDK payload."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flags.importers.reading import LeftOut, Unmapped, as_list, as_mapping, as_text, no_document
from ledger.refusals import refuse

FIX = 'It begins with {"features": …}, as SDKs and the API get it.'
RULE = frozenset(
    ("id", "type", "description", "enabled", "condition", "value", "coverage", "hashAttribute",
     "trackingKey", "experimentId", "fallbackAttribute", "namespace", "variations", "values",
     "savedGroupTargeting", "savedGroups", "prerequisites", "scheduleRules", "allEnvironments",
     "environments", "sparse", "seed", "disableStickyBucketing", "bucketVersion", "minBucketVersion",
     "hashVersion")
)  # fmt: skip
Payload = tuple[dict[str, Any], list[LeftOut], list[str]]


def payload(content: Any, place: str) -> Payload:
    """Features by name, what is left out, and remarks. Raises Refused for no document of GrowthBook."""
    if not isinstance(content, Mapping):
        raise no_document("GrowthBook", FIX)
    features = content.get("features")
    if isinstance(features, Mapping):
        return {str(name): entry for name, entry in features.items()}, [], []
    listed = (
        features if isinstance(features, list) else [content["feature"]] if "feature" in content else None
    )
    if listed is None:
        raise no_document("GrowthBook", FIX)
    return _converted(listed, _place(listed, place))


def _place(listed: Sequence[Any], wanted: str) -> str:
    """The environment to read. Raises Refused when the document holds several and none of them is meant."""
    found = sorted({name for each in listed for name in _places(each)})
    if wanted in found or not found:
        return wanted
    if len(found) == 1:
        return found[0]
    fix = f"Name one of: {', '.join(found)}."
    raise refuse("place", wanted, "the document holds several environments", fix)


def _places(feature: Any) -> list[str]:
    places = feature.get("environments") if isinstance(feature, Mapping) else None
    return [str(name) for name in places] if isinstance(places, Mapping) else []


def _converted(listed: Sequence[Any], place: str) -> Payload:
    features: dict[str, Any] = {}
    left_out: list[LeftOut] = []
    for each in listed:
        name = str(each.get("id", "")) if isinstance(each, Mapping) else ""
        try:
            if name in features:
                raise Unmapped("it stands in the document twice")
            features[name] = _feature(as_mapping(each, "the feature"), place)
        except Unmapped as why:
            left_out.append(LeftOut(name, str(why)))
    more = (
        [f"the answer is one page of {len(listed)} features; read the others too"]
        if len(listed) >= 100
        else []
    )
    return features, left_out, more


def _feature(entry: Mapping[str, Any], place: str) -> dict[str, Any]:
    if entry.get("archived"):
        raise Unmapped("it is archived there")
    value_type = as_text(entry.get("valueType"), "valueType")
    places = entry.get("environments")
    here = (
        as_mapping((places or {}).get(place) or {}, f"environment {place}")
        if isinstance(places, Mapping)
        else {}
    )
    found = {
        "title": str(entry.get("description") or "").strip().split("\n")[0][:200],
        "on": here.get("enabled", True) is not False,
    }
    if isinstance(here.get("definition"), str) and here["definition"]:
        return {**_compiled(here["definition"]), **found}
    rules = [
        *_gates(entry.get("prerequisites")),
        *(_rule(as_mapping(each, "a rule"), value_type) for each in _rules_of(entry, here, place)),
    ]
    default = here.get("defaultValue", entry.get("defaultValue"))
    kept = [each for each in rules if each]
    return {
        **found,
        "defaultValue": _value(default, value_type),
        "rules": kept,
        "holdout": entry.get("holdout"),
    }


def _compiled(text: str) -> dict[str, Any]:
    """The feature as the SDKs of this environment get it; the API tells it beside the rules."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unmapped("its compiled definition is no JSON") from None
    return dict(as_mapping(found, "its compiled definition"))


def _rules_of(entry: Mapping[str, Any], here: Mapping[str, Any], place: str) -> list[Any]:
    """The rules of one environment: version 1 has them below it, in version 2 each names its environments."""
    if isinstance(entry.get("rules"), list):
        return [each for each in entry["rules"] if _is_here(each, place)]
    return list(as_list(here.get("rules") or [], "rules"))


def _is_here(entry: Any, place: str) -> bool:
    if not isinstance(entry, Mapping) or entry.get("allEnvironments"):
        return True
    places = entry.get("environments")
    return not isinstance(places, list) or place in places


def _gates(prerequisites: Any) -> list[dict[str, Any]]:
    names = [
        each.get("id") if isinstance(each, Mapping) else each
        for each in as_list(prerequisites or [], "prerequisites")
    ]
    return [
        {"parentConditions": [{"id": name, "condition": {"value": True}, "gate": True}]} for name in names
    ]


def _rule(entry: Mapping[str, Any], value_type: str) -> dict[str, Any] | None:
    if entry.get("enabled") is False:
        return None
    unknown = sorted(str(name) for name in entry if name not in RULE)
    if unknown:
        raise Unmapped(f"a rule has a field that is not known here: {', '.join(unknown[:5])}")
    for name, why in (
        ("scheduleRules", "a rule is scheduled: use a scheduled change or a ramp"),
        ("savedGroupTargeting", "a rule targets saved groups, whose members the API does not tell here"),
        ("savedGroups", "a rule targets saved groups, whose members the API does not tell here"),
        ("prerequisites", "a rule has a prerequisite of its own; here only whole flags have"),
    ):
        if entry.get(name):
            raise Unmapped(why)
    made: dict[str, Any] = {
        name: entry[name] for name in ("coverage", "hashAttribute", "fallbackAttribute") if name in entry
    }
    if entry.get("condition"):
        made["condition"] = _condition(entry["condition"])
    return {**made, **_effect(entry, value_type)}


def _effect(entry: Mapping[str, Any], value_type: str) -> dict[str, Any]:
    kind = entry.get("type")
    if kind in ("force", "rollout"):
        return {"force": _value(entry.get("value"), value_type)}
    if kind != "experiment":
        raise Unmapped(
            f"a rule is of the type {kind!r}, which the API tells only in part: take the SDK payload"
        )
    namespace = entry.get("namespace")
    if isinstance(namespace, Mapping) and namespace.get("enabled"):
        raise Unmapped("it excludes itself from other experiments by a namespace: use a layer")
    arms = [
        as_mapping(each, "a variation")
        for each in as_list(entry.get("values") or entry.get("variations"), "values")
    ]
    return {
        "variations": [_value(arm.get("value"), value_type) for arm in arms],
        "weights": [arm.get("weight", 0) for arm in arms],
        "meta": [{"name": arm.get("name")} for arm in arms],
    }


def _condition(content: Any) -> Any:
    """Conditions are JSON in a text there."""
    if not isinstance(content, str):
        return content
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Unmapped("a condition is no JSON") from None


def _value(value: Any, value_type: str) -> Any:
    """Values are texts there, whatever their type."""
    if not isinstance(value, str) or value_type == "string":
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise Unmapped(f"a value is no {value_type}: {value[:40]!r}") from None
