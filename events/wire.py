"""The wire format: what a batch and its events look like, and the limits. No Django, no I/O.

These types decide only what can be decoded fast; why something is refused is said by events.diagnosis.
"""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

MAX_BODY = 1_000_000
MAX_DECOMPRESSED = 5_000_000
MAX_EVENTS = 1_000
MAX_NAME = 128
MAX_UNIT = 512
MAX_DIMS = 32
MAX_DIM_NAME = 64
MAX_DIM_VALUE = 256
MAX_VERSION = 2**31 - 1
MAX_VALUE = float(2**53 - 1)
MAX_DEPTH = 32
MAX_COMMAS = 100_000
"""A body with more is looked at element by element: it cannot hold 1,000 ordinary events."""

MAX_SDK = 100

OLDEST = timedelta(days=7)
NEWEST = timedelta(minutes=10)
BEGINNING = datetime.fromisoformat("1990-01-01T00:00:00+00:00")
"""Keys that may send history: nothing that a web product measured is older."""

Moment = Annotated[datetime, Meta(tz=True)]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
UnitId = Annotated[str, Meta(min_length=1, max_length=MAX_UNIT)]
DimName = Annotated[str, Meta(min_length=1, max_length=MAX_DIM_NAME)]
DimValue = Annotated[str, Meta(max_length=MAX_DIM_VALUE)]
Dims = Annotated[dict[DimName, DimValue], Meta(max_length=MAX_DIMS)]
Value = Annotated[float, Meta(ge=-MAX_VALUE, le=MAX_VALUE)]
Version = Annotated[int, Meta(ge=0, le=MAX_VERSION)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Exposure(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="exposure", gc=False):
    """A unit was shown a variant. `forced` ones were not drawn by chance and never enter an analysis."""

    id: UUID
    ts: Moment
    unit: UnitId
    unit_type: Name
    flag: Name
    variant: Name
    version: Version | UnsetType = UNSET
    experiment: Name | UnsetType | None = UNSET
    forced: bool | UnsetType = UNSET
    dims: Dims | UnsetType = UNSET


class Event(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="event", gc=False):
    """A unit did something, with a number or without one."""

    id: UUID
    ts: Moment
    unit: UnitId
    unit_type: Name
    name: Name
    value: Value | UnsetType | None = UNSET
    session: UnitId | UnsetType | None = UNSET
    dims: Dims | UnsetType = UNSET


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """What stands around the events."""

    batch_id: UUID
    events: msgspec.Raw
    sent_at: Moment | UnsetType = UNSET
    sdk: Annotated[str, Meta(max_length=MAX_SDK)] = ""
    dropped: Count = 0


AnyEvent = Exposure | Event
decode_event = msgspec.json.Decoder(AnyEvent).decode
decode_events = msgspec.json.Decoder(list[AnyEvent]).decode
decode_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
decode_envelope = msgspec.json.Decoder(Envelope).decode

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes it does not take; msgspec.ValidationError is a DecodeError."""


def quotes_in(event: AnyEvent) -> int:
    """How many quotation marks the event's JSON has when no key stands twice and no text holds one.

    Decoders keep the last of two equal keys without a word; counting is how they are noticed.
    """
    marks = 0 if event.dims is UNSET else 2 + 4 * len(event.dims)
    if isinstance(event, Event):
        return marks + 24 + _marks(event.value, 2) + _marks(event.session, 4)
    flags = _marks(event.version, 2) + _marks(event.forced, 2)
    return marks + 28 + flags + _marks(event.experiment, 4)


def _marks(value: object, when_set: int) -> int:
    """Marks of an optional member: none when it is left out, its key's two when it is null."""
    if value is UNSET:
        return 0
    return 2 if value is None else when_set


def earliest(now: datetime, *, accepts_history: bool) -> datetime:
    """The oldest time stamp accepted."""
    return BEGINNING if accepts_history else now - OLDEST


def latest(now: datetime) -> datetime:
    """The newest time stamp accepted: clocks run a little fast."""
    return now + NEWEST
