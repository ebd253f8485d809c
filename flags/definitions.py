"""What one flag's definition holds, and changing one thing in it. Pure: no database, no evaluation.

A definition is the flag's entry in the configuration document (docs/reference/flag-format.md) without its
version number, kept as it will be delivered. Whether it is acceptable is decided by the SDK's compiler, never
here.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.refusals import Conflict, NotFound, Problem, problem, refuse

Definition = Mapping[str, Any]
WHOLE_PPM = 1_000_000
SALT_NAMES = ("gate_salt", "arm_salt")
FIRST_VARIANTS: dict[str, dict[str, Any]] = {
    "bool": {"on": True, "off": False},
    "string": {"control": "control", "treatment": "treatment"},
    "number": {"control": 0, "treatment": 1},
    "json": {"control": {}, "treatment": {}},
}


@dataclass(frozen=True, slots=True)
class ExperimentRule:
    """What an experiment asks of a flag: arms as (variant, share in ppm), coverage of the flag's units.

    `slots` are ranges of the layer `layer`; both are empty for an experiment without one. `holdouts` are the
    keys of those in force when it begins.
    """

    experiment: str
    arms: tuple[tuple[str, int], ...]
    coverage_ppm: int
    layer: str = ""
    slots: tuple[tuple[int, int], ...] = ()
    holdouts: tuple[str, ...] = ()


def checksum(definition: Definition) -> str:
    """SHA-256 over the canonical text."""
    return hashlib.sha256(_canonical(definition).encode()).hexdigest()


def same(one: Any, other: Any) -> bool:
    """Whether two pieces of JSON say the same. In Python 1 equals true, for product code it does not."""
    return one == other and _canonical(one) == _canonical(other)


def _canonical(content: Any) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def first(
    value_type: str, unit_type: str, variants: Mapping[str, Any] | None = None, default: str | None = None
) -> dict[str, Any]:
    """What a new flag says: everybody gets the default, which is also what the kill switch serves."""
    chosen = dict(variants) if variants else copy.deepcopy(FIRST_VARIANTS[value_type])
    rest = default or ("off" if "off" in chosen else next(iter(chosen)))
    return {
        "type": value_type,
        "unit_type": unit_type,
        "on": True,
        "variants": chosen,
        "off": rest,
        "default": rest,
        "forced": {},
        "prerequisites": [],
        "rules": [],
    }


def complete(definition: Definition, draw: Callable[[], int]) -> dict[str, Any]:
    """The definition with every field written out, an id for each rule and a salt for each hash."""
    whole: dict[str, Any] = {"on": True, "off": None, "default": None, "forced": {}, "prerequisites": []}
    whole |= copy.deepcopy(dict(definition))
    whole["rules"] = whole.get("rules") or []
    ids = {rule["id"] for rule in whole["rules"] if rule.get("id")}
    for rule in whole["rules"]:
        if not rule.get("id"):
            rule["id"] = _free_id(ids)
        for name in SALT_NAMES if "split" in rule else ():
            if rule["split"].get(name) is None:
                rule["split"][name] = draw()
    return whole


def salts(definition: Definition) -> Iterator[tuple[str, int]]:
    """(field, salt) of every hash of the definition."""
    for index, rule in enumerate(definition["rules"]):
        for name in SALT_NAMES if "split" in rule else ():
            yield f"rules[{index}].split.{name}", rule["split"][name]


def rule_of_experiment(definition: Definition, experiment: str) -> dict[str, Any] | None:
    """The rule that assigns units to the arms of an experiment, if there is one."""
    return next((rule for rule in definition["rules"] if rule.get("experiment") == experiment), None)


def splits(definition: Definition) -> list[dict[str, Any]]:
    """The rules that have a coverage."""
    return [rule for rule in definition["rules"] if "split" in rule]


def switched(definition: Definition, *, on: bool) -> dict[str, Any]:
    return {**copy.deepcopy(dict(definition)), "on": on}


def with_default(definition: Definition, variant: str) -> dict[str, Any]:
    return {**copy.deepcopy(dict(definition)), "default": variant}


def with_coverage(definition: Definition, rule_id: str | None, coverage_ppm: int) -> dict[str, Any]:
    """The same definition with another coverage of one rule: its only split unless named. Arms stay."""
    if not 0 <= coverage_ppm <= WHOLE_PPM:
        fix = f"Give parts per million from 0 to {WHOLE_PPM}."
        raise refuse("coverage_ppm", coverage_ppm, "this is no coverage", fix)
    changed = copy.deepcopy(dict(definition))
    _one_split(changed, rule_id)["split"]["coverage_ppm"] = coverage_ppm
    return changed


def with_experiment(definition: Definition, asked: ExperimentRule) -> dict[str, Any]:
    """The same definition with the experiment's rule, last so that nobody outside it sees anything new.

    A rule the experiment has already keeps its place, its id, its holdouts and its salts: units stay in their
    arms while the weights do.
    """
    changed = copy.deepcopy(dict(definition))
    rule = rule_of_experiment(changed, asked.experiment)
    if rule is None:
        _raise_if_nobody_is_left(changed, asked)
        rule = {"id": _id_for(changed, asked.experiment), "experiment": asked.experiment, "split": {}}
        if asked.holdouts:
            rule["holdouts"] = list(asked.holdouts)
        changed["rules"].append(rule)
    rule["split"] |= {"coverage_ppm": asked.coverage_ppm, "arms": [list(arm) for arm in asked.arms]}
    if asked.layer:
        rule["layer"] = {"key": asked.layer, "slots": [list(part) for part in asked.slots]}
    return changed


def with_shipped(
    definition: Definition, experiment: str, variant: str, holdouts: tuple[str, ...]
) -> dict[str, Any]:
    """The same definition with a rule that gives a variant to everybody but the units of these holdouts.

    It stands where it takes everybody whom the experiment, or a rule for everybody, would have taken.
    """
    changed = copy.deepcopy(dict(definition))
    shipped = {
        "id": _id_for(changed, f"shipped-{experiment}"),
        "variant": variant,
        "holdouts": list(holdouts),
    }
    rules = changed["rules"]
    ends = (n for n, rule in enumerate(rules) if rule.get("experiment") == experiment or _takes_all(rule))
    rules.insert(next(ends, len(rules)), shipped)
    return changed


def _takes_all(rule: Mapping[str, Any]) -> bool:
    return "when" not in rule and "layer" not in rule


def without_experiment(definition: Definition, experiment: str) -> dict[str, Any]:
    """The same definition without the experiment's rule: its units get the flag's default.

    Where a rule behind it would catch them instead, the rule stays with a coverage of 0, which serves the
    default as well and never opens anything.
    """
    changed = copy.deepcopy(dict(definition))
    rule = rule_of_experiment(changed, experiment)
    if rule is None:
        return changed
    if can_vanish(changed["rules"], rule):
        changed["rules"].remove(rule)
    else:
        rule["split"]["coverage_ppm"] = 0
        del rule["experiment"]
    return changed


def can_vanish(rules: list[dict[str, Any]], rule: Mapping[str, Any]) -> bool:
    """Whether no rule behind this one can catch its units: none is there, or all sit in other slots."""
    behind = rules[rules.index(dict(rule)) + 1 :]
    return all("layer" in rule and slot_of(other) == slot_of(rule) for other in behind)


def slot_of(rule: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """What decides in which slot a unit sits: two rules that agree here never share a unit."""
    return rule.get("layer", {}).get("key"), rule.get("unit_from")


def takes_from_experiments(before: Definition, after: Definition) -> Iterator[Problem]:
    """What would change who is in a running experiment: only the experiment itself may do that.

    Rules in front of an experiment's decide who reaches it, so they stay too; their coverage may change,
    because units outside a coverage get the default and reach no later rule.
    """
    known = {rule["experiment"] for rule in before["rules"] if "experiment" in rule}
    fix = "Start experiments under Experiments."
    for rule in after["rules"]:
        if "experiment" in rule and rule["experiment"] not in known:
            yield problem("rules", rule["id"], f"no experiment {rule['experiment']} runs on this flag", fix)
    for index, rule in enumerate(before["rules"]):
        if "experiment" in rule and not _keeps_units(before, after, index):
            why = f"this would change who is in the running experiment {rule['experiment']}"
            fix = "Stop the experiment first, or change only what stands behind its rule."
            yield problem("rules", rule["id"], why, fix)


def _keeps_units(before: Definition, after: Definition, index: int) -> bool:
    """Whether the rule at `index` is the same and gets the same units as before."""
    end = index + 1
    parts = [
        [*map(without_coverage, side["rules"][:index]), *side["rules"][index:end], side["prerequisites"]]
        for side in (before, after)
    ]
    return same(*parts)


def without_coverage(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule as if it covered nobody, to compare everything else."""
    if "split" not in rule:
        return dict(rule)
    return {**rule, "split": {**rule["split"], "coverage_ppm": 0}}


