"""A second chance for bodies that are almost JSON: NaN, half a surrogate pair or a control character in one
event must not cost the other 999.

Finds the members of the top-level object and the elements of `events` with a lenient parser, as byte ranges.
"""

import json
import re
from json import JSONDecodeError

from events.wire import MAX_EVENTS

_SPACE = re.compile(r"[ \t\n\r]*")
_BRACKET_OR_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


def _nothing(_: str) -> None:
    """Numbers are not converted: only their place matters here."""


_DECODER = json.JSONDecoder(strict=False, parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing)


class TooManyEvents(Exception):
    """The list goes on beyond the limit."""


class Unsplittable(ValueError):
    """The body is broken in a way that leaves no events to be found; the message says where."""


def split(body: bytes) -> tuple[bytes, list[bytes]]:
    """The top-level object with an empty `events` list, and the events as sent.

    Raises Unsplittable or TooManyEvents.
    """
    text = body.decode("latin-1")
    try:
        return _Cursor(text).split()
    except JSONDecodeError as error:
        raise Unsplittable(f"{error.msg} at byte {error.pos}") from None


class _Cursor:
    """Walks over the text; in Latin-1 positions of characters are positions of bytes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def split(self) -> tuple[bytes, list[bytes]]:
        envelope: list[str] = []
        events: list[bytes] = []
        self._expect("{")
        while True:
            name = self._value()
            self._expect(":")
            if name == '"events"' and self._peek() == "[":
                events = self._elements()
                envelope.append(f"{name}:[]")
            else:
                envelope.append(f"{name}:{self._value()}")
            if self._next_of(",}") == "}":
                break
        if self._peek():
            raise JSONDecodeError("there is more after the end", self.text, self.at)
        return f"{{{','.join(envelope)}}}".encode("latin-1"), events

    def _elements(self) -> list[bytes]:
        self._expect("[")
        if self._peek() == "]":
            self._expect("]")
            return []
        found = [self._value().encode("latin-1")]
        while self._next_of(",]") == ",":
            if len(found) > MAX_EVENTS:
                raise TooManyEvents
            found.append(self._value().encode("latin-1"))
        return found

    def _value(self) -> str:
        self._peek()
        start = self.at
        try:
            _, self.at = _DECODER.raw_decode(self.text, start)
        except RecursionError:
            self.at = self._end_of_nested(start)
        return self.text[start : self.at]

    def _end_of_nested(self, start: int) -> int:
        """Where brackets nested too deep for the parser close."""
        depth = 0
        for token in _BRACKET_OR_TEXT.finditer(self.text, start):
            depth += _STEP.get(token[0], 0)
            if depth == 0:
                return token.end()
        raise JSONDecodeError("brackets that never close", self.text, start)

    def _peek(self) -> str:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def _next_of(self, allowed: str) -> str:
        found = self._peek()
        if not found or found not in allowed:
            raise JSONDecodeError(f"expected {' or '.join(allowed)}", self.text, self.at)
        self.at += 1
        return found

    def _expect(self, character: str) -> None:
        self._next_of(character)
