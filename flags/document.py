"""The configuration document of one environment: put together here, judged by the SDK's own compiler.

docs/reference/flag-format.md is the reference of the format. No database: `queries.document_parts` reads what
is in force.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from flags.definitions import Definition
from flags.parts import Numbered, Parts
from headway.evaluation import Problem as Wrong
from headway.evaluation import check_document, check_flag
from ledger.refusals import Problem, Refused, problem, raise_if_any

SCHEMA = 1
SHARED = ("layers", "holdouts", "segments")
KNOWN = (
    "type",
    "unit_type",
    "on",
    "variants",
    "off",
    "default",
    "forced",
    "prerequisites",
    "rules",
)
SHAPES: tuple[tuple[str, type, str], ...] = (
    ("variants", dict, 'Write {"on": true, "off": false}.'),
    ("forced", dict, 'Write {"unit id": "variant"}.'),
    ("prerequisites", list, 'Write [{"flag": "other", "variants": ["on"]}].'),
    ("rules", list, "Write a list of rules; an empty one serves the default."),
)
REFERENCE = "See docs/reference/flag-format.md."
MAX_DEPTH = 32
MAX_CHARACTERS = 500_000
ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""A check looks at rules only, whenever it is made."""


def build(parts: Parts, *, version: int, built_at: datetime) -> dict[str, Any]:
    """The document as SDKs read it."""
    return {
        "schema": SCHEMA,
        "environment": parts.environment,
        "version": version,
        "built_at": built_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "layers": dict(parts.layers),
        "holdouts": dict(parts.holdouts),
        "segments": {
            key: {"version": found.number, "when": found.content} for key, found in parts.segments.items()
        },
        "flags": {key: {"version": found.number, **found.content} for key, found in parts.flags.items()},
    }


