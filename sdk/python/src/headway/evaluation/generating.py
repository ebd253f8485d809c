"""Functions for flags that are asked often: one straight piece of code instead of a walk through the plan.

Only numbers and names of our own making enter the text of a generated function; everything a document says
is handed in as a constant. What is unusual (a unit that is no plain text, attributes that are no dict) goes
back to the step-by-step tier, and so does everything that raises.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Optional

from mmh3 import hash as murmur3

from headway.evaluation.conditions import UNIT, Condition, Predicate, test_of
from headway.evaluation.deciding import NOTHING, Others
from headway.evaluation.hashing import RANGE, is_plain_unit, known_units
from headway.evaluation.operators import OPERATORS
from headway.evaluation.plans import Holdout, Plan, Prerequisite, Rule, Slots, Split
from headway.evaluation.results import Evaluation

Evaluator = Callable[[Any, Any, Any], Evaluation]
"""(unit, attributes, the caller's default) to an answer."""

_MAX_CONDITIONS = 100
_NAME = "<headway flag>"


def is_worth_it(plan: Plan) -> bool:
    """Whether a plan can be turned into a function of reasonable size."""
    is_plain = all(rule.unit_from is None for rule in plan.rules)
    return is_plain and sum(_size(rule.condition) for rule in plan.rules) <= _MAX_CONDITIONS


def _size(condition: Optional[Condition]) -> int:
    if condition is None:
        return 0
    inner = condition.get("all") or condition.get("any") or ([condition["not"]] if "not" in condition else ())
    return 1 + sum(_size(each) for each in inner)


def generated(
    plan: Plan, segment: Callable[[str], Predicate], others: Others, unusual: Evaluator
) -> Evaluator:
    """The function of a plan."""
    return _Writer(plan, segment, others, unusual).function()


class _Writer:
    """Collects the lines of one function and the constants that they name."""

    def __init__(
        self, plan: Plan, segment: Callable[[str], Predicate], others: Others, unusual: Evaluator
    ) -> None:
        self._plan = plan
        self._segment = segment
        self._others = others
        self._lines: list[str] = []
        self._constants: dict[str, object] = {}
        self._fetched: dict[str, str] = {}
        self._drawn: dict[int, str] = {}
        self._held: dict[str, str] = {}
        self._unusual = self._constant(unusual)
        self._hash = self._constant(murmur3)

    def function(self) -> Evaluator:
        self._body()
        names = ", ".join(self._constants)
        lines = "\n".join(f"        {line}" for line in self._lines)
        head = f"def make({names}):\n    def evaluate(unit, attributes, default):"
        source = f"{head}\n{lines}\n    return evaluate"
        scope: dict[str, Any] = {}
        exec(compile(source, _NAME, "exec"), scope)  # noqa: S102 - the text holds no name or value of a document
        evaluator: Evaluator = scope["make"](**self._constants)
        return evaluator

    def _body(self) -> None:
        plan = self._plan
        if not plan.is_on:
            self._answer(plan.disabled)
            return
        self._normalise()
        if plan.forced:
            self._line(f"found = {self._constant(plan.forced)}.get(unit)")
            self._line("if found is not None: return found")
        for prerequisite in plan.prerequisites:
            self._prerequisite(prerequisite)
        for holdout in plan.holdouts:
            self._holdout(holdout)
        if not any(self._rule(rule) for rule in plan.rules):
            self._end()

    def _normalise(self) -> None:
        """Only texts that were looked through are hashed: mmh3 must never see half of a surrogate pair."""
        known, is_plain = self._constant(known_units), self._constant(is_plain_unit)
        self._line(f"if unit not in {known} and not {is_plain}(unit):")
        self._line(f"    return {self._unusual}(unit, attributes, default)")
        if any(rule.condition is not None for rule in self._plan.rules) or self._plan.prerequisites:
            self._line(f"if attributes is None: attributes = {self._constant(NOTHING)}")
            self._line("elif attributes.__class__ is not dict:")
            self._line(f"    return {self._unusual}(unit, attributes, default)")

    def _prerequisite(self, one: Prerequisite) -> None:
        evaluate, flag = self._constant(self._others), self._constant(one.flag)
        self._line(f"if {evaluate}({flag}, unit, attributes).variant not in {self._constant(one.variants)}:")
        self._answer(one.failed, "    ")

    def _holdout(self, one: Holdout) -> None:
        name = self._held[one.key] = f"held{len(self._held)}"
        self._line(f"{name} = {self._bucket(one.salt)} < {one.limit}")

    def _rule(self, rule: Rule) -> bool:
        """Write a rule; True when it takes everybody who gets there."""
        conditions = [f"not {self._held[key]}" for key in sorted(rule.held_by)]
        if rule.slots is not None:
            conditions.append(self._slots(rule.slots))
        if rule.condition is not None:
            self._fetch(rule.condition)
            conditions.append(self._expression(rule.condition))
        indent = ""
        if conditions:
            self._line(f"if {' and '.join(conditions)}:")
            indent = "    "
        if rule.split is None:
            self._answer(rule.fixed, indent)  # type: ignore[arg-type]
        else:
            self._split(rule, rule.split, indent)
        return not conditions

    def _slots(self, slots: Slots) -> str:
        own = self._drawn.get(slots.salt)
        if own is None:
            own = self._drawn[slots.salt] = f"own{len(self._drawn)}"
            self._line(f"{own} = {self._bucket(slots.salt)}")
        return "(" + " or ".join(f"{low} <= {own} < {high}" for low, high in slots.ranges) + ")"

    def _split(self, rule: Rule, split: Split, indent: str) -> None:
        if split.limit == 0:
            self._answer(rule.outside, indent)
            return
        if split.limit < RANGE:
            self._line(f"{indent}if {self._bucket(split.gate_salt)} >= {split.limit}:")
            self._answer(rule.outside, indent + "    ")
        arms = [self._constant(arm) for arm in split.arms]
        if len(arms) == 1:
            self._line(f"{indent}return {arms[0]}")
        elif len(arms) == 2:
            chosen = f"{arms[0]} if {self._bucket(split.arm_salt)} < {split.ends[0]} else {arms[1]}"
            self._line(f"{indent}return {chosen}")
        else:
            all_arms, ends, find = map(self._constant, (split.arms, split.ends, bisect_right))
            self._line(f"{indent}return {all_arms}[{find}({ends}, {self._bucket(split.arm_salt)})]")

    def _end(self) -> None:
        """For units that no rule took; whether they are elsewhere in a layer is drawn again.

        A held-out unit comes here only past the rules that it is kept out of.
        """
        for holdout in self._plan.holdouts:
            self._line(f"if {self._held[holdout.key]}:")
            self._answer(holdout.held, "    ")
        salts = {rule.slots.salt: rule.slots for rule in self._plan.rules if rule.slots is not None}
        if salts:
            inside = [self._slots(rule.slots) for rule in self._plan.rules if rule.slots is not None]
            self._line(f"if not ({' and '.join(inside)}):")
            self._answer(self._plan.not_in_layer, "    ")
        self._answer(self._plan.fallback)

    def _answer(self, answer: Evaluation, indent: str = "") -> None:
        call = "" if answer.variant is not None else ".with_value(default)"
        self._line(f"{indent}return {self._constant(answer)}{call}")

    def _bucket(self, salt: int) -> str:
        return f"{self._hash}(unit, {salt}, False)"

    # Conditions

    def _fetch(self, condition: Condition) -> None:
        """Fetch the attributes that a rule is the first to look at."""
        for name in sorted(_attributes(condition)):
            if name not in self._fetched:
                local = self._fetched[name] = "unit" if name == UNIT else f"a{len(self._fetched)}"
                if name != UNIT:
                    self._line(f"{local} = attributes.get({self._constant(name)})")

    def _expression(self, condition: Condition) -> str:
        if "attribute" in condition:
            return self._test(condition)
        if "segment" in condition:
            return f"{self._constant(self._segment(condition['segment']))}(attributes, unit)"
        if "not" in condition:
            return f"(not {self._expression(condition['not'])})"
        kind, glue = ("all", " and ") if "all" in condition else ("any", " or ")
        return "(" + glue.join(self._expression(each) for each in condition[kind]) + ")"

    def _test(self, condition: Condition) -> str:
        name = self._fetched[condition["attribute"]]
        inline = OPERATORS[condition["op"]].inline(condition.get("value", True))
        text, constants = inline or ("{t}({a})", {})
        if "{t}" in text and "t" not in constants:
            constants = {**constants, "t": test_of(condition)}
        return "(" + text.format(a=name, **{k: self._constant(v) for k, v in constants.items()}) + ")"

    def _constant(self, value: object) -> str:
        name = f"c{len(self._constants)}"
        self._constants[name] = value
        return name

    def _line(self, text: str) -> None:
        self._lines.append(text)


def _attributes(condition: Condition) -> set[str]:
    if "attribute" in condition:
        return {condition["attribute"]}
    inner = condition.get("all") or condition.get("any") or ([condition["not"]] if "not" in condition else ())
    return {name for each in inner for name in _attributes(each)}
