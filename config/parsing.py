"""JSON bodies of the API: what PostgreSQL or Python could not hold is refused before any view sees it."""

import json
import math
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

LARGEST_BYTES = 2_000_000
DEEPEST = 64


class StrictJSONParser(BaseParser):
    """JSON without NaN, NUL characters, lone surrogates or depths that only an attack has."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read(LARGEST_BYTES + 1)
        if len(raw) > LARGEST_BYTES:
            raise ParseError(f"the body is longer than {LARGEST_BYTES:,} bytes")
        try:
            value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
        except RecursionError:
            raise ParseError(f"the body is nested deeper than {DEEPEST} levels") from None
        except ValueError as problem:
            raise ParseError(f"the body is not JSON: {problem}") from None
        _check(value, 0)
        return value


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _check(value: Any, depth: int) -> None:
    """Raise ParseError where a text cannot be stored or the nesting is too deep."""
    if depth > DEEPEST:
        raise ParseError(f"the body is nested deeper than {DEEPEST} levels")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float) and math.isinf(value):
        raise ParseError("a number is beyond 1.8e308 and would be read as infinite")
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check(item, depth + 1)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ParseError("a text holds a NUL character (\\u0000), which cannot be stored")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("a text holds half a character (a lone surrogate), which cannot be stored")
