"""The difference between what files declare and what an environment serves. Pure: no files, no server.

What a file leaves to the server is taken from what is live: ids and salts of rules, coverages (so that ramps
can move them), and the rules of running experiments, which belong to the experiments.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from headway.cli.declared import IDENTITY, SETTINGS, Declared
from headway.cli.yaml_writing import written

EMPTY: Mapping[str, Any] = {
    "on": True,
    "off": None,
    "default": None,
    "forced": {},
    "prerequisites": [],
    "rules": [],
}
ORDER = (*SETTINGS, "on", "variants", "off", "default")
RULE_ORDER = ("id", "experiment", "layer", "unit_from", "when", "variant", "split")
SALTS = ("gate_salt", "arm_salt")


class Change(NamedTuple):
    """One object that has to change. `before` and `after` are its entries in a file, None for none."""

    kind: str
    key: str
    action: str
    seen: int
    settings: dict[str, Any]
    content: dict[str, Any] | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def sign(self) -> str:
        return "-" if self.action == "archive" else "+" if self.before is None else "~"

    def body(self) -> dict[str, Any]:
        """What the server is asked to do."""
        body = {"kind": self.kind, "key": self.key, "action": self.action, "seen": self.seen}
        return {**body, "settings": self.settings, "content": self.content}

    def lines(self) -> list[str]:
        """The difference as lines of the file, with a sign each."""
        old, new = (written(side).splitlines() if side else [] for side in (self.before, self.after))
        return [line for line in difflib.ndiff(old, new) if not line.startswith("?")]


class Plan(NamedTuple):
    """Changes in the order they are shown, what is worth knowing, and why some cannot be made."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    problems: tuple[str, ...]


def plan(state: Mapping[str, Any], declared: Declared, *, prune: bool = False) -> Plan:
    """What has to be done to `state` (of the server) so that it is as declared."""
    changes: list[Change] = []
    warnings: list[str] = []
    problems: list[str] = []
    for key, entry in sorted(declared.layers.items()):
        changes += _layer(state, key, entry, problems)
    for key, entry in sorted(declared.segments.items()):
        changes += _segment(state, key, entry, warnings)
    for key, entry in sorted(declared.flags.items()):
        changes += _flag(state, key, entry, warnings, problems)
    extra = sorted(set(state["flags"]) - set(declared.flags)) if declared.flags else []
    if prune:
        changes += [_archive(state, key) for key in extra]
    elif extra:
        warnings.append(f"{len(extra)} flags are served and stand in no file; they stay: {_some(extra)}")
    return Plan(tuple(changes), tuple(warnings), tuple(problems))


def entry_of(flag: Mapping[str, Any]) -> dict[str, Any]:
    """A flag of the server as its entry in a file: without what is empty, and without experiments' rules."""
    entry = {name: flag[name] for name in SETTINGS if flag.get(name)}
    definition = flag["definition"]
    entry |= {name: value for name, value in definition.items() if name not in IDENTITY}
    entry["rules"] = [rule_in_order(rule) for rule in definition["rules"] if "experiment" not in rule]
    kept = {name: value for name, value in entry.items() if not _is_empty(name, value)}
    return {name: kept[name] for name in sorted(kept, key=_place)}


def segment_entry(segment: Mapping[str, Any]) -> dict[str, Any]:
    names = [name for name in ("title", "owner") if segment.get(name)]
    return {**{name: segment[name] for name in names}, "when": segment["when"]}


