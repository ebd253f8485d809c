"""Why an event is refused: the first field that is wrong, its value, the reason and the way out.

Runs only for events that the fast decoder or the quick checks did not let through, so it may take its time.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from events import wire
from events.texts import RESERVED, name_fault, text_fault
from ledger.refusals import Problem, problem

Fault = tuple[str, str]
"""A reason and what to do about it."""

EXAMPLE_TS = "ts needs a date, a time and a zone, for example 2026-11-23T10:00:00Z"
EXAMPLE_ID = "Send a UUID that no other event has, for example 6f1c0f3e-8a53-4d0b-9a6e-0d5f4f0a9b1c."
ID_TAKEN = "an event with this id is stored, and it has other content"
LIMIT = f"{wire.MAX_VALUE:,.0f}"


@dataclass(frozen=True, slots=True)
class Window:
    """Time stamps from `since` to `until` are taken; `is_history` says that the key may send old ones."""

    since: datetime
    until: datetime
    is_history: bool

    @classmethod
    def at(cls, now: datetime, *, accepts_history: bool) -> "Window":
        since = wire.earliest(now, accepts_history=accepts_history)
        return cls(since, wire.latest(now), accepts_history)

    def holds(self, ts: datetime) -> bool:
        return self.since <= ts <= self.until


class _TwiceError(ValueError):
    def __init__(self, key: str, first: object, last: object) -> None:
        self.key, self.first, self.last = key, first, last
        super().__init__(key)


def diagnose(raw: bytes, window: Window) -> Problem | None:
    """The first thing wrong with an event as sent, or None when nothing is."""
    try:
        content = json.loads(
            raw.decode(), strict=False, object_pairs_hook=_without_repeats, parse_int=_integer
        )
    except _TwiceError as twice:
        why = f"the key stands twice, first with {twice.first!r}"
        return problem(twice.key, twice.last, why, "Send every field once.")
    except UnicodeDecodeError as error:
        bad = raw[error.start : error.start + 1]
        return problem("event", bad, f"byte {error.start} of the event is not UTF-8", "Send JSON in UTF-8.")
    except RecursionError:
        return problem("event", raw[:20], f"JSON nested deeper than {wire.MAX_DEPTH}", "Send flat fields.")
    except ValueError as error:
        return problem("event", raw[:40], f"this is not JSON: {error}", "Send one object per event.")
    return _of_content(content, window) or _control_character(raw)


def conflicting(event_id: object) -> Problem:
    """For an event whose id was used before for something else."""
    fix = "Draw a new id for every event, and send an id again only with the same event."
    return problem("id", str(event_id), ID_TAKEN, fix)


def unexplained(error: Exception) -> Problem:
    """For what the decoder refuses and no rule explains: its own words."""
    return problem("event", str(error), "the event cannot be read", "See the events API reference.")


def _of_content(content: object, window: Window) -> Problem | None:
    if not isinstance(content, dict):
        fix = 'Send an object, for example {"id": …, "kind": "event", …}.'
        return problem("event", content, f"an event is an object, this is {_kind_of(content)}", fix)
    kind = content.get("kind")
    rules = RULES.get(kind) if isinstance(kind, str) else None
    if rules is None:
        reason = "kind is missing" if kind is None else "there is no such kind of event"
        return problem("kind", kind, reason, 'Possible are: "exposure", "event".')
    return (
        _missing(content, rules)
        or _unknown(content, rules)
        or _wrong_field(content, rules)
        or _wrong_time(content["ts"], window)
    )


def _missing(content: Mapping[str, object], rules: "Mapping[str, Rule]") -> Problem | None:
    for name, rule in rules.items():
        if rule.required and name not in content:
            other = next((key for key in content if key not in rules and _may_mean(key, name)), None)
            if other is not None:
                fix = f'Did you mean {name} where you sent "{_shown(other)}"?'
                return problem(_shown(other), content[other], f"{name} is missing", fix)
            return problem(name, None, f"{name} is missing", f"Send {name}.")
    return None


def _may_mean(sent: str, name: str) -> bool:
    """Whether somebody who wrote `sent` may have meant `name`: misspelt, or called as elsewhere."""
    return bool(get_close_matches(sent, [name, f"event_{name}", f"{name}_id"], n=1))


def _unknown(content: Mapping[str, object], rules: "Mapping[str, Rule]") -> Problem | None:
    for name, value in content.items():
        if name not in rules:
            return unknown_field(name, value, list(rules))
    return None


def unknown_field(name: str, value: object, known: list[str]) -> Problem:
    """The problem of a field that the format does not have."""
    close = get_close_matches(name, known, n=1)
    fix = f"Did you mean {close[0]}?" if close else f"Known fields: {', '.join(known)}."
    return problem(_shown(name), value, "there is no such field", fix)


def _wrong_field(content: Mapping[str, object], rules: "Mapping[str, Rule]") -> Problem | None:
    for name, rule in rules.items():
        if name in content and not (content[name] is None and rule.nullable):
            fault = rule.check(content[name])
            if isinstance(fault, Problem):
                return fault
            if fault is not None:
                return problem(name, content[name], *fault)
    return None


def _wrong_time(sent: object, window: Window) -> Problem | None:
    ts = msgspec.convert(sent, wire.Moment)
    if window.holds(ts):
        return None
    fix = f"Time stamps from {_time(window.since)} to {_time(window.until)} are taken."
    if ts > window.until:
        return problem("ts", sent, "this is more than 10 minutes in the future", f"{fix} Check the clock.")
    if window.is_history:
        return problem("ts", sent, "this is before 1990", fix)
    reason = "this is more than 7 days ago"
    return problem("ts", sent, reason, f"{fix} To send older events, use a key that accepts history.")


def _control_character(raw: bytes) -> Problem | None:
    """JSON forbids controls inside texts; the lenient parser above let them through."""
    try:
        json.loads(raw.decode())
    except ValueError as error:
        return problem("event", raw[:40], f"this is not JSON: {error}", "Escape control characters.")
    return None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        values = [value for name, value in pairs if name == key]
        raise _TwiceError(_shown(key), values[0], values[-1])
    return content


def _integer(digits: str) -> int | float:
    """Whole numbers of thousands of digits are not worth converting: they are too large anyway."""
    return int(digits) if len(digits) <= 20 else float("-inf" if digits.startswith("-") else "inf")


def _kind_of(value: object) -> str:
    names = {bool: "true or false", str: "a text", list: "a list", dict: "an object", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(name: str) -> str:
    """A field's name as it may be stored and printed."""
    return name[: wire.MAX_NAME] if name.isprintable() else repr(name)[: wire.MAX_NAME]


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _uuid(value: object) -> Fault | None:
    if not isinstance(value, str):
        return f"an id is a text, this is {_kind_of(value)}", EXAMPLE_ID
    try:
        found = msgspec.convert(value, UUID)
    except msgspec.ValidationError:
        return "this is not a UUID", EXAMPLE_ID
    return ("this is the nil UUID, which everybody has", EXAMPLE_ID) if found.int == 0 else None


