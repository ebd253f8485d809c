"""JSON as people type it, and as it is shown to them again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flags.reading import read_json, shown
from ledger.refusals import Refused

content = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(content)
def test_shown__anything__reads_back_the_same(value):
    assert read_json("x", shown(value), empty=None) == value


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_read__nothing_typed__empty(text):
    assert read_json("rules", text, empty=[]) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 1, column 2"),
        ('{\n "a": }', "line 2, column 7"),
        ('{"a": 1,}', "this is no JSON"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', 'the key "c" stands here twice'),
        ("[NaN]", "NaN is no number"),
        ("[-Infinity]", "Infinity is no number"),
        ("[" * 100_000, "this is no JSON"),
    ],
)
def test_read__no_json__says_where_and_why(text, reason):
    with pytest.raises(Refused, match=reason) as refused:
        read_json("rules", text, empty=[])

    assert refused.value.problems[0].field == "rules"
    assert refused.value.problems[0].fix


def test_shown__rule__readable_order_and_short_parts_on_one_line():
    rule = {"variant": "on", "when": {"value": ["de"], "op": "in", "attribute": "country"}, "id": "r1"}

    text = shown([rule])

    assert text.splitlines() == [
        "[",
        '  {"id": "r1", "when": {"attribute": "country", "op": "in", "value": ["de"]}, "variant": "on"}',
        "]",
    ]
    assert json.loads(text) == [rule]
