"""What a flag does at the moment, short enough for one row of a list. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flags import words
from flags.definitions import WHOLE_PPM


@dataclass(frozen=True, slots=True)
class Summary:
    """`state` is a word with a `tone` (the end of a CSS class), `serves` a short sentence.

    `coverage_ppm` is None when no single number says it.
    """

    state: str
    tone: str
    serves: str
    coverage_ppm: int | None = None
    experiments: tuple[str, ...] = ()


NOWHERE = Summary("not served", "muted", "product code gets its own default")


def of(definition: Mapping[str, Any] | None, *, is_held: bool = False) -> Summary:
    """The summary of what is live in one environment."""
    if definition is None:
        return NOWHERE
    if not definition["on"]:
        off = definition["off"]
        return Summary("off", "harm", f"{off} to everybody" if off else "product code gets its own default")
    experiments = tuple(rule["experiment"] for rule in definition["rules"] if "experiment" in rule)
    if is_held:
        return Summary("held", "warn", _serves(definition), _coverage(definition), experiments)
    state = "experiment" if experiments else "on" if definition["rules"] else "constant"
    return Summary(state, "ok", _serves(definition), _coverage(definition), experiments)


def _serves(definition: Mapping[str, Any]) -> str:
    rules, default = definition["rules"], definition["default"] or "the default in the code"
    if not rules:
        return f"{default} to everybody"
    if len(rules) == 1:
        return words.rule(rules[0])
    return f"{len(rules)} rules, otherwise {default}"


def _coverage(definition: Mapping[str, Any]) -> int | None:
    """The coverage of the only split; everybody where there is no rule."""
    splits = [rule["split"] for rule in definition["rules"] if "split" in rule]
    if not definition["rules"]:
        return WHOLE_PPM
    return splits[0]["coverage_ppm"] if len(splits) == 1 else None
