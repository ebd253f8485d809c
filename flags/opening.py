"""How far a change opens a flag: what gates are told, and what never has to ask them. Pure.

A variant is at rest when it is what units get without the flag: the variant of the kill switch and the
default that is in force. A change opens the flag when more units may get a variant that is not at rest.
Conditions are not counted out: a rule with one may reach everybody. Another variant behind the kill switch
counts as opening, because switching off, which nothing holds up, would serve it to everybody.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flags import audiences
from flags.definitions import WHOLE_PPM, Definition, can_vanish, same, slot_of, without_coverage

Pair = tuple[int, int]
Rest = frozenset[str | None]


def only_closes(before: Definition, after: Definition) -> bool:
    """Whether every unit keeps its variant or falls back to one at rest. Such changes stop harm."""
    values = ("type", "unit_type", "variants", "off")
    if not all(same(after[name], before[name]) for name in values) or not (before["on"] or not after["on"]):
        return False
    if not after["on"]:
        return True
    return (
        after["default"] in {before["default"], before["off"]}
        and after["forced"] == before["forced"]
        and all(needed in after["prerequisites"] for needed in before["prerequisites"])
        and _rules_only_shrink(before["rules"], after["rules"])
    )


def coverage_change(before: Definition | None, after: Definition) -> Pair:
    """Coverage before and after in ppm, of the part of the definition that opens furthest.

    When no part opens, of the part that closes most; (reach, the same reach) when coverage stays.
    """
    if before is None or not before["on"]:
        return 0, reach_ppm(after, _rest_of_new(before or after))
    rest: Rest = frozenset({before["default"], before["off"]})
    if not after["on"]:
        return (reach_ppm(before, rest), 0) if after["off"] in rest else (0, WHOLE_PPM)
    moved = [pair for pair in _parts(before, after, rest) if pair[0] != pair[1]]
    if not moved:
        reach = reach_ppm(after, rest)
        return reach, reach
    opening = max(moved, key=lambda pair: pair[1] - pair[0])
    if opening[1] <= opening[0]:
        return min(moved, key=lambda pair: pair[1] - pair[0])
    return opening[0], max(opening[1], _together_ppm(after["rules"], rest))


def first_reach_ppm(definition: Definition, elsewhere: Iterable[Definition]) -> int:
    """The largest share that a first version gives what is not at rest: not where it is served already
    either, when there is such a place."""
    known = {each[name] for each in elsewhere for name in ("default", "off")}
    if known and definition["off"] not in {None, *known}:
        return WHOLE_PPM
    return reach_ppm(definition, frozenset(known) if known else None)


def reach_ppm(definition: Definition, rest: Rest | None = None) -> int:
    """The largest share of units that may get a variant that is not at rest."""
    rest = _rest_of_new(definition) if rest is None else rest
    if not definition["on"]:
        return 0 if definition["off"] in rest else WHOLE_PPM
    if definition["default"] not in rest:
        return WHOLE_PPM
    return min(WHOLE_PPM, sum(_share_ppm(rule, rest) for rule in definition["rules"]))


def reach_through(definition: Definition, segments: frozenset[str]) -> int:
    """The largest share of units that may get a variant not at rest once these segments have other members.

    Who leaves a segment reaches the rules behind the one that looks at it.
    """
    if not definition["on"]:
        return 0
    rest: Rest = frozenset({definition["default"], definition["off"]})
    rules = definition["rules"]
    first = next((n for n, rule in enumerate(rules) if audiences.of_rule(rule) & segments), len(rules))
    return min(WHOLE_PPM, sum(_share_ppm(rule, rest) for rule in rules[first:]))


def reach_when_met_ppm(definition: Definition) -> int:
    """The largest share of the units that meet the flag's prerequisites which may get what others do not."""
    return reach_ppm(definition, frozenset({definition["off"]})) if definition["on"] else 0


def _rest_of_new(definition: Definition) -> Rest:
    off = definition["off"]
    return frozenset({definition["default"] if off is None else off})