def _raise_if_nobody_is_left(definition: Definition, asked: ExperimentRule) -> None:
    for rule in definition["rules"]:
        if _takes_all(rule):
            why = f"rule {rule['id']} of the flag takes everybody, so nobody would reach the experiment"
            raise Conflict(problem("flag", asked.experiment, why, "Remove that rule or give it a condition."))


def _one_split(definition: dict[str, Any], rule_id: str | None) -> dict[str, Any]:
    found = [rule for rule in splits(definition) if rule_id in {None, rule["id"]}]
    if len(found) == 1:
        return found[0]
    known = ", ".join(rule["id"] for rule in splits(definition))
    if not known:
        raise Conflict(problem("rule", rule_id, "no rule of this flag has a coverage", "Add a split first."))
    if rule_id is None:
        raise refuse("rule", None, "several rules have a coverage", f"Name one of: {known}.")
    raise NotFound(problem("rule", rule_id, "no rule with a coverage has this id", f"Known: {known}."))


def _id_for(definition: Definition, experiment: str) -> str:
    ids = {rule["id"] for rule in definition["rules"]}
    return experiment if experiment not in ids else _free_id(ids)


def _free_id(ids: set[str]) -> str:
    number = next(n for n in range(1, len(ids) + 2) if f"r{n}" not in ids)
    ids.add(f"r{number}")
    return f"r{number}"
