"""Whatever is written, the reader is told in words: never another exception, never a silent pass."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.refusals import Refused
from metrics.definitions import MetricDefinition
from metrics.parsing import DEFINITION_FIELDS, decode, parse
from tests.core.metrics.test_parsing import GOOD

TOML_VALUES = [
    '""',
    '"x"',
    "0",
    "-1",
    "1e999",
    "nan",
    "inf",
    "true",
    "[]",
    "[1]",
    "{}",
    '{ value = "x" }',
    "{ a = { b = { c = 1 } } }",
    "1979-05-27",
    "9223372036854775808",
    "0x10",
    "1_000",
    "'lit'",
    '["a", ["b"]]',
    "07",
]


def judged(text):
    """The definition, or None when it was refused with usable problems only."""
    try:
        return parse(text, file="x.toml")
    except Refused as refused:
        found = refused.problems
    assert found
    assert all(problem.field and problem.reason and problem.line for problem in found)
    assert json.dumps([problem.to_dict() for problem in found])
    return None


@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=st.text(max_size=200))
def test_parse__any_text__refused_in_words(text):
    assert judged(text) is None


@settings(max_examples=300, deadline=None, derandomize=True)
@given(name=st.sampled_from(DEFINITION_FIELDS), value=st.sampled_from(TOML_VALUES))
def test_parse__any_value_in_any_field__refused_or_a_definition_that_survives_storage(name, value):
    head, _, tail = GOOD.partition("[source]")
    kept = [line for line in head.splitlines() if not line.startswith(f"{name} =")]
    tables = "" if name in {"source", "margin"} else f"[source]{tail}"
    definition = judged("\n".join([*kept, f"{name} = {value}", tables]))

    if definition is not None:
        assert MetricDefinition.from_canonical(json.loads(json.dumps(definition.canonical()))) == definition


@settings(max_examples=200, deadline=None, derandomize=True)
@given(position=st.integers(0, len(GOOD) - 1), noise=st.text(max_size=3), length=st.integers(0, 3))
def test_parse__good_text_with_a_slip__refused_or_still_a_definition(position, noise, length):
    judged(GOOD[:position] + noise + GOOD[position + length :])


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", GOOD.encode("utf-16"), b"\xc0\xaf", b"\xed\xa0\x80"])
def test_decode__not_utf8__refused(raw):
    with pytest.raises(Refused, match="not UTF-8"):
        decode(raw, file="x.toml")
