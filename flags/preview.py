"""Who gets what, and why: the SDK's own trace in plain words. Pure.

The answer is that of `headway.evaluation`, the only evaluator there is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from flags import document, words
from flags.parts import Numbered, Parts
from headway.evaluation import RANGE, compile_config, explain


@dataclass(frozen=True, slots=True)
class Line:
    """One step: what was looked at, whether it was so (None: neither), and the parts of its condition."""

    words: str
    is_so: bool | None = None
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition; `depth` says how far it is inside another one."""

    depth: int
    words: str
    is_so: bool


@dataclass(frozen=True, slots=True)
class Story:
    """The answer and how it came about."""

    evaluation: dict[str, Any]
    reason: str
    lines: tuple[Line, ...]
    steps: list[dict[str, Any]]

    @property
    def value(self) -> str:
        return words.variant_value(self.evaluation["value"])


def story(document: Mapping[str, Any], flag: str, unit: str | None, attributes: Mapping[str, Any]) -> Story:
    """What an SDK with this document answers for a unit, step by step."""
    trace = explain(compile_config(document), flag, unit or None, dict(attributes))
    evaluation, steps = trace["evaluation"], trace["steps"]
    reason = words.REASONS.get(evaluation["reason"], evaluation["reason"])
    if evaluation["detail"]:
        reason = f"{reason} ({evaluation['detail']})"
    return Story(evaluation, reason, tuple(_line(step, attributes) for step in steps), steps)


class Drafted(Protocol):
    """A draft, as far as a preview needs to know it."""

    number: int
    definition: Any


def document_of(parts: Parts, flag: str, draft: Drafted | None, *, now: datetime) -> dict[str, Any]:
    """The document that SDKs have now, or would have if the draft were published. Raises Refused."""
    if draft is not None:
        parts = parts.with_flag(flag, Numbered(draft.number, draft.definition))
        document.check_whole(parts)
    return document.build(parts, version=1, built_at=now)


def _line(step: Mapping[str, Any], attributes: Mapping[str, Any]) -> Line:
    tell = _TELLERS.get(step["step"])
    text, is_so = tell(step) if tell else (str(step["step"]), None)
    return Line(text, is_so, tuple(_parts(step["when"], attributes)) if "when" in step else ())


def _switch(step: Mapping[str, Any]) -> tuple[str, bool | None]:
    return "The flag is switched off.", None


def _forced(step: Mapping[str, Any]) -> tuple[str, bool | None]:
    return f"Unit {step['unit']} is forced to a variant.", True


def _prerequisite(step: Mapping[str, Any]) -> tuple[str, bool | None]:
    served = step["variant"] or "the default in the code"
    return f"Flag {step['flag']} serves {served} to this unit.", step["met"]


def _holdout(step: Mapping[str, Any]) -> tuple[str, bool | None]:
    place = f"at {_place(step['bucket'])}, held out below {_place(step['limit'])}"
    return f"Holdout {step['holdout']}: {place}.", step["held"]


def _layer(step: Mapping[str, Any]) -> tuple[str, bool | None]:
    where = "inside" if step["inside"] else "outside"
    place = _place(step["bucket"])
    return f"Rule {step['rule']}: layer {step['layer']} puts the unit at {place}, {where} its slots.", step[
        "inside"
    ]


def _rule(step: Mapping[str, Any]) -> tuple[str, bool | None]:
    if "skipped" in step:
        return f"Rule {step['rule']} is skipped: {step['skipped']}.", False
    return f"Rule {step['rule']} {'matches' if step['matches'] else 'does not match'}.", step["matches"]


def _gate(step: Mapping[str, Any]) -> tuple[str, bool | None]:
    if step["bucket"] is None:
        return f"Rule {step['rule']}: nobody takes part.", False
    where = f"the unit is at {_place(step['bucket'])}, taking part below {_place(step['limit'])}"
    return f"Rule {step['rule']}: {where}.", step["inside"]


def _arm(step: Mapping[str, Any]) -> tuple[str, bool | None]:
    return f"Rule {step['rule']}: at {_place(step['bucket'])} of the arms, which is {step['variant']}.", True


def _default(step: Mapping[str, Any]) -> tuple[str, bool | None]:
    return "Nothing else applies: the default.", None


_TELLERS: dict[str, Callable[[Mapping[str, Any]], tuple[str, bool | None]]] = {
    "switch": _switch,
    "forced": _forced,
    "prerequisite": _prerequisite,
    "holdout": _holdout,
    "layer": _layer,
    "rule": _rule,
    "gate": _gate,
    "arm": _arm,
    "default": _default,
}


def _place(bucket: int) -> str:
    """A bucket as per cent of the whole range: 2147483648 → 50 %."""
    return f"{bucket / RANGE * 100:.2f} %"


def _parts(when: Mapping[str, Any], attributes: Mapping[str, Any], depth: int = 0) -> Iterator[Part]:
    yield Part(depth, _named(when, attributes), bool(when["matches"]))
    inner = [*when.get("all", ()), *when.get("any", ())]
    inner += [when[name] for name in ("not", "because") if name in when]
    for each in inner:
        yield from _parts(each, attributes, depth + 1)


def _named(when: Mapping[str, Any], attributes: Mapping[str, Any]) -> str:
    if "attribute" in when:
        name, given = when["attribute"], when["found"] != "None"
        found = words.variant_value(attributes[name]) if name in attributes else when["found"]
        return f"{words.condition(when)} ({f'found {found}' if given else 'not given'})"
    if "segment" in when:
        return words.condition(when)
    return {"all": "all of these", "any": "any of these", "not": "not this"}[
        next(name for name in ("all", "any", "not") if name in when)
    ]
