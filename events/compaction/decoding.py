"""An inbox row's payload, read again: its accepted events, and its refused ones as they were sent.

Nothing raises: an event that was accepted once and cannot be read any more is refused with the reason, so
that no batch ever blocks the ones behind it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from events.bodies import BadCompression, BodyTooLarge, gunzip
from events.diagnosis import unexplained
from events.wire import UNREADABLE, AnyEvent, decode_elements, decode_event, decode_events
from ledger.refusals import Problem, problem

MAX_RAW = 8_000
"""Bytes that are kept of a refused event; an ordinary one has 300."""

UNOPENED = (*UNREADABLE, BadCompression, BodyTooLarge)


class _Body(msgspec.Struct):
    """`batch_id` is missing from bodies that were rebuilt, where refused events stand as texts."""

    events: msgspec.Raw
    batch_id: UnsetType | msgspec.Raw = UNSET


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused event of a batch: where it stood, what was sent (cut when it is not `is_whole`), and why."""

    index: int
    raw: bytes
    is_whole: bool
    field: str
    value: str
    reason: str
    fix: str

    @classmethod
    def of(cls, index: int, raw: bytes, why: Problem) -> "Refusal":
        is_whole = len(raw) <= MAX_RAW
        return cls(index, raw[:MAX_RAW], is_whole, why.field[:200], why.value, why.reason, why.fix)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The events of a batch by index, in order, its refusals, and how many bytes all of them have."""

    events: list[tuple[int, AnyEvent]]
    refusals: list[Refusal]
    size: int


def decode(payload: bytes, codec: str, refusals: Sequence[Mapping[str, Any]]) -> Decoded:
    """`refusals` are those of the door, in the form of the answer."""
    try:
        body = _open(payload, codec)
        if not refusals:
            return Decoded(list(enumerate(decode_events(body.events))), [], len(bytes(body.events)))
    except UNREADABLE as error:
        return _one_by_one(payload, codec, refusals, error)
    except (BadCompression, BodyTooLarge) as error:
        return Decoded([], [Refusal.of(0, payload, _unreadable(error))], len(payload))
    return _one_by_one(payload, codec, refusals, None)


def raw_events(payload: bytes, codec: str) -> list[bytes]:
    """The events as they were sent. Raises what UNOPENED names."""
    return list(_elements(_open(payload, codec)))


def _one_by_one(
    payload: bytes, codec: str, refusals: Sequence[Mapping[str, Any]], error: Exception | None
) -> Decoded:
    try:
        elements = raw_events(payload, codec)
    except UNOPENED as broken:
        return Decoded([], [Refusal.of(0, payload, _unreadable(error or broken))], len(payload))
    why = {refused["index"]: _problem(refused) for refused in refusals}
    found = Decoded([], [], sum(map(len, elements)))
    for index, raw in enumerate(elements):
        if index in why:
            found.refusals.append(Refusal.of(index, raw, why[index]))
            continue
        try:
            found.events.append((index, decode_event(raw)))
        except UNREADABLE as unreadable:
            found.refusals.append(Refusal.of(index, raw, unexplained(unreadable)))
    return found


def _open(payload: bytes, codec: str) -> _Body:
    return msgspec.json.decode(gunzip(payload) if codec == "gzip" else payload, type=_Body)


def _elements(body: _Body) -> Iterator[bytes]:
    for element in decode_elements(body.events):
        raw = bytes(element)
        is_text = body.batch_id is UNSET and raw[:1] == b'"'
        yield msgspec.json.decode(raw, type=str).encode() if is_text else raw


def _problem(refused: Mapping[str, Any]) -> Problem:
    return Problem(refused["field"], refused["value"], refused["reason"], refused["fix"])


def _unreadable(error: Exception) -> Problem:
    return problem("batch", str(error), "the stored batch cannot be read", "Send its events again.")
