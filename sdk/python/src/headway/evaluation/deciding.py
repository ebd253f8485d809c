"""Deciding step by step: the meaning of a flag, in the order that the format's reference gives.

This tier takes every unit and every kind of attributes and can tell what it did. The generated tier has to
agree with it; tests hold both side by side.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, Optional

from headway.evaluation.conditions import Attributes
from headway.evaluation.hashing import RANGE, bucket, unit_text
from headway.evaluation.plans import Holdout, Plan, Rule, Slots, Split
from headway.evaluation.results import Evaluation

Steps = list[dict[str, Any]]
Others = Callable[[str, object, object], Evaluation]
"""Evaluates another flag for the same unit and attributes."""

NOTHING: Mapping[str, Any] = {}


def mapping_of(attributes: object) -> Attributes:
    """The attributes, or none when this is no mapping."""
    if attributes.__class__ is dict or isinstance(attributes, Mapping):
        return attributes
    return NOTHING


class Decision:
    """One evaluation of one flag under way. `steps` gets a line for each step when a trace is wanted."""

    __slots__ = ("attributes", "fault", "is_elsewhere", "others", "steps", "text", "unit")

    def __init__(
        self, unit: object, attributes: object, others: Others, steps: Optional[Steps] = None
    ) -> None:
        self.unit = unit
        self.text, self.fault = unit_text(unit)
        self.attributes = mapping_of(attributes)
        self.others = others
        self.steps = steps
        self.is_elsewhere = False

    def of(self, plan: Plan) -> Evaluation:
        if not plan.is_on:
            return self._noted(plan.disabled, "switch", on=False)
        forced = plan.forced.get(self.text) if self.text is not None else None
        if forced is not None:
            return self._noted(forced, "forced", unit=self.text)
        return self._held_back(plan) or self._by_rules(plan)

    def _held_back(self, plan: Plan) -> Optional[Evaluation]:
        for wanted in plan.prerequisites:
            variant = self.others(wanted.flag, self.unit, self.attributes).variant
            is_met = variant in wanted.variants
            self._note("prerequisite", flag=wanted.flag, variant=variant, met=is_met)
            if not is_met:
                return wanted.failed
        return None

    def _holdouts_of(self, plan: Plan) -> list[Holdout]:
        """The holdouts the unit is in; without a unit there is none."""
        found = []
        for holdout in plan.holdouts if self.text is not None else ():
            own = bucket(self.text, holdout.salt)  # type: ignore[arg-type]
            is_held = own < holdout.limit
            self._note("holdout", holdout=holdout.key, bucket=own, limit=holdout.limit, held=is_held)
            if is_held:
                found.append(holdout)
        return found

    def _by_rules(self, plan: Plan) -> Evaluation:
        missing, held = "", self._holdouts_of(plan)
        keys = {holdout.key for holdout in held}
        for rule in plan.rules:
            text, fault = self._unit_of(rule)
            if text is None and _needs_unit(rule):
                missing = missing or fault
                self._note("rule", rule=rule.id, skipped=fault)
                continue
            if not keys.isdisjoint(rule.held_by):
                self._note("rule", rule=rule.id, skipped=f"held out by {min(keys & rule.held_by)}")
                continue
            found = self._by_rule(rule, text or "")
            if found is not None:
                return found
        if missing:
            return self._noted(plan.unit_missing.with_detail(missing), "default", detail=missing)
        if held:
            return self._noted(held[0].held, "default", holdout=held[0].key)
        return self._noted(plan.not_in_layer if self.is_elsewhere else plan.fallback, "default")

    def _unit_of(self, rule: Rule) -> tuple[Optional[str], str]:
        if rule.unit_from is None:
            return self.text, self.fault
        text, fault = unit_text(self.attributes.get(rule.unit_from))
        return text, f"attribute {rule.unit_from}: {fault}"

    def _by_rule(self, rule: Rule, unit: str) -> Optional[Evaluation]:
        """The rule's answer, or None when the rule does not take this unit."""
        if rule.slots is not None and not self._is_in_slots(rule, rule.slots, unit):
            self.is_elsewhere = True
            return None
        if rule.when is not None and not rule.when(self.attributes, self.text):
            self._note("rule", rule=rule.id, matches=False)
            return None
        if rule.split is None:
            return self._noted(rule.fixed, "rule", rule=rule.id, matches=True)  # type: ignore[arg-type]
        return self._by_split(rule, rule.split, unit)

    def _is_in_slots(self, rule: Rule, slots: Slots, unit: str) -> bool:
        own = bucket(unit, slots.salt)
        is_inside = any(low <= own < high for low, high in slots.ranges)
        self._note("layer", rule=rule.id, layer=slots.layer, bucket=own, inside=is_inside)
        return is_inside

    def _by_split(self, rule: Rule, split: Split, unit: str) -> Evaluation:
        if split.limit < RANGE:
            own = bucket(unit, split.gate_salt) if split.limit else None
            is_inside = own is not None and own < split.limit
            self._note("gate", rule=rule.id, bucket=own, limit=split.limit, inside=is_inside)
            if not is_inside:
                return rule.outside
        own = bucket(unit, split.arm_salt) if len(split.arms) > 1 else 0
        arm = split.arms[bisect_right(split.ends, own)]
        return self._noted(arm, "arm", rule=rule.id, bucket=own, variant=arm.variant)

    def _note(self, step: str, **what: Any) -> None:
        if self.steps is not None:
            self.steps.append({"step": step, **what})

    def _noted(self, answer: Evaluation, step: str, **what: Any) -> Evaluation:
        self._note(step, **what)
        return answer


def _needs_unit(rule: Rule) -> bool:
    """Nobody or everybody in, and a single arm: that needs no unit."""
    split = rule.split
    is_drawn = split is not None and split.limit > 0 and (split.limit < RANGE or len(split.arms) > 1)
    return is_drawn or rule.slots is not None
