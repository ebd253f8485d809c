"""Whether a configuration document may be used: the rules of docs/reference/flag-format.md.

A document is taken as a whole or not at all: half a configuration is one nobody has reviewed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headway.evaluation import flag_checking
from headway.evaluation.conditions import UNKNOWN_FIELD, check, segments_in
from headway.evaluation.entries import linked
from headway.evaluation.flag_checking import is_count, is_ppm, is_salt
from headway.evaluation.problems import FINE, Problem, Problems, problem, under

SCHEMA = 1
MAX_FLAGS = 50_000
MAX_CHAIN = 10
_MAX_PROBLEMS = 100
_SECTIONS = ("layers", "holdouts", "segments", "flags")
KEY = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_is_key = re.compile(KEY, re.ASCII).fullmatch
Document = Mapping[str, Any]


def check_document(document: object, *, known: Mapping[str, Any] | None = None) -> Sequence[Problem]:
    """All problems of a document, at most a hundred.

    Flags equal to those in `known` are skipped, unless they refer to other flags.
    """
    found = _check_frame(document)
    if found:
        return found
    frame: Document = document  # type: ignore[assignment]
    problems: list[Problem] = []
    problems.extend(_check_segments(frame["segments"]))
    problems.extend(_check_each("layers", frame["layers"], _check_layer))
    problems.extend(
        _check_each("holdouts", frame["holdouts"], lambda one: _check_holdout(one, frame["layers"]))
    )
    if not problems:
        problems.extend(_check_flags(frame, known or {}))
    return tuple(problems[:_MAX_PROBLEMS]) or check_together(frame)


def check_flag(document: Document, key: str) -> Sequence[Problem]:
    """The problems of one flag inside a document whose other parts are known to be right.

    Slots are compared with the other flags' in the same layers, prerequisites are followed both ways.
    """
    entry = document["flags"].get(key)
    found = under(f"flags.{key}", flag_checking.check(entry, document)) or _check_key("flags", key)
    return found or check_together(document, [key]) or _check_dependents(key, document)


def _check_dependents(key: str, document: Document) -> Problems:
    """Whether the flags that want this one still can: a variant may be gone, a chain may have grown."""
    flags = document["flags"]
    for other, entry in linked(flags).items():
        wanted = entry.get("prerequisites")
        if wanted and any(one["flag"] == key for one in wanted):
            found = under(f"flags.{other}", flag_checking.check(entry, document))
            found = found or _check_chain(other, flags)
            if found:
                return found
    return FINE


def check_together(document: Document, changed: Sequence[str] | None = None) -> Sequence[Problem]:
    """What only shows between flags: circles of prerequisites and slots that two experiments own."""
    flags = document["flags"]
    keys = flags if changed is None else changed
    problems: list[Problem] = []
    is_placed = False
    for key in keys:
        entry = flags[key]
        if entry.get("prerequisites"):
            problems.extend(_check_chain(key, flags))
        for rule in entry["rules"]:
            if "layer" in rule:
                is_placed = True
    if problems or not is_placed:
        return tuple(problems[:_MAX_PROBLEMS])
    return _check_slots(flags, None if changed is None else set(changed))


def _check_frame(document: object) -> Problems:
    if not isinstance(document, dict):
        return problem("", document, "a configuration document is an object")
    schema = document.get("schema")
    if not is_count(schema):
        return problem("schema", schema, "this is no configuration document: it has no schema number")
    if schema != SCHEMA:
        return problem("schema", schema, "this SDK does not know that format", "Update the SDK.")
    if not is_count(document.get("version")):
        return problem("version", document.get("version"), "a version is a whole number from 0")
    for name in _SECTIONS:
        if not isinstance(document.get(name), dict):
            return problem(
                name, document.get(name), "this has to be an object", "Send {} when there are none."
            )
    if len(document["flags"]) > MAX_FLAGS:
        return problem("flags", len(document["flags"]), f"{MAX_FLAGS:,} flags are possible")
    return FINE


def _check_key(section: str, key: object) -> Problems:
    if isinstance(key, str) and _is_key(key):
        return FINE
    return problem(section, key, "a key has letters, digits, dots, hyphens and underscores, at most 128")


def _check_each(section: str, entries: Mapping[str, Any], check_one: Any) -> list[Problem]:
    problems: list[Problem] = []
    for key, entry in entries.items():
        problems.extend(_check_key(section, key))
        problems.extend(under(f"{section}.{key}", check_one(entry)))
    return problems


def _check_flags(document: Document, known: Mapping[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    is_key, check_one = _is_key, flag_checking.check
    for key, entry in document["flags"].items():
        if known and key in known and known[key] == entry and not entry.get("prerequisites"):
            continue
        if not is_key(key):
            problems.extend(_check_key("flags", key))
        found = check_one(entry, document)
        if found:
            problems.extend(under(f"flags.{key}", found))
    return problems


def _check_layer(layer: object) -> Problems:
    found = _check_fields(layer, {"unit_type", "salt"}, ("unit_type", "salt"))
    return found or _check_draw(layer)


def _check_draw(entry: Any) -> Problems:
    if not isinstance(entry["unit_type"], str) or not entry["unit_type"]:
        return problem("unit_type", entry["unit_type"], "a unit type is a name", "For example user.")
    return FINE if is_salt(entry["salt"]) else problem("salt", entry["salt"], flag_checking.SALT)


def _check_holdout(holdout: object, layers: Mapping[str, Any]) -> Problems:
    required = ("unit_type", "salt", "share_ppm")
    found = _check_fields(holdout, {*required, "layers"}, required) or _check_draw(holdout)
    if found:
        return found
    entry: Mapping[str, Any] = holdout  # type: ignore[assignment]
    if not is_ppm(entry["share_ppm"]):
        return problem("share_ppm", entry["share_ppm"], flag_checking.PPM)
    named = entry.get("layers")
    if named is None:
        return FINE
    if not isinstance(named, list) or not named:
        return problem("layers", named, "this has to be a list of layers", "Send null for all of them.")
    for name in named:
        if not isinstance(name, str) or name not in layers:
            return problem("layers", name, "there is no such layer")
    return FINE


def _check_fields(entry: object, allowed: set[str], required: Sequence[str]) -> Problems:
    if not isinstance(entry, dict):
        return problem("", entry, "this has to be an object")
    for name in required:
        if name not in entry:
            return problem(name, None, f"{name} is missing")
    odd = [name for name in entry if name not in allowed]
    return problem(odd[0], entry[odd[0]], UNKNOWN_FIELD) if odd else FINE


def _check_segments(segments: Mapping[str, Any]) -> list[Problem]:
    problems = _check_each("segments", segments, lambda one: _check_segment(one, segments))
    if problems:
        return problems
    inner = {key: segments_in(entry["when"]) for key, entry in segments.items()}
    for key in segments:
        problems.extend(_check_circle(key, inner, "segments"))
    return problems


def _check_segment(segment: object, segments: Mapping[str, Any]) -> Problems:
    found = _check_fields(segment, {"version", "when"}, ("version", "when"))
    if found:
        return found
    entry: Mapping[str, Any] = segment  # type: ignore[assignment]
    if not is_count(entry["version"]):
        return problem("version", entry["version"], "a version is a whole number from 0")
    return under("when", check(entry["when"], segments))


def _check_chain(key: str, flags: Mapping[str, Any]) -> Problems:
    inner = _Wanted(flags)
    return _check_circle(key, inner, "flags")


class _Wanted(dict[str, "set[str]"]):
    """Which flags a flag wants; looked up only for flags that are reached."""

    def __init__(self, flags: Mapping[str, Any]) -> None:
        super().__init__()
        self._flags = flags

    def __missing__(self, key: str) -> set[str]:
        entry = self._flags.get(key, {})
        wanted = self[key] = {each["flag"] for each in entry.get("prerequisites") or ()}
        return wanted


def _check_circle(key: str, inner: Mapping[str, Any], section: str) -> Problems:
    """A problem when `key` leads back to itself or through a chain that is too long."""
    level, steps, met = {key}, 0, {key}
    while level:
        reached = {name for each in level for name in inner[each]}
        if key in reached:
            return problem(
                f"{section}.{key}", key, "it leads back to itself", "Take one link out of the circle."
            )
        steps += 1
        if steps > MAX_CHAIN:
            return problem(f"{section}.{key}", key, f"the chain behind it is longer than {MAX_CHAIN}")
        level = reached - met
        met |= level
    return FINE


def _check_slots(flags: Mapping[str, Any], changed: set[str] | None) -> Problems:
    """Two owners of one slot, if one of them changed."""
    owned: dict[str, list[tuple[int, int, str, str]]] = {}
    for key, entry in linked(flags).items():
        for number, rule in enumerate(entry["rules"]):
            if "layer" in rule:
                place = f"flags.{key}.rules[{number}].layer.slots"
                owner = rule.get("experiment") or f"{key}/{rule['id']}"
                ranges = owned.setdefault(rule["layer"]["key"], [])
                ranges.extend((low, high, owner, place) for low, high in rule["layer"]["slots"])
    for ranges in owned.values():
        found = _check_overlap(sorted(ranges), changed)
        if found:
            return found
    return FINE


def _check_overlap(ranges: list[tuple[int, int, str, str]], changed: set[str] | None) -> Problems:
    """Sorted by beginning, a range overlaps an earlier one only if it overlaps the furthest-reaching one."""
    furthest: dict[str, tuple[int, int, str, str]] = {}
    for own in ranges:
        for owner, other in furthest.items():
            is_news = changed is None or _flag_of(own[3]) in changed or _flag_of(other[3]) in changed
            if owner != own[2] and own[0] < other[1] and is_news:
                return problem(own[3], list(own[:2]), f"{own[2]} and {owner} own the same slots", "Move one.")
        reach = furthest.get(own[2])
        if reach is None or own[1] > reach[1]:
            furthest[own[2]] = own
    return FINE


def _flag_of(place: str) -> str:
    return place.split(".rules[", 1)[0][len("flags.") :]