def written(content: Mapping[str, Any]) -> bytes:
    """The document as bytes, the same for the same content.

    The flags stand last: SDKs check each flag while they read it, which takes what flags refer to.
    """
    head = {name: value for name, value in content.items() if name != "flags"}
    before, flags = (
        json.dumps(part, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        for part in (head, content["flags"])
    )
    return f'{before[:-1]},"flags":{flags}}}'.encode()


def shared_digest(content: Mapping[str, Any]) -> str:
    """Over what flags refer to: two documents with one digest differ in their flags only."""
    shared = json.dumps([content[name] for name in SHARED], sort_keys=True)
    return hashlib.sha256(shared.encode()).hexdigest()


def check(parts: Parts, flag: str, definition: Definition) -> None:
    """Raise Refused with everything an SDK would refuse if the flag said this; fields are the flag's own."""
    number = parts.flags[flag].number + 1 if flag in parts.flags else 1
    _compile(parts.with_flag(flag, Numbered(number, definition)), own=f"flags.{flag}")


def check_segment(parts: Parts, segment: str, when: Mapping[str, Any]) -> None:
    """Raise Refused with everything an SDK would refuse if the segment said this."""
    number = parts.segments[segment].number + 1 if segment in parts.segments else 1
    _compile(parts.with_segment(segment, Numbered(number, when)), own=f"segments.{segment}")


def check_whole(parts: Parts) -> None:
    """Raise Refused unless SDKs would take the document as it stands."""
    _compile(parts, own="")


def check_shape(definition: object, value_type: str, unit_type: str) -> None:
    """Refuse what cannot be completed and handed to the compiler: no object, wrong types, another flag's."""
    if not isinstance(definition, Mapping):
        fix = 'Write an object with "variants" and "rules".'
        raise Refused(problem("definition", definition, "this is no JSON object", fix))
    _check_json(definition, "definition")
    others = _of_another(definition, value_type, unit_type)
    raise_if_any([*_unknown(definition), *others, *_shapes(definition)])


def check_condition(when: object) -> None:
    """Refuse what cannot be stored or handed to the compiler as a condition."""
    if not isinstance(when, Mapping):
        fix = 'Write {"attribute": "country", "op": "in", "value": ["de"]}.'
        raise Refused(problem("when", when, "this is no JSON object", fix))
    _check_json(when, "when")


def _check_json(content: Mapping[str, Any], name: str) -> None:
    """Refuse nesting that would exhaust a stack, and texts and numbers that no database can keep."""
    if _depth(content) > MAX_DEPTH:
        fix = f"At most {MAX_DEPTH} levels are possible."
        raise Refused(problem(name, "…", "this is nested too deeply", fix))
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError as error:
        raise Refused(problem(name, "…", f"this is no JSON: {error}", "Write valid JSON.")) from None
    if any("\0" in each for each in _texts(content)):
        raise Refused(problem(name, "…", "a text holds the character U+0000", "Leave it out."))
    if len(text) > MAX_CHARACTERS:
        fix = f"At most {MAX_CHARACTERS:,} are possible; put long lists into segments."
        raise Refused(problem(name, "…", f"this has {len(text):,} characters", fix))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


class Standing:
    """A document that SDKs take, while flags of it change one after the other."""

    def __init__(self, parts: Parts) -> None:
        self._content = build(parts, version=1, built_at=ANY_TIME)
        self._flags: dict[str, Any] = self._content["flags"]

    def check(self, flag: str, definition: Mapping[str, Any]) -> None:
        """Raise Refused with everything an SDK would refuse if the flag said this; fields are its own."""
        before = self._flags.get(flag)
        self._flags[flag] = {"version": 1, **definition}
        try:
            raise_if_any(_translated(each, f"flags.{flag}") for each in check_flag(self._content, flag))
        finally:
            self._replace(flag, before)

    def put(self, flags: Collection[str], served: Mapping[str, Numbered]) -> None:
        """These flags are served like this from now on, or not any more."""
        for key in flags:
            found = served.get(key)
            self._replace(key, None if found is None else {"version": found.number, **found.content})

    def is_wanted(self, flag: str) -> bool:
        """Whether another flag has this one as a prerequisite."""
        wanted = (one for entry in self._flags.values() for one in entry.get("prerequisites") or ())
        return any(one["flag"] == flag for one in wanted)

    def _replace(self, flag: str, entry: dict[str, Any] | None) -> None:
        if entry is None:
            self._flags.pop(flag, None)
        else:
            self._flags[flag] = entry


def _compile(parts: Parts, *, own: str) -> None:
    found = check_document(build(parts, version=1, built_at=ANY_TIME))
    raise_if_any(_translated(each, own) for each in found)


def _translated(found: Wrong, own: str) -> Problem:
    """The compiler's problem with the field as the author of the part sees it."""
    name = str(found.field)
    if own and name.startswith(own):
        name = name.removeprefix(own).lstrip(".") or "definition"
    return Problem(name, str(found.value), str(found.reason).rstrip("."), str(found.fix) or REFERENCE)


def _unknown(definition: Mapping[str, Any]) -> list[Problem]:
    fix = f"Possible are: {', '.join(KNOWN)}."
    return [
        problem(str(name), definition[name], "there is no such field", fix)
        for name in definition
        if name not in KNOWN
    ]


def _of_another(definition: Mapping[str, Any], value_type: str, unit_type: str) -> list[Problem]:
    found = []
    for name, wanted in (("type", value_type), ("unit_type", unit_type)):
        stated = definition.get(name, wanted)
        if stated != wanted:
            fix = f'Write "{wanted}"; another one needs another flag.'
            found.append(problem(name, stated, f"the flag's {name} is {wanted}", fix))
    return found


def _shapes(definition: Mapping[str, Any]) -> list[Problem]:
    found = [
        problem(name, definition[name], f"this is no {_JSON_NAMES[kind]}", fix)
        for name, kind, fix in SHAPES
        if name in definition and not isinstance(definition[name], kind)
    ]
    if not isinstance(definition.get("on", True), bool):
        found.append(problem("on", definition["on"], "this is neither true nor false", "Write true."))
    if "variants" not in definition:
        fix = 'Write {"variants": {"on": true, "off": false}}.'
        found.append(Problem("variants", "(missing)", "this field is required", fix))
    rules = definition.get("rules")
    return found + (_rule_shapes(rules) if isinstance(rules, list) else [])


def _rule_shapes(rules: list[Any]) -> list[Problem]:
    found = []
    for index, rule in enumerate(rules):
        if not isinstance(rule, Mapping):
            found.append(problem(f"rules[{index}]", rule, "this is no JSON object", "Write one rule."))
        elif "split" in rule and not isinstance(rule["split"], Mapping):
            fix = 'Write {"coverage_ppm": 100000, "arms": [["on", 1000000]]}.'
            found.append(problem(f"rules[{index}].split", rule["split"], "this is no JSON object", fix))
        elif not isinstance(rule.get("id", ""), str):
            found.append(problem(f"rules[{index}].id", rule["id"], "this is no text", "Leave it out."))
    return found


def _depth(value: object, level: int = 0) -> int:
    """Levels of nesting, not counted beyond the limit."""
    if level > MAX_DEPTH or not isinstance(value, Mapping | list):
        return level
    inner = value.values() if isinstance(value, Mapping) else value
    return max((_depth(each, level + 1) for each in inner), default=level)


_JSON_NAMES: dict[type, str] = {dict: "JSON object", list: "JSON list"}
