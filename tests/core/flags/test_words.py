"""Rules in plain words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flags import words
from tests.core.flags.texts import DE, fixed, in_layer, split

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["all", "any", "not", "op"]), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (None, "everybody"),
        (DE, "country is one of de, at"),
        ({"attribute": "app", "op": "semver_gte", "value": "2.1.0"}, "app is at least version 2.1.0"),
        ({"attribute": "plan", "op": "exists"}, "plan is given"),
        ({"attribute": "plan", "op": "exists", "value": False}, "plan is not given"),
        ({"not": {"segment": "beta"}}, "not (in segment beta)"),
        ({"all": []}, "everybody"),
        ({"any": []}, "nobody"),
        (
            {"all": [{"segment": "beta"}, {"any": [DE, {"attribute": "age", "op": "gt", "value": 17}]}]},
            "in segment beta and (country is one of de, at or age is above 17)",
        ),
        (
            {"attribute": "id", "op": "in", "value": ["a", "b", "c", "d", "e", "f", "g"]},
            "id is one of a, b, c, d, e and 2 more",
        ),
    ],
)
def test_condition__cases__read_like_sentences(when, text):
    assert words.condition(when) == text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (fixed(), "Everybody: on."),
        (
            split("r1", 50_000, 500_000, experiment="prefetch"),
            "Everybody: 5 % take part in experiment prefetch (50 % off, 50 % on), the rest gets the default.",
        ),
        (
            split("r1", 1_000_000, when=DE, layer=in_layer(0, 250_000), unit_from="device"),
            "If country is one of de, at in 25 % of layer checkout: 100 % take part "
            "(0 % off, 100 % on), the rest gets the default, decided by device.",
        ),
    ],
)
def test_rule__cases__read_like_sentences(rule, text):
    assert words.rule(rule) == text


@given(anything)
def test_condition__anything__some_text(when):
    assert isinstance(words.condition(when), str)
