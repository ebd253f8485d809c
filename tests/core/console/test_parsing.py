"""Hostile JSON is refused by the parser with a sentence, never by a crash further in."""

import json
from io import BytesIO

import pytest
from rest_framework.exceptions import ParseError

from config import parsing


def parse(body):
    return parsing.StrictJSONParser().parse(BytesIO(body))


def test_parse__ordinary__the_value():
    value = {"name": "Zürich 😀", "list": [1, 2.5, None, True], "nested": {"a": {"b": "c"}}}

    assert parse(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested deeper than 64"),
        (b"[" * 70 + b"]" * 70, "nested deeper than 64"),
        (rb'{"a": "x\u0000y"}', "NUL"),
        (rb'{"a\u0000": 1}', "NUL"),
        (rb'{"a": ["\ud800"]}', "lone surrogate"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": [1e999]}', "would be read as infinite"),
        (b'{"a": -1e999}', "would be read as infinite"),
        (b'{"a": ', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
        (b" " * (parsing.LARGEST_BYTES + 1), "longer than 2,000,000 bytes"),
    ],
)
def test_parse__hostile__refused_with_the_reason(body, reason):
    with pytest.raises(ParseError, match=reason):
        parse(body)


def test_parse__as_deep_as_allowed__accepted():
    assert parse(b"[" * parsing.DEEPEST + b"]" * parsing.DEEPEST)