def rule_in_order(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule with the parts that people look for first in front; the database does not keep an order."""
    known = [name for name in RULE_ORDER if name in rule]
    ordered = {name: rule[name] for name in [*known, *sorted(set(rule) - set(known))]}
    if "split" in ordered:
        split = ordered["split"]
        names = [name for name in ("coverage_ppm", "arms", *SALTS) if name in split]
        ordered["split"] = {name: split[name] for name in names}
    return ordered


def definition_of(entry: Mapping[str, Any], live: Mapping[str, Any] | None) -> dict[str, Any]:
    """The definition that an entry stands for, with what it leaves to the server taken from what is live."""
    wanted = {**copy.deepcopy(dict(EMPTY)), **{n: v for n, v in entry.items() if n not in SETTINGS}}
    before = live["rules"] if live else []
    if isinstance(wanted["rules"], list):
        own = [rule for rule in before if "experiment" not in rule]
        rules = _with_ids(copy.deepcopy(wanted["rules"]), own)
        wanted["rules"] = _with_experiments([_filled(rule, own) for rule in rules], before)
    return wanted


def _with_ids(rules: list[Any], live: list[Any]) -> list[Any]:
    """Rules without an id take that of the live rule in their place, unless another one has it."""
    named = {rule.get("id") for rule in rules if isinstance(rule, dict)}
    for index, rule in enumerate(rules):
        if (
            isinstance(rule, dict)
            and "id" not in rule
            and index < len(live)
            and live[index]["id"] not in named
        ):
            rule["id"] = live[index]["id"]
    return rules


def _filled(rule: Any, live: list[Any]) -> Any:
    """A split with the salts and, unless it states one, the coverage of the live rule with its id."""
    if not isinstance(rule, dict) or not isinstance(rule.get("split"), dict):
        return rule
    same = next((each for each in live if each["id"] == rule.get("id") and "split" in each), None)
    kept = {name: same["split"][name] for name in ("coverage_ppm", *SALTS)} if same else {"coverage_ppm": 0}
    rule["split"] = {**kept, **rule["split"]}
    return rule


def _with_experiments(rules: list[Any], live: list[Any]) -> list[Any]:
    """The rules with those of running experiments behind the rule that each of them stands behind now."""
    whole = list(rules)
    for index, rule in enumerate(live):
        if "experiment" in rule:
            before = {each["id"] for each in live[:index]}
            places = [
                at for at, each in enumerate(whole) if isinstance(each, dict) and each.get("id") in before
            ]
            whole.insert(places[-1] + 1 if places else 0, rule)
    return whole


def _flag(
    state: Mapping[str, Any], key: str, entry: dict[str, Any], warnings: list[str], problems: list[str]
) -> Iterator[Change]:
    flag = state["flags"].get(key)
    if key in state["archived"]:
        problems.append(
            f"flags.{key}: the flag is archived. Take it out of the archive, or leave it out of the files."
        )
        return
    if flag is None:
        yield from _new_flag(state, key, entry, problems)
        return
    problems += [
        f"flags.{key}.{name} = {entry[name]!r}: it is {flag[name]} for ever. Make another flag."
        for name in IDENTITY
        if entry.get(name, flag[name]) != flag[name]
    ]
    settings = {
        name: entry[name]
        for name in SETTINGS
        if name in entry and name not in IDENTITY and (entry[name] or None) != (flag.get(name) or None)
    }
    wanted = definition_of(entry, flag["definition"])
    if not settings and same(wanted, _without_identity(flag["definition"])):
        return
    if flag.get("ramp"):
        warnings.append(f"flags.{key}: ramp {flag['ramp']} moves it; a change of its coverage takes over")
    if flag.get("has_draft"):
        warnings.append(f"flags.{key}: somebody writes a draft; it will fall behind")
    before = entry_of(flag)
    after = entry_of({**flag, **settings, "definition": {**EMPTY, **wanted}})
    yield Change("flag", key, "set", flag["version"], settings, wanted, before, after)


def _new_flag(
    state: Mapping[str, Any], key: str, entry: dict[str, Any], problems: list[str]
) -> Iterator[Change]:
    if not entry.get("type") and key not in state["unserved"]:
        problems.append(
            f"flags.{key}.type: a new flag needs a type. Possible are: bool, string, number, json."
        )
        return
    settings = {name: entry[name] for name in SETTINGS if entry.get(name)}
    yield Change("flag", key, "set", 0, settings, definition_of(entry, None), None, dict(entry))


def _segment(
    state: Mapping[str, Any], key: str, entry: dict[str, Any], warnings: list[str]
) -> Iterator[Change]:
    known = state["segments"].get(key)
    warnings += [
        f"segments.{key}.{name}: {known[name]!r} stays; a segment's {name} is given once, when it is made"
        for name in ("title", "owner")
        if known and entry.get(name, known[name]) != known[name]
    ]
    if known and same(known["when"], entry["when"]):
        return
    settings = {name: entry[name] for name in ("title", "owner") if entry.get(name)}
    is_served = bool(known and known["version"])
    before = segment_entry(known) if is_served else None
    seen = known["version"] if known else 0
    yield Change("segment", key, "set", seen, settings, entry["when"], before, segment_entry(entry))


def _layer(
    state: Mapping[str, Any], key: str, entry: dict[str, Any], problems: list[str]
) -> Iterator[Change]:
    known, unit_type = state["layers"].get(key), entry.get("unit_type", "user")
    if known is None:
        settings = {"unit_type": unit_type}
        yield Change("layer", key, "set", 0, settings, None, None, settings)
    elif known["unit_type"] != unit_type:
        problems.append(
            f"layers.{key}.unit_type = {unit_type!r}: it is {known['unit_type']} for ever. Make another one."
        )


def _archive(state: Mapping[str, Any], key: str) -> Change:
    flag = state["flags"][key]
    return Change("flag", key, "archive", flag["version"], {}, None, entry_of(flag), None)


def same(one: Any, other: Any) -> bool:
    """Whether two pieces of JSON say the same. In Python 1 equals true, for product code it does not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _without_identity(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if name not in IDENTITY}


def _is_empty(name: str, value: Any) -> bool:
    return name in EMPTY and name != "on" and not value


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:5]) + (", …" if len(keys) > 5 else "")
