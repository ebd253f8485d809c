"""What differs between two definitions, one readable line for each difference. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flags import words
from flags.definitions import Definition, same

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `field` is where it stands, `words` what it means; a missing side is None."""

    field: str
    kind: Kind
    words: str
    before: Any = None
    after: Any = None


def between(before: Definition | None, after: Definition) -> list[Change]:
    """Differences in the order of importance: switch, coverage and rules, default, variants, the rest."""
    if before is None:
        return [Change("definition", "added", "First version", None, dict(after))]
    return [
        *_switch(before, after),
        *_rules(before["rules"], after["rules"]),
        *_plain(before, after),
        *_entries("variants", "Variant", before, after),
        *_entries("forced", "Forced unit", before, after),
        *_prerequisites(before, after),
    ]


def _switch(before: Definition, after: Definition) -> Iterator[Change]:
    if before["on"] != after["on"]:
        off = after["off"] or "the default in the code"
        text = "Switched on: the rules decide" if after["on"] else f"Switched off: everybody gets {off}"
        yield Change("on", "changed", text, before["on"], after["on"])


def _plain(before: Definition, after: Definition) -> Iterator[Change]:
    for name, title in (("default", "Default"), ("off", "Variant while switched off")):
        if before[name] != after[name]:
            old, new = (side[name] or "the one in the code" for side in (before, after))
            yield Change(name, "changed", f"{title}: {old} → {new}", before[name], after[name])
    for name in ("type", "unit_type"):
        if before[name] != after[name]:
            text = f"{name}: {before[name]} → {after[name]}"
            yield Change(name, "changed", text, before[name], after[name])


def _entries(name: str, title: str, before: Definition, after: Definition) -> Iterator[Change]:
    old, new = before[name], after[name]
    for key in sorted(old.keys() | new.keys()):
        field, shown = f"{name}.{key}", words.variant_value
        if key not in old:
            yield Change(field, "added", f"{title} {key} added: {shown(new[key])}", None, new[key])
        elif key not in new:
            yield Change(field, "removed", f"{title} {key} removed (was {shown(old[key])})", old[key])
        elif not same(old[key], new[key]):
            text = f"{title} {key}: {shown(old[key])} → {shown(new[key])}"
            yield Change(field, "changed", text, old[key], new[key])


def _prerequisites(before: Definition, after: Definition) -> Iterator[Change]:
    old, new = before["prerequisites"], after["prerequisites"]
    for each in new:
        if each not in old:
            text = f"Depends on another flag now: {words.prerequisite(each)}"
            yield Change("prerequisites", "added", text, None, each)
    for each in old:
        if each not in new:
            text = f"Depends no more: {words.prerequisite(each)}"
            yield Change("prerequisites", "removed", text, each)


def _rules(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[Change]:
    old, new = ({rule["id"]: rule for rule in side} for side in (before, after))
    for key, rule in new.items():
        if key not in old:
            yield Change(f"rules.{key}", "added", f"Rule {key} added: {words.rule(rule)}", None, rule)
        elif not same(old[key], rule):
            yield from _of_rule(key, old[key], rule)
    for key, rule in old.items():
        if key not in new:
            yield Change(f"rules.{key}", "removed", f"Rule {key} removed: {words.rule(rule)}", rule)
    yield from _order(list(old), list(new))


def _order(old: list[str], new: list[str]) -> Iterator[Change]:
    kept_old, kept_new = ([key for key in side if key in old and key in new] for side in (old, new))
    if kept_old != kept_new:
        text = f"Order of the rules: {', '.join(kept_old)} → {', '.join(kept_new)}"
        yield Change("rules", "changed", text, kept_old, kept_new)


def _of_rule(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    found = list(_parts_of_rule(key, before, after))
    named = {change.field.rsplit(".", 1)[1] for change in found}
    if not same(_rest(before, named), _rest(after, named)):
        text = f"Rule {key}: {words.rule(before)} → {words.rule(after)}"
        found.append(Change(f"rules.{key}", "changed", text, dict(before), dict(after)))
    yield from found


def _parts_of_rule(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The parts that have words of their own: coverage, arms, salts, condition."""
    old, new = (side.get("split", {}) for side in (before, after))
    if old and new:
        for name, title, shown in (("coverage_ppm", "coverage", words.percent), ("arms", "shares", _arms)):
            if old.get(name) != new.get(name):
                text = f"Rule {key}: {title} {shown(old.get(name))} → {shown(new.get(name))}"
                yield Change(f"rules.{key}.split.{name}", "changed", text, old.get(name), new.get(name))
        for name, title in (("gate_salt", "takes part"), ("arm_salt", "is in which arm")):
            if old.get(name) != new.get(name):
                text = f"Rule {key}: drawn anew who {title}"
                yield Change(f"rules.{key}.split.{name}", "changed", text, old.get(name), new.get(name))
    if not same(before.get("when"), after.get("when")):
        text = f"Rule {key}: {words.condition(before.get('when'))} → {words.condition(after.get('when'))}"
        yield Change(f"rules.{key}.when", "changed", text, before.get("when"), after.get("when"))


def _rest(rule: Mapping[str, Any], named: set[str]) -> dict[str, Any]:
    """The rule without the parts that have been said."""
    left = {name: value for name, value in rule.items() if name not in named}
    if "split" in left:
        left["split"] = {name: value for name, value in left["split"].items() if name not in named}
    return left


def _arms(arms: Any) -> str:
    return ", ".join(f"{words.percent(weight)} {variant}" for variant, weight in arms or [])
