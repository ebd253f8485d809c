"""The envelope of a batch: opened, or refused as a whole with the field, the reason and the fix. No I/O."""

from dataclasses import dataclass, field

import msgspec

from events import wire
from events.diagnosis import unknown_field
from events.splitting import TooManyEvents, Unsplittable, split
from events.wire import UNREADABLE, Envelope, decode_elements, decode_envelope
from ledger.refusals import Refused, problem, refuse

NO_EVENTS = 'send {"batch_id": "<a UUID>", "events": [...]}'
FIELDS = ["batch_id", "events", "sent_at", "sdk", "dropped"]
GZIP = b"\x1f\x8b"
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class BatchTooLarge(Refused):
    """The batch holds more events than the limit."""


@dataclass(slots=True)
class Opened:
    """The envelope and the bytes of its events.

    `is_json` is false when the body was not JSON as it stood; its events were then found one by one.
    """

    envelope: Envelope
    events: bytes
    is_json: bool = True
    _elements: list[bytes] | None = field(default=None, repr=False)

    def elements(self) -> list[bytes]:
        """The events as sent, one by one."""
        if self._elements is None:
            if self.events.count(b",") > wire.MAX_COMMAS:
                raise _too_large("too many to count")
            self._elements = [bytes(raw) for raw in decode_elements(self.events)]
            self.check_count(len(self._elements))
        return self._elements

    def check_count(self, events: int) -> None:
        """Raises BatchTooLarge."""
        if events > wire.MAX_EVENTS:
            raise _too_large(f"{events:,} events")


def open_body(body: bytes) -> Opened:
    """Raises Refused when the body as a whole cannot be taken."""
    if not body.strip():
        raise refuse("body", "", "the body is empty", f"To send events, {NO_EVENTS}.")
    try:
        envelope = decode_envelope(body)
    except msgspec.ValidationError as error:
        raise _refused(body, error) from None
    except UNREADABLE as error:
        return _second_chance(body, error)
    _check(envelope)
    events = bytes(envelope.events)
    if events[:1] != b"[":
        raise refuse("events", events[:40], "events has to be a list", f"To send events, {NO_EVENTS}.")
    return Opened(envelope, events)


def _second_chance(body: bytes, error: Exception) -> Opened:
    """NaN or half a surrogate pair in one event makes the whole body unreadable for the fast parser."""
    _check_beginning(body)
    try:
        around, events = split(body)
        envelope = decode_envelope(around)
    except TooManyEvents:
        raise _too_large(f"more than {wire.MAX_EVENTS:,}") from None
    except Unsplittable as broken:
        raise refuse("body", body[:40], f"this is not JSON: {broken}", "Send JSON in UTF-8.") from None
    except msgspec.ValidationError as wrong:
        raise _refused(body, wrong) from None
    except UNREADABLE:
        raise refuse("body", body[:40], f"this is not JSON: {error}", "Send JSON in UTF-8.") from None
    _check(envelope)
    return Opened(envelope, b"\x1e".join(events), is_json=False, _elements=events)


def _check_beginning(body: bytes) -> None:
    if body.startswith(GZIP):
        why = "the body is compressed, and nothing says so or it is compressed twice"
        raise refuse("body", body[:10], why, "Compress once and send Content-Encoding: gzip.")
    if body.startswith(BYTE_ORDER_MARKS):
        raise refuse("body", body[:10], "the body begins with a byte order mark", "Send UTF-8 without one.")


def _check(envelope: Envelope) -> None:
    if envelope.batch_id.int == 0:
        fix = "Draw a new one for every batch and keep it when you send the batch again."
        raise refuse("batch_id", str(envelope.batch_id), "this is the nil UUID, which everybody has", fix)
    if not envelope.sdk.isprintable():
        raise refuse("sdk", envelope.sdk, "the name is not readable", 'For example "python/0.1.0".')


def _too_large(how_many: str) -> BatchTooLarge:
    fix = f"A batch may hold {wire.MAX_EVENTS:,}; send the rest in another one."
    return BatchTooLarge(problem("events", how_many, "the batch is too large", fix))


def _refused(body: bytes, error: msgspec.ValidationError) -> Refused:
    """The decoder's own words, made to name a field where they do not."""
    text = str(error)
    fix = f"To send events, {NO_EVENTS}."
    if "unknown field `" in text:
        return Refused(unknown_field(text.split("`")[1], None, FIELDS))
    if "required field `" in text:
        name = text.split("`")[1]
        return refuse(name, None, f"{name} is missing", fix)
    name = text.partition("`$.")[2].partition("`")[0] or "body"
    return refuse(name, _member(body, name), text.partition(" - at ")[0].replace("`", ""), fix)


def _member(body: bytes, name: str) -> object:
    """What the envelope holds under this name, for showing it."""
    try:
        content = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        return bytes(content[name]).decode("utf-8", "replace")
    except (*UNREADABLE, KeyError):
        return body[:40]