def _together_ppm(rules: list[dict[str, Any]], rest: Rest) -> int:
    """The largest share that rules in slots of layers open together with one of the others; 0 without slots.

    Each of them may open little, and all of them everybody.
    """
    slots = [rule for rule in rules if "layer" in rule]
    if not slots:
        return 0
    others = max((_share_ppm(rule, rest) for rule in rules if "layer" not in rule), default=0)
    are_apart = len({slot_of(rule) for rule in slots}) == 1 and not any("when" in rule for rule in slots)
    left = WHOLE_PPM - sum(map(_slots_ppm, slots)) if are_apart else WHOLE_PPM
    opened = sum(_share_ppm(rule, rest) for rule in slots)
    return min(WHOLE_PPM, opened + others * max(left, 0) // WHOLE_PPM)


def _parts(before: Definition, after: Definition, rest: Rest) -> Iterator[Pair]:
    """Each part of the definition that differs, with its share before and after."""
    if after["default"] != before["default"]:
        yield (0, 0 if after["default"] in rest else WHOLE_PPM)
    if after["off"] is not None and after["off"] not in rest:
        yield (0, WHOLE_PPM)
    serves_off = bool(after["prerequisites"])  # to whoever does not meet them
    if _changes_values(before, after) or (serves_off and after["off"] not in rest):
        yield (0, WHOLE_PPM)
    if not same(before["forced"], after["forced"]):
        yield (0, 1)
    are_freed = not all(needed in after["prerequisites"] for needed in before["prerequisites"])
    if are_freed and after["default"] != before["off"]:  # to whoever did not meet them
        yield (0, WHOLE_PPM)
    for index, rule in enumerate(after["rules"]):
        earlier = None if are_freed else _as_before(before["rules"], after["rules"], index)
        yield (_share_ppm(earlier, rest) if earlier else 0, _share_ppm(rule, rest))
    kept = {rule["id"] for rule in after["rules"]}
    for rule in before["rules"]:
        if rule["id"] not in kept:
            yield (_share_ppm(rule, rest), 0)


def _as_before(
    before: list[dict[str, Any]], after: list[dict[str, Any]], index: int
) -> Mapping[str, Any] | None:
    """The rule's earlier version, if only its coverage differs and no other units can reach it now.

    Others can once a rule in front of it that caught them is gone, changed or behind it.
    """
    rule = after[index]
    at = next((n for n, each in enumerate(before) if each["id"] == rule["id"]), None)
    if at is None or not _has_same_units(before[at], rule):
        return None
    fronts = [without_coverage(each) for each in after[:index]]
    lost = [each for each in before[:at] if without_coverage(each) not in fronts]
    return before[at] if all(can_vanish([each, rule], each) for each in lost) else None


def _changes_values(before: Definition, after: Definition) -> bool:
    """A variant that units get already says something else now."""
    return any(
        not same(after["variants"].get(key, value), value) for key, value in before["variants"].items()
    )


def _share_ppm(rule: Mapping[str, Any], rest: Rest) -> int:
    """The share of the flag's units that the rule may give a variant that is not at rest."""
    if "split" not in rule:
        return 0 if rule["variant"] in rest else WHOLE_PPM
    split = rule["split"]
    open_ppm = sum(weight for variant, weight in split["arms"] if variant not in rest)
    share: int = -(-split["coverage_ppm"] * open_ppm * _slots_ppm(rule) // WHOLE_PPM**2)
    return share


def _slots_ppm(rule: Mapping[str, Any]) -> int:
    """The share of a layer that the rule has; all of the units without one."""
    slots = rule["layer"]["slots"] if "layer" in rule else [[0, WHOLE_PPM]]
    return sum(high - low for low, high in slots)


def _has_same_units(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two versions of a rule look at the same units, so that only its coverage can differ."""
    return same(without_coverage(before), without_coverage(after))


def _rules_only_shrink(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> bool:
    """After is before with some rules gone, whose units fall to the default, and others covering less."""
    left = list(after)
    for rule in before:
        if left and left[0]["id"] == rule["id"]:
            if not _covers_no_more(rule, left.pop(0)):
                return False
        elif not can_vanish([rule, *left], rule):
            return False
    return not left


def _covers_no_more(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if not _has_same_units({**before, "experiment": ""}, {**after, "experiment": ""}):
        return False
    return "split" not in before or after["split"]["coverage_ppm"] <= before["split"]["coverage_ppm"]