def _moment(value: object) -> Fault | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a bare number may be seconds or milliseconds, and we do not guess", f"{EXAMPLE_TS}."
    if not isinstance(value, str):
        return f"a time is a text, this is {_kind_of(value)}", f"{EXAMPLE_TS}."
    try:
        msgspec.convert(value, wire.Moment)
    except msgspec.ValidationError as error:
        naive = "timezone" in str(error)
        return "the zone is missing" if naive else "this is not a time of RFC 3339", f"{EXAMPLE_TS}."
    return None


def _name(value: object, limit: int = wire.MAX_NAME) -> Fault | None:
    if not isinstance(value, str):
        return f"a name is a text, this is {_kind_of(value)}", "Send a text."
    fault = name_fault(value, limit)
    return (fault, "Send a name that people can read.") if fault else None


def _text(value: object, limit: int, least: int = 1) -> Fault | None:
    if not isinstance(value, str):
        return f"this has to be a text, it is {_kind_of(value)}", 'Put it in quotes, for example "42".'
    fault = text_fault(value, limit, least)
    return (fault, "Send an id or value without it.") if fault else None


def _number(value: object) -> Fault | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"a value is a number, this is {_kind_of(value)}", "Send a number without quotes, or null."
    if value != value:
        return "NaN is not a number", "Leave the value out or send null."
    if abs(value) > wire.MAX_VALUE:
        return f"it is outside \u00b1{LIMIT}", "Larger numbers lose digits; send a larger unit."
    return None


def _version(value: object) -> Fault | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"a version is a whole number, this is {_kind_of(value)}", "Send the number of the version."
    fits = 0 <= value <= wire.MAX_VERSION
    return None if fits else ("the version is out of range", f"0 to {wire.MAX_VERSION:,} are possible.")


def _truth(value: object) -> Fault | None:
    return None if isinstance(value, bool) else (f"this is {_kind_of(value)}", "Send true or false.")


def _dims(value: object) -> Fault | Problem | None:
    if not isinstance(value, dict):
        return f"dims is an object, this is {_kind_of(value)}", 'For example {"country": "de"}.'
    if len(value) > wire.MAX_DIMS:
        return f"there are {len(value)} dims", f"{wire.MAX_DIMS} are possible."
    for name, level in value.items():
        if name in RESERVED:
            return problem("dims", name, "this name is reserved", "Choose another name.")
        if fault := _name(name, wire.MAX_DIM_NAME):
            return problem("dims", name, f"this is no name: {fault[0]}", fault[1])
        if fault := _text(level, wire.MAX_DIM_VALUE, least=0):
            return problem(f"dims.{_shown(name)}"[: wire.MAX_NAME], level, *fault)
    return None


@dataclass(frozen=True, slots=True)
class Rule:
    """What one field may hold."""

    check: Callable[[object], Fault | Problem | None]
    required: bool = True
    nullable: bool = False


UNIT = partial(_text, limit=wire.MAX_UNIT)
SHARED = {
    "id": Rule(_uuid),
    "kind": Rule(_name),
    "ts": Rule(_moment),
    "unit": Rule(UNIT),
    "unit_type": Rule(_name),
}
RULES: dict[str, dict[str, Rule]] = {
    "exposure": {
        **SHARED,
        "flag": Rule(_name),
        "variant": Rule(_name),
        "version": Rule(_version, required=False),
        "experiment": Rule(_name, required=False, nullable=True),
        "forced": Rule(_truth, required=False),
        "dims": Rule(_dims, required=False),
    },
    "event": {
        **SHARED,
        "name": Rule(_name),
        "value": Rule(_number, required=False, nullable=True),
        "session": Rule(UNIT, required=False, nullable=True),
        "dims": Rule(_dims, required=False),
    },
}
