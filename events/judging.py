"""From a body to a verdict on every event in it. No I/O, no clock, no Django.

Almost every batch is good, so all its events are decoded at once and checked together. Where that fails the
events are taken one by one, and what does not pass is looked at slowly, for a reason: one bad event never
costs its batch.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec

from events import wire
from events.diagnosis import Window, diagnose, unexplained
from events.envelopes import Opened, open_body
from events.texts import is_name, is_plain
from events.wire import UNREADABLE, AnyEvent, Event, decode_event, decode_events
from ledger.refusals import Problem

_Decoded = tuple[int, bytes, AnyEvent]
NIL_IDS = (b"00000000-0000-0000-0000-000000000000", b"0" * 32)


@dataclass(frozen=True, slots=True)
class Judged:
    """A readable batch. `refused` holds (index, problem) of the events that are not accepted.

    `rebuilt` replaces the body where that was not quite JSON: refused events stand in it as texts.
    """

    batch_id: UUID
    sdk: str
    dropped: int
    accepted: int
    refused: tuple[tuple[int, Problem], ...]
    digest: bytes
    rebuilt: bytes | None = None

    def refusals(self) -> list[dict[str, Any]]:
        """The refused events in the form of the answer."""
        return [{"index": index, **as_texts(problem)} for index, problem in self.refused]


def judge(body: bytes, now: datetime, *, accepts_history: bool = False) -> Judged:
    """Decide on every event. Raises Refused when the body as a whole cannot be taken."""
    opened = open_body(body)
    window = Window.at(now, accepts_history=accepts_history)
    accepted = _all_good(opened, window)
    refused: tuple[tuple[int, Problem], ...] = ()
    if accepted is None:
        elements = opened.elements()
        refused = refused_in(elements, window)
        accepted = len(elements) - len(refused)
    return Judged(
        batch_id=opened.envelope.batch_id,
        sdk=opened.envelope.sdk,
        dropped=opened.envelope.dropped,
        accepted=accepted,
        refused=refused,
        digest=hashlib.sha256(opened.events).digest()[:16],
        rebuilt=None if opened.is_json else rebuild(opened.elements(), {index for index, _ in refused}),
    )


def as_texts(problem: Problem) -> dict[str, str]:
    """The problem with nothing in it that a database or a terminal could not take."""
    parts = {"field": problem.field, "value": problem.value, "reason": problem.reason, "fix": problem.fix}
    return {name: text if text.isprintable() else repr(text)[1:-1] for name, text in parts.items()}


def rebuild(events: Sequence[bytes], refused: set[int]) -> bytes:
    """A body that is JSON: accepted events as they came, refused ones as texts."""
    parts = (
        msgspec.json.encode(raw.decode("utf-8", "backslashreplace")) if index in refused else raw
        for index, raw in enumerate(events)
    )
    return b'{"events":[' + b",".join(parts) + b"]}"


def refused_in(elements: Sequence[bytes], window: Window) -> tuple[tuple[int, Problem], ...]:
    """Index and problem of every event that is not accepted, in order."""
    decoded: list[_Decoded] = []
    refused: list[tuple[int, Problem]] = []
    for index, raw in enumerate(elements):
        try:
            decoded.append((index, raw, decode_event(raw)))
        except UNREADABLE as error:
            refused.append((index, diagnose(raw, window) or unexplained(error)))
    for index, raw, _ in _suspects(decoded, window):
        found = diagnose(raw, window)
        if found is not None:
            refused.append((index, found))
    return tuple(sorted(refused, key=itemgetter(0)))


def _suspects(decoded: list[_Decoded], window: Window) -> list[_Decoded]:
    """The events that the quick checks do not clear, found by halving."""
    raw = b"".join([raw for _, raw, _ in decoded])
    if not decoded or _are_clear([event for *_, event in decoded], raw, window):
        return []
    if len(decoded) == 1:
        return decoded
    middle = len(decoded) // 2
    return _suspects(decoded[:middle], window) + _suspects(decoded[middle:], window)


def _all_good(opened: Opened, window: Window) -> int | None:
    """How many events there are when all of them certainly are good; None means: look at each."""
    if not opened.is_json:
        return None
    try:
        events = decode_events(opened.events)
    except UNREADABLE:
        return None
    opened.check_count(len(events))
    return len(events) if _are_clear(events, opened.events, window) else None


def _are_clear(events: list[AnyEvent], raw: bytes, window: Window) -> bool:
    """Quick checks of what types cannot say; False means: look closer."""
    return (
        all(window.since <= event.ts <= window.until for event in events)
        and raw.count(b'"') == sum(map(wire.quotes_in, events))
        and not any(nil in raw for nil in NIL_IDS)
        and all(map(is_name, _names(events)))
        and (is_plain(raw) or all(map(str.isprintable, _texts(events))))
    )


def _names(events: list[AnyEvent]) -> set[str]:
    names = set[str]().union(*[event.dims for event in events if event.dims])
    names.update([event.unit_type for event in events])
    for event in events:
        if isinstance(event, Event):
            names.add(event.name)
        else:
            names.update((event.flag, event.variant, event.experiment or "-"))
    return names


def _texts(events: list[AnyEvent]) -> set[str]:
    texts = {event.unit for event in events}
    texts.update([event.session for event in events if isinstance(event, Event) and event.session])
    for event in events:
        if event.dims:
            texts.update(event.dims.values())
    return texts
