"""The rules of a launch review: who has to sign, what speaks against it, and when it is approved. Pure.

Five questions decide which disciplines sign; performance always does when a performance metric is bound or
the surface is watched. A sign-off holds for the report it was given on and for later ones that say the same.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from organisation.roles import Discipline

PERFORMANCE_UNITS = ("ms", "s", "fps", "MB", "kB")
"""A metric in one of these units says how fast or heavy the product is."""
SHIP = "SHIP"


@dataclass(frozen=True, slots=True)
class Question:
    """One risk; `disciplines` sign when the answer is yes."""

    key: str
    words: str
    disciplines: tuple[Discipline, ...]


QUESTIONS = (
    Question(
        "slower",
        "Can it make a page, a screen or an endpoint slower or heavier for anybody?",
        (Discipline.PERFORMANCE,),
    ),
    Question(
        "failure", "Does it change what happens when something fails, or add code that can crash?",
        (Discipline.QUALITY,),
    ),
    Question(
        "measurement", "Does it change what is logged, or how a metric is counted?", (Discipline.DATA,)
    ),
    Question(
        "personal_data", "Does it collect, keep or share personal data in a new way?", (Discipline.PRIVACY,)
    ),
    Question(
        "promises", "Does it change prices, terms, or what customers were promised?",
        (Discipline.LEGAL, Discipline.PRODUCT),
    ),
)  # fmt: skip


class Severity(StrEnum):
    """blocking: no approval while it is open; warning: the reviewer has to weigh it; note: good to know."""

    BLOCKING = "blocking"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the computer knows about the launch. `code` is stable, `fix` says what clears it."""

    code: str
    severity: Severity
    title: str
    fix: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """One sign-off that still stands."""

    discipline: Discipline
    by: str
    is_rejection: bool
    note: str = ""


FindingsOf = Callable[[str, str, str], Iterable[Finding]]
_providers: list[FindingsOf] = []


def register(findings_of: FindingsOf) -> None:
    """Ask `findings_of(experiment, flag, environment)` for every review; the experiment may be empty."""
    if findings_of not in _providers:
        _providers.append(findings_of)


def registered(experiment: str, flag: str, environment: str) -> Iterable[Finding]:
    """What other parts know: design documents, waivers of performance CI."""
    return (each for ask in _providers for each in ask(experiment, flag, environment))


def required(answers: Mapping[str, bool], *, always_performance: bool) -> tuple[Discipline, ...]:
    """Who has to sign, in the order of the disciplines."""
    asked = {each for question in QUESTIONS if answers.get(question.key) for each in question.disciplines}
    if always_performance:
        asked.add(Discipline.PERFORMANCE)
    return tuple(each for each in Discipline if each in asked)


def is_answered(answers: Mapping[str, Any]) -> bool:
    return all(isinstance(answers.get(question.key), bool) for question in QUESTIONS)


def missing(
    wanted: Iterable[Discipline], given: Iterable[Given], *, is_against_rule: bool
) -> tuple[Discipline, ...]:
    """Disciplines that still have to sign, one entry for each signature.

    A launch against the rule needs a second person: the first discipline that signs anyway signs twice.
    """
    ordered = list(wanted)
    approved = [each for each in given if not each.is_rejection]
    lacking = [one for one in ordered if one not in {each.discipline for each in approved}]
    if is_against_rule and ordered:
        people = {each.by for each in approved}
        if len(people) + len(lacking) < 2:
            lacking.append(ordered[0])
    return tuple(lacking)


def is_performance(unit: str) -> bool:
    return unit in PERFORMANCE_UNITS


def material(document: Mapping[str, Any]) -> str:
    """A hash of what a sign-off depends on: the plan, the verdict, the state of every metric and arm, and the
    checks that fail. Numbers may move under it."""
    states = sorted(
        (row["metric"], row["role"], arm["arm"], arm["state"])
        for row in document["results"]
        for arm in row["arms"]
    )
    failing = sorted(each["kind"] for each in document["trust"]["checks"] if each["stops_use"])
    said = [document["experiment"]["plan_version"], document["verdict"]["code"], states, failing]
    return sha256_of(said)


def sha256_of(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def is_against_rule(verdict: str) -> bool:
    """Whether launching is not what the report recommends; without a report there is no rule."""
    return bool(verdict) and verdict != SHIP


def state_of(
    *, is_answered: bool, given: Iterable[Given], lacking: Iterable[Discipline], findings: Iterable[Finding]
) -> str:
    """open, in_review, approved or blocked."""
    if any(each.is_rejection for each in given) or any(
        each.severity is Severity.BLOCKING and each.code in STOPPING for each in findings
    ):
        return "blocked"
    if not is_answered:
        return "open"
    is_clear = not any(each.severity is Severity.BLOCKING for each in findings)
    return "approved" if is_clear and not any(True for _ in lacking) else "in_review"


STOPPING = ("guardrail_trip", "untrusted")
"""Findings that block a review by themselves; other blocking ones keep it in review."""
