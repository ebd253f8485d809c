"""Whether one flag's entry may be used."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from headway.evaluation import conditions
from headway.evaluation.conditions import UNKNOWN_FIELD
from headway.evaluation.hashing import RANGE, WHOLE_PPM
from headway.evaluation.problems import FINE, Problem, Problems, problem, under

MAX_VERSION = 2**31 - 1
MAX_VARIANTS = 64
MAX_RULES = 100
MAX_FORCED = 10_000
MAX_PREREQUISITES = 10
MAX_NAME = 128
MAX_TEXT = 100_000
MAX_DEPTH = 32

SALT = "a salt is a whole number from 0 to 4294967295"
PPM = "a share is a whole number from 0 to 1000000 parts per million"

_FLAG = frozenset(
    "version type unit_type on variants off default forced prerequisites rules meta".split()  # noqa: SIM905
)
_REQUIRED = frozenset(("version", "type", "unit_type", "on", "variants", "rules"))
_RULE = frozenset({"id", "when", "variant", "split", "experiment", "layer", "unit_from", "holdouts"})
_NONE = object()
_SPLIT = {"coverage_ppm", "gate_salt", "arm_salt", "arms"}


def is_count(value: object) -> bool:
    return value.__class__ is int and 0 <= value <= MAX_VERSION


def is_salt(value: object) -> bool:
    return value.__class__ is int and 0 <= value < RANGE


def is_ppm(value: object) -> bool:
    return value.__class__ is int and 0 <= value <= WHOLE_PPM


def is_name(value: object) -> bool:
    return value.__class__ is str and 1 <= len(value) <= MAX_NAME


def check(entry: Any, document: Mapping[str, Any]) -> Problems:
    """The problems of a flag's entry; the document's other parts are only looked for by name."""
    if entry.__class__ is not dict:
        return problem("", entry, "a flag is an object")
    if not entry.keys() >= _REQUIRED:
        missing = min(_REQUIRED - entry.keys())
        return problem(missing, None, f"{missing} is missing")
    if len(entry) != len(_REQUIRED) + ("off" in entry) + ("default" in entry) and not entry.keys() <= _FLAG:
        odd = min(entry.keys() - _FLAG, key=str)
        return problem(str(odd), entry[odd], UNKNOWN_FIELD)
    return _check_head(entry) or _check_body(entry, document)


def _check_head(entry: Mapping[str, Any]) -> Problems:
    if not is_count(entry["version"]):
        return problem("version", entry["version"], "a version is a whole number from 0")
    if not is_name(entry["unit_type"]):
        return problem("unit_type", entry["unit_type"], "a unit type is a name", "For example user.")
    if entry["on"].__class__ is not bool:
        return problem("on", entry["on"], "this has to be true or false")
    fits = VALUE_TYPES.get(entry["type"]) if entry["type"].__class__ is str else None
    if fits is None:
        return problem("type", entry["type"], "there is no such type", f"Possible: {', '.join(VALUE_TYPES)}.")
    return _check_variants(entry, fits)


def _check_variants(entry: Mapping[str, Any], fits: Any) -> Problems:
    variants = entry["variants"]
    if variants.__class__ is not dict or not 1 <= len(variants) <= MAX_VARIANTS:
        return problem("variants", variants, f"a flag has 1 to {MAX_VARIANTS} variants")
    for name, value in variants.items():
        if name.__class__ is not str or not 1 <= len(name) <= MAX_NAME:
            return problem("variants", name, f"a variant has a name of 1 to {MAX_NAME} characters")
        if not fits(value):
            return problem(f"variants.{name}", value, f"this is no value of type {entry['type']}")
    for name in ("off", "default"):
        chosen = entry.get(name)
        if chosen is not None and (chosen.__class__ is not str or chosen not in variants):
            return problem(name, chosen, "there is no such variant", _known(variants))
    return FINE


def _check_body(entry: Mapping[str, Any], document: Mapping[str, Any]) -> Problems:
    found: list[Problem] = []
    if entry.get("forced"):
        found.extend(under("forced", _check_forced(entry["forced"], entry["variants"])))
    if entry.get("prerequisites"):
        found.extend(under("prerequisites", _check_prerequisites(entry["prerequisites"], document["flags"])))
    rules = entry["rules"]
    if rules.__class__ is not list or len(rules) > MAX_RULES:
        return problem("rules", rules, f"this has to be a list of at most {MAX_RULES} rules")
    for number, rule in enumerate(rules):
        problems = _check_rule(rule, entry, document)
        if problems:
            found.extend(under(f"rules[{number}]", problems))
    return found or _check_ids(rules)


def _check_ids(rules: list[Any]) -> Problems:
    if len(rules) < 2 or len({rule["id"] for rule in rules}) == len(rules):
        return FINE
    ids = [rule["id"] for rule in rules]
    twice = next(each for each in ids if ids.count(each) > 1)
    return problem("rules", twice, "two rules have this id", "Every rule of a flag has its own.")


def _check_forced(forced: object, variants: Mapping[str, Any]) -> Problems:
    if forced.__class__ is not dict or len(forced) > MAX_FORCED:
        return problem("", forced, f"this has to be an object of at most {MAX_FORCED:,} units")
    for unit, variant in forced.items():
        if not _is_in(variant, variants):
            return problem(str(unit), variant, "there is no such variant", _known(variants))
    return FINE


def _check_prerequisites(wanted: object, flags: Mapping[str, Any]) -> Problems:
    if wanted.__class__ is not list or len(wanted) > MAX_PREREQUISITES:
        return problem("", wanted, f"this has to be a list of at most {MAX_PREREQUISITES}")
    for number, one in enumerate(wanted):
        found = _check_prerequisite(one, flags)
        if found:
            return under(f"[{number}]", found)
    return FINE


def _check_prerequisite(one: Any, flags: Mapping[str, Any]) -> Problems:
    if one.__class__ is not dict or one.keys() != {"flag", "variants"}:
        return problem("", one, "a prerequisite has flag and variants")
    other = flags.get(one["flag"]) if isinstance(one["flag"], str) else None
    if not isinstance(other, dict):
        return problem("flag", one["flag"], "there is no such flag")
    if not isinstance(one["variants"], list) or not one["variants"]:
        return problem("variants", one["variants"], "this has to be a list of at least one variant")
    variants = other.get("variants")
    for name in one["variants"]:
        if not isinstance(variants, dict) or not _is_in(name, variants):
            return problem("variants", name, f"{one['flag']} has no such variant")
    return FINE


def _check_rule(rule: Any, entry: Mapping[str, Any], document: Mapping[str, Any]) -> Problems:
    """The calls that most rules do not need are not made: a document may hold a hundred thousand rules."""
    if rule.__class__ is not dict:
        return problem("", rule, "a rule is an object")
    when = rule.get("when", _NONE)
    is_unusual = len(rule) != (2 if when is _NONE else 3)
    if is_unusual and not rule.keys() <= _RULE:
        odd = min(rule.keys() - _RULE, key=str)
        return problem(str(odd), rule[odd], UNKNOWN_FIELD)
    name = rule.get("id")
    if name.__class__ is not str or not 1 <= len(name) <= MAX_NAME:
        return problem("id", name, f"a rule has an id of 1 to {MAX_NAME} characters")
    if when is not _NONE:
        found = conditions.check(when, document["segments"])
        if found:
            return under("when", found)
    found = _check_outcome(rule, entry["variants"])
    return found or (_check_origin(rule, entry, document) if is_unusual else FINE)


def _check_outcome(rule: Mapping[str, Any], variants: Mapping[str, Any]) -> Problems:
    if "split" in rule:
        if "variant" in rule:
            return problem("variant", rule["variant"], "a rule has either a variant or a split")
        found = _check_split(rule["split"], variants)
        return under("split", found) if found else FINE
    name = rule.get("variant")
    if name.__class__ is str and name in variants:
        return FINE
    if "variant" not in rule:
        return problem("", dict(rule), "a rule has either a variant or a split")
    return problem("variant", rule["variant"], "there is no such variant", _known(variants))


def _check_split(split: Any, variants: Mapping[str, Any]) -> Problems:
    if split.__class__ is not dict or split.keys() != _SPLIT:
        return problem("", split, f"a split has exactly {', '.join(sorted(_SPLIT))}")
    if not is_ppm(split["coverage_ppm"]):
        return problem("coverage_ppm", split["coverage_ppm"], PPM)
    gate, arm = split["gate_salt"], split["arm_salt"]
    if not is_salt(gate):
        return problem("gate_salt", gate, SALT)
    if not is_salt(arm):
        return problem("arm_salt", arm, SALT)
    if gate == arm:
        fix = "Draw two salts: with one, the gate decides the arm as well."
        return problem("arm_salt", arm, "the gate has the same salt", fix)
    return _check_arms(split["arms"], variants)


def _check_arms(arms: Any, variants: Mapping[str, Any]) -> Problems:
    if arms.__class__ is not list or not 1 <= len(arms) <= MAX_VARIANTS:
        return problem("arms", arms, f"a split has 1 to {MAX_VARIANTS} arms")
    total = 0
    for arm in arms:
        if arm.__class__ is not list or len(arm) != 2 or not is_ppm(arm[1]):
            return problem(f"arms[{arms.index(arm)}]", arm, f"an arm is [variant, share]; {PPM}")
        name, share = arm
        if name.__class__ is not str or name not in variants:
            return problem(f"arms[{arms.index(arm)}]", name, "there is no such variant", _known(variants))
        total += share
    if total != WHOLE_PPM:
        return problem(
            "arms", arms, f"the shares add up to {total / 10_000:g} %", "They must add up to 100 %."
        )
    if len({arm[0] for arm in arms}) != len(arms):
        return problem("arms", arms, "a variant is in two arms", "Give it one share.")
    return FINE


def _check_origin(rule: Mapping[str, Any], entry: Mapping[str, Any], document: Mapping[str, Any]) -> Problems:
    """Where the rule's units come from: experiment, attribute in place of the unit, holdouts, layer."""
    experiment = rule.get("experiment")
    if experiment is not None and not is_name(experiment):
        return problem("experiment", experiment, f"a key has 1 to {MAX_NAME} characters")
    source = rule.get("unit_from")
    if source is not None and (not is_name(source) or source == conditions.UNIT):
        return problem("unit_from", source, "this has to be the name of an attribute")
    held = rule.get("holdouts")
    if held is not None and not (held.__class__ is list and all(is_name(key) for key in held)):
        return problem("holdouts", held, "this has to be a list of holdouts")
    if "layer" in rule:
        return under("layer", _check_place(rule["layer"], source or entry["unit_type"], document["layers"]))
    return FINE


