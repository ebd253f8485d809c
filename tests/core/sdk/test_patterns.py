"""Patterns: the same verdicts as a back-tracking engine where both can, linear time where that one cannot."""

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.evaluation.pattern_syntax import PatternRefused
from headway.evaluation.patterns import MAX_INPUT, pattern
from tests.core.sdk.brute_force import as_re

ATOMS = st.sampled_from(
    ["a", "b", "-", ".", "[ab]", "[^a]", r"\d", r"\W", "[a-c0]", "^", "$", r"\.", "é", r"[\w-]"]
)
QUANTIFIERS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{0}", "{2,}", "+?"])


def _quantified(inner):
    atom = st.one_of(
        inner.map("({})".format), inner.map("(?:{})".format), ATOMS.filter(lambda each: each not in "^$")
    )
    return st.tuples(atom, QUANTIFIERS).map("".join)


SOURCES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        _quantified(inner),
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map("({})".format),
    ),
    max_leaves=8,
)
TEXTS = st.text(st.sampled_from("abc0-.é\n_ Z"), max_size=10)


@given(SOURCES, TEXTS)
def test_pattern__any_of_the_subset__same_verdict_as_re(source, text):
    expected = re.search(as_re(source), text, re.ASCII | re.DOTALL) is not None

    assert pattern(source).is_found_in(text) is expected


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        (r"^[a-z]+@example\.(com|org)$", "someone@example.org", True),
        (r"^[a-z]+@example\.(com|org)$", "someone@example.net", False),
        ("b$", "ab\n", False),
        ("^$", "", True),
        ("$", "abc", True),
        ("a.c", "a\nc", True),
        (r"\d", "\u0663", False),
        (r"[\d]{3}", "a123", True),
        ("😀+", "x😀😀", True),
        ("A", "a", False),
        ("", "", None),
        ("x", 5, False),
        ("x", None, False),
        (".*", "y" * (MAX_INPUT + 1), False),
    ],
)
def test_pattern__by_hand__as_the_reference_says(source, text, expected):
    if expected is not None:
        assert pattern(source).is_found_in(text) is expected


@pytest.mark.parametrize(
    "source", ["^(a+)+$", "(a|a)*b", "(a*)*c", "a?" * 40 + "a" * 40, "(.*)(.*)(.*)(.*)x"]
)
def test_pattern__hangs_a_backtracking_engine__answers_at_once(source):
    made = pattern(source)
    start = time.process_time()

    for size in range(MAX_INPUT - 20, MAX_INPUT):
        made.is_found_in("a" * size + "!")

    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("(a", "without its )"),
        ("a)", "without its ("),
        ("[a", "ends too early"),
        ("[]", "holds no character"),
        ("[z-a]", "wrong order"),
        ("[[]", "inside brackets"),
        ("*a", "nothing to repeat"),
        ("^*", "nothing to repeat"),
        ("a**", "repetition of a repetition"),
        ("a{2}{3}", "repetition of a repetition"),
        ("a{3,2}", "smaller one first"),
        ("a{101}", "0 to 100"),
        ("a{x}", "counts"),
        ("{", "write"),
        ("a{", "counts"),
        ("}", "write"),
        (r"(a)\1", "not possible"),
        (r"\bword", "not possible"),
        ("(?=a)", "not possible"),
        ("(?P<n>a)", "not possible"),
        ("(?i)a", "not possible"),
        ("a" * 257, "256 are possible"),
        ("((a{50}){50}){50}", "states"),
        ("(" * 21 + "a" + ")" * 21, "nested deeper"),
        ("a\\", "ends too early"),
    ],
)
def test_pattern__outside_the_subset__refused_with_the_reason(source, words):
    with pytest.raises(PatternRefused, match=re.escape(words)):
        pattern(source)


@given(st.text(st.sampled_from("ab(){}[]*+?|^$\\.-,2?:="), max_size=20))
def test_pattern__any_text__compiled_or_refused(source):
    with contextlib.suppress(PatternRefused):
        assert pattern(source).is_found_in("abab") in (True, False)
