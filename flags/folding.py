"""Taking a rule that gives one variant to everybody into the default, which says the same with less. Pure.

A winner that shipped under a holdout is such a rule once the holdout is over.
"""

import copy
from collections.abc import Collection, Mapping
from typing import Any

from flags.definitions import Definition

NARROWING = ("when", "layer", "split", "experiment")


def foldable(definition: Definition, holding: Collection[str]) -> dict[str, Any] | None:
    """The rule that the default can take the place of without anybody getting another variant.

    Not while a holdout in `holding` keeps units out of it, nor behind a split, whose units outside its
    coverage get the default, nor in front of a running experiment.
    """
    for index, rule in enumerate(definition["rules"]):
        if "split" in rule:
            return None
        if _takes_all(rule, holding):
            behind = definition["rules"][index + 1 :]
            return None if any("experiment" in each for each in behind) else rule
    return None


def folded(definition: Definition, holding: Collection[str]) -> dict[str, Any] | None:
    """The same decisions without that rule and those behind it, which nobody reaches; None without one."""
    rule = foldable(definition, holding)
    if rule is None:
        return None
    changed = copy.deepcopy(dict(definition))
    changed["rules"] = changed["rules"][: definition["rules"].index(rule)]
    changed["default"] = rule["variant"]
    return changed


def _takes_all(rule: Mapping[str, Any], holding: Collection[str]) -> bool:
    is_held = any(key in holding for key in rule.get("holdouts", ()))
    return not is_held and not any(name in rule for name in NARROWING)