def _check_place(place: Any, unit_type: str, layers: Mapping[str, Any]) -> Problems:
    if place.__class__ is not dict or place.keys() != {"key", "slots"}:
        return problem("", place, "a place in a layer has key and slots")
    layer = layers.get(place["key"]) if isinstance(place["key"], str) else None
    if layer is None:
        return problem("key", place["key"], "there is no such layer")
    if layer["unit_type"] != unit_type:
        reason = f"the layer draws {layer['unit_type']} units, this rule {unit_type} units"
        return problem("key", place["key"], reason, "Use a layer of the same unit.")
    return _check_ranges(place["slots"])


def _check_ranges(slots: Any) -> Problems:
    if slots.__class__ is not list or not slots:
        return problem("slots", slots, "this has to be a list of ranges", "For example [[0, 100000]].")
    end = 0
    for number, pair in enumerate(slots):
        if pair.__class__ is not list or len(pair) != 2 or not (is_ppm(pair[0]) and is_ppm(pair[1])):
            return problem(f"slots[{number}]", pair, f"a range is [low, high); {PPM}")
        if pair[0] >= pair[1]:
            return problem(f"slots[{number}]", pair, "the range is empty", "low is smaller than high.")
        if pair[0] < end:
            return problem(f"slots[{number}]", pair, "it overlaps or precedes the range before", "Sort them.")
        end = pair[1]
    return FINE


def _is_in(name: object, variants: Mapping[str, Any]) -> bool:
    return name.__class__ is str and name in variants


def _known(variants: Mapping[str, Any]) -> str:
    return f"Possible: {', '.join(map(str, variants))}."


def _is_bool(value: object) -> bool:
    return value.__class__ is bool


def _is_text(value: object) -> bool:
    return value.__class__ is str and len(value) <= MAX_TEXT


def _is_number(value: object) -> bool:
    if value.__class__ is int:
        return -(2**53) <= value <= 2**53
    return value.__class__ is float and isfinite(value)


def _is_json(value: object, depth: int = 0) -> bool:
    """Plain data that every JSON reader understands alike."""
    if depth > MAX_DEPTH:
        return False
    if value.__class__ is dict:
        return all(isinstance(k, str) and _is_json(v, depth + 1) for k, v in value.items())
    if value.__class__ is list:
        return all(_is_json(each, depth + 1) for each in value)
    return value is None or _is_bool(value) or _is_text(value) or _is_number(value)


VALUE_TYPES = {"bool": _is_bool, "string": _is_text, "number": _is_number, "json": _is_json}
