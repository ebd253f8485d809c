"""A checked flag made ready: thresholds, predicates and one finished answer for each way out.

Plans are what both tiers work from: `deciding` walks them step by step, `generating` turns them into a
function. Both hand out the same answers, so it does not show which tier decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Optional

from headway.evaluation import results
from headway.evaluation.conditions import Condition, Predicate, compiled
from headway.evaluation.hashing import threshold, thresholds
from headway.evaluation.results import Evaluation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from headway.evaluation.results import Reason


class Slots(NamedTuple):
    """The buckets of a layer that a rule owns."""

    layer: str
    salt: int
    ranges: tuple[tuple[int, int], ...]


class Split(NamedTuple):
    """Gate and arms: `limit` is the first bucket outside, `ends[i]` the first one beyond `arms[i]`."""

    limit: int
    gate_salt: int
    arm_salt: int
    ends: tuple[int, ...]
    arms: tuple[Evaluation, ...]
    coverage_ppm: int


NO_HOLDOUT: frozenset[str] = frozenset()


class Rule(NamedTuple):
    """One rule; either `fixed` or `split` is set. Units in a holdout of `held_by` pass it over."""

    id: str
    when: Optional[Predicate]
    condition: Optional[Condition]
    unit_from: Optional[str]
    slots: Optional[Slots]
    fixed: Optional[Evaluation]
    split: Optional[Split]
    outside: Evaluation
    held_by: frozenset[str]


class Holdout(NamedTuple):
    """Units below `limit` are kept out of the rules that name it."""

    key: str
    salt: int
    limit: int
    held: Evaluation


class Prerequisite(NamedTuple):
    """Another flag that has to give one of these variants."""

    flag: str
    variants: frozenset[str]
    failed: Evaluation


class Plan(NamedTuple):
    """One flag. The last three answers are for units that no rule took."""

    key: str
    is_on: bool
    disabled: Evaluation
    forced: Mapping[str, Evaluation]
    prerequisites: Sequence[Prerequisite]
    holdouts: Sequence[Holdout]
    rules: Sequence[Rule]
    fallback: Evaluation
    not_in_layer: Evaluation
    unit_missing: Evaluation


class _Answers:
    """Makes a flag's answers."""

    def __init__(self, key: str, entry: Mapping[str, Any]) -> None:
        self._key = key
        self._entry = entry
        rules = entry["rules"]
        self._is_experimental = any("split" in rule or rule.get("experiment") for rule in rules)

    def make(self, variant: str | None, reason: Reason, detail: str = "", **more: Any) -> Evaluation:
        value = None if variant is None else self._entry["variants"][variant]
        return Evaluation(
            self._key,
            value,
            variant,
            reason,
            version=self._entry["version"],
            detail=detail,
            **{"unit_type": self._entry["unit_type"], **more},
        )

    def fallback(self, reason: Reason, detail: str = "", **more: Any) -> Evaluation:
        return self.make(self._entry.get("default"), reason, detail, **more)

    def off(self, reason: Reason, detail: str = "") -> Evaluation:
        return self.make(self._entry.get("off"), reason, detail)

    def of_rule(self, rule: Mapping[str, Any], variant: str, reason: Reason) -> Evaluation:
        source = rule.get("unit_from")
        is_exposure = reason == results.SPLIT or rule.get("experiment") is not None
        return self.make(
            variant,
            reason,
            rule=rule["id"],
            experiment=rule.get("experiment"),
            is_exposure=is_exposure,
            unit_from=source,
            unit_type=source or self._entry["unit_type"],
        )

    def forced(self) -> Mapping[str, Evaluation]:
        """Forced units get their own answers; they are exposures only where chance decides for others."""
        wanted = self._entry.get("forced") or {}
        made = {
            variant: self.make(variant, results.OVERRIDE, is_exposure=self._is_experimental)
            for variant in set(wanted.values())
        }
        return {unit: made[variant] for unit, variant in wanted.items()}


def plan_of(key: str, document: Mapping[str, Any], segment: Callable[[str], Predicate]) -> Plan:
    """The plan of a flag in a checked document. `segment` gives the predicate of a segment."""
    entry = document["flags"][key]
    answers = _Answers(key, entry)
    return Plan(
        key=key,
        is_on=entry["on"],
        disabled=answers.off(results.DISABLED),
        forced=answers.forced(),
        prerequisites=[_prerequisite(one, answers) for one in entry.get("prerequisites") or ()],
        holdouts=_holdouts(entry, document["holdouts"], answers),
        rules=[_rule(rule, entry, document, answers, segment) for rule in entry["rules"]],
        fallback=answers.fallback(results.DEFAULT),
        not_in_layer=answers.fallback(results.NOT_IN_LAYER),
        unit_missing=answers.fallback(results.UNIT_MISSING),
    )


def _prerequisite(one: Mapping[str, Any], answers: _Answers) -> Prerequisite:
    failed = answers.off(results.PREREQUISITE_FAILED, one["flag"])
    return Prerequisite(one["flag"], frozenset(one["variants"]), failed)


def _holdouts(
    entry: Mapping[str, Any], holdouts: Mapping[str, Mapping[str, Any]], answers: _Answers
) -> list[Holdout]:
    """The holdouts that keep units out of at least one rule of the flag."""
    if not holdouts:
        return []
    needed = NO_HOLDOUT.union(*(_held_by(rule, entry, holdouts) for rule in entry["rules"]))
    return [
        Holdout(key, each["salt"], threshold(each["share_ppm"]), answers.fallback(results.HOLDOUT, key))
        for key, each in holdouts.items()
        if key in needed
    ]


def _held_by(
    rule: Mapping[str, Any], entry: Mapping[str, Any], holdouts: Mapping[str, Mapping[str, Any]]
) -> frozenset[str]:
    """The holdouts that a rule names, as far as they are in force and draw the flag's units."""
    named = rule.get("holdouts")
    if not named:
        return NO_HOLDOUT
    unit_type = entry["unit_type"]
    return frozenset(key for key in named if key in holdouts and holdouts[key]["unit_type"] == unit_type)


def _rule(
    rule: Mapping[str, Any],
    entry: Mapping[str, Any],
    document: Mapping[str, Any],
    answers: _Answers,
    segment: Callable[[str], Predicate],
) -> Rule:
    condition = rule.get("when")
    split = _split(rule, answers) if "split" in rule else None
    return Rule(
        id=rule["id"],
        when=None if condition is None else compiled(condition, segment),
        condition=condition,
        unit_from=rule.get("unit_from"),
        slots=_slots(rule["layer"], document["layers"]) if "layer" in rule else None,
        fixed=None if split else answers.of_rule(rule, rule["variant"], results.TARGETING_MATCH),
        split=split,
        outside=answers.fallback(results.OUT_OF_ROLLOUT, rule=rule["id"]),
        held_by=_held_by(rule, entry, document["holdouts"]),
    )


def _slots(place: Mapping[str, Any], layers: Mapping[str, Any]) -> Slots:
    ranges = tuple((threshold(low), threshold(high)) for low, high in place["slots"])
    return Slots(place["key"], layers[place["key"]]["salt"], ranges)


def _split(rule: Mapping[str, Any], answers: _Answers) -> Split:
    split = rule["split"]
    return Split(
        limit=threshold(split["coverage_ppm"]),
        gate_salt=split["gate_salt"],
        arm_salt=split["arm_salt"],
        ends=tuple(thresholds([share for _, share in split["arms"]])),
        arms=tuple(answers.of_rule(rule, variant, results.SPLIT) for variant, _ in split["arms"]),
        coverage_ppm=split["coverage_ppm"],
    )
