"""A configuration: a checked document, and the answers to every flag in it.

It never changes. Flags are made ready when they are first asked for and turned into functions when they are
asked often, so a document with ten thousand flags costs what its asked flags cost.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any, Optional

from headway.evaluation import conditions, results
from headway.evaluation.checking import check_document, check_flag
from headway.evaluation.conditions import Predicate
from headway.evaluation.deciding import Decision, Steps
from headway.evaluation.entries import is_same, with_changes
from headway.evaluation.generating import Evaluator, generated, is_worth_it
from headway.evaluation.plans import Plan, plan_of
from headway.evaluation.problems import ConfigRefused, shown
from headway.evaluation.results import Evaluation

HOT_AFTER = 100
"""Calls after which a flag becomes a function: writing one costs as much as some two hundred calls."""

MAX_FUNCTIONS = 5_000
_UNKNOWN = "there is no such flag"
_SHARED = ("layers", "holdouts", "segments")


def compile_config(document: Mapping[str, Any], previous: Optional[Config] = None) -> Config:
    """Check a document and make it ready. Raises ConfigRefused with everything that is wrong.

    Flags that are the same as in `previous` are neither checked nor made ready again. The document belongs
    to the configuration from then on and must not be changed.
    """
    known = _known(document, previous)
    problems = check_document(document, known=known)
    if problems:
        raise ConfigRefused(problems)
    config = Config(document)
    if previous is not None and known:
        config.adopt(previous)
    return config


def _known(document: object, previous: Optional[Config]) -> Mapping[str, Any]:
    """The flags of the previous document, if what flags refer to is the same in both."""
    if previous is None or not isinstance(document, dict):
        return {}
    is_like = all(document.get(name) == previous.document[name] for name in _SHARED)
    flags: Mapping[str, Any] = previous.document["flags"]
    return flags if is_like else {}


class Config:
    """What one environment's flags answer. Made by compile_config.

    `ready` holds the evaluators of the flags that were asked for; clients read it directly.
    """

    __slots__ = ("_functions", "_plans", "_segments", "document", "environment", "ready", "version")

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.version: int = document["version"]
        self.environment: str = str(document.get("environment", ""))
        self.ready: dict[str, Evaluator] = {}
        self._functions: dict[str, Evaluator] = {}
        self._plans: dict[str, Plan] = {}
        self._segments: dict[str, Predicate] = {}

    def evaluate(
        self, flag: str, unit: object = None, attributes: object = None, default: object = None
    ) -> Evaluation:
        """The answer of a flag for a unit. Never raises."""
        try:
            return self.ready[flag](unit, attributes, default)
        except Exception:  # noqa: BLE001 - callers get their default, whatever happens
            return self.evaluate_carefully(flag, unit, attributes, default)

    def evaluate_carefully(self, flag: str, unit: object, attributes: object, default: object) -> Evaluation:
        """The way for first calls, unknown flags and everything that raised. Never raises."""
        try:
            if flag not in self.document["flags"]:
                return Evaluation(
                    _name(flag), default, None, results.FLAG_NOT_FOUND, detail="there is no such flag"
                )
            if flag not in self.ready:
                self.ready.setdefault(flag, _first_evaluator(self, flag))
            answer = self.decide(flag, unit, attributes)
            return answer if answer.variant is not None else answer.with_value(default)
        except Exception as error:  # noqa: BLE001 - see above
            return Evaluation(_name(flag), default, None, results.ERROR, detail=type(error).__name__)

    def evaluate_all(
        self, unit: object = None, attributes: object = None, flags: Optional[Iterable[str]] = None
    ) -> dict[str, Evaluation]:
        """The answers of all flags, or of those named."""
        evaluate = self.evaluate
        keys = self.document["flags"] if flags is None else flags
        return {key: evaluate(key, unit, attributes) for key in keys}

    def decide(
        self, flag: str, unit: object, attributes: object, steps: Optional[Steps] = None
    ) -> Evaluation:
        """Step by step; the answer's value is None when it is the caller's default."""
        return Decision(unit, attributes, self.evaluate, steps).of(self.plan(flag))

    def plan(self, flag: str) -> Plan:
        """The plan of a flag that the document has. The first one made is everybody's."""
        found = self._plans.get(flag)
        if found is None:
            found = self._plans.setdefault(flag, plan_of(flag, self.document, self.segment))
        return found

    def segment(self, key: str) -> Predicate:
        """The predicate of a segment, shared by all conditions."""
        found = self._segments.get(key)
        if found is None:
            condition = self.document["segments"][key]["when"]
            found = self._segments.setdefault(key, conditions.compiled(condition, self.segment))
        return found

    def promote(self, flag: str, unusual: Evaluator) -> None:
        """Turn a flag into a function, if it can be."""
        plan = self.plan(flag)
        if len(self._functions) < MAX_FUNCTIONS and is_worth_it(plan):
            function = generated(plan, self.segment, self.evaluate, unusual)
            self.ready[flag] = self._functions[flag] = function

    def updated(self, flags: Mapping[str, Optional[Mapping[str, Any]]], version: int) -> Config:
        """This configuration with some flags replaced, or removed where the entry is None.

        Only these flags are checked and made ready again. Raises ConfigRefused.
        """
        document = {
            **self.document,
            "flags": with_changes(self.document["flags"], flags),
            "version": version,
        }
        is_whole = any(entry is None for entry in flags.values())
        problems = (
            check_document({**document, "flags": dict(document["flags"])})
            if is_whole
            else [p for key in flags for p in check_flag(document, key)]
        )
        if problems:
            raise ConfigRefused(problems)
        config = Config(document)
        config.adopt(self, except_for=flags)
        return config

    def adopt(self, other: Config, except_for: Container[str] = ()) -> None:
        """Take over what another configuration made ready for entries that are the same in both.

        Functions of flags with prerequisites ask their own configuration and are not taken over.
        """
        flags, others = self.document["flags"], other.document["flags"]
        for key, plan in list(other._plans.items()):
            if key not in except_for and key in flags and is_same(flags, others, key):
                self._plans[key] = plan
                function = other._functions.get(key)
                if function is not None and not plan.prerequisites:
                    self.ready[key] = self._functions[key] = function


def _first_evaluator(config: Config, flag: str) -> Evaluator:
    """An evaluator that goes step by step and asks for a promotion once it is hot."""
    plan = config.plan(flag)
    others = config.evaluate if plan.prerequisites else _alone
    if not plan.is_on and plan.disabled.variant is not None:
        disabled = plan.disabled
        return lambda unit, attributes, default: disabled
    left = HOT_AFTER

    def step_by_step(unit: object, attributes: object, default: object) -> Evaluation:
        answer = Decision(unit, attributes, others).of(plan)
        return answer if answer.variant is not None else answer.with_value(default)

    def counting(unit: object, attributes: object, default: object) -> Evaluation:
        nonlocal left
        left -= 1
        if left == 0:
            config.promote(flag, step_by_step)
        return step_by_step(unit, attributes, default)

    return counting


def _name(flag: object) -> str:
    return flag[:128] if isinstance(flag, str) else shown(flag)


def _alone(flag: str, unit: object, attributes: object) -> Evaluation:
    raise LookupError(f"{flag} is nobody's prerequisite")
