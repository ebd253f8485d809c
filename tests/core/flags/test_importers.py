"""Flags of other products: what maps says the same, what does not is named, no input ends in a traceback."""

import contextlib
import copy
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flags import document, importers
from flags.definitions import complete
from flags.importers import reading
from flags.importers.reading import Reading
from flags.parts import Numbered, Parts
from headway.evaluation import compile_config
from ledger.refusals import Refused

FILES = Path(__file__).resolve().parents[2] / "golden" / "importers"
CASES = {
    "flagd": "flagd",
    "growthbook": "growthbook",
    "growthbook_api": "growthbook",
    "unleash": "unleash",
    "flagsmith": "flagsmith",
}
PLACE = "production"


def source(name):
    return json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))


def told(name):
    return importers.read(CASES[name], source(name), PLACE)


def config(found):
    """What SDKs would get if every draft were published."""
    salts = iter(range(1, 10_000))
    parts = Parts(
        "production",
        flags={
            each.key: Numbered(
                1,
                complete(
                    {"type": each.value_type, "unit_type": "user", **each.definition}, lambda: next(salts)
                ),
            )
            for each in found.drafts
        },
        segments={each.key: Numbered(1, each.when) for each in found.segments},
    )
    return compile_config(document.build(parts, version=1, built_at=document.ANY_TIME))


@pytest.mark.parametrize("name", CASES)
def test_document__read__as_it_was_when_reviewed(name):
    expected = json.loads((FILES / f"{name}.expected.json").read_text(encoding="utf-8"))

    assert json.loads(json.dumps(asdict(told(name)))) == expected


@pytest.mark.parametrize("name", CASES)
def test_document__every_flag__is_a_draft_or_left_out_with_a_reason(name):
    found = told(name)

    whole = source(name)
    listed = whole.get("feature_states", whole.get("features", whole.get("flags")))
    assert len(found.drafts) + len(found.left_out) == len(listed)
    assert all(each.reason for each in found.left_out)


@pytest.mark.parametrize("name", CASES)
def test_drafts__compiled__sdks_take_them(name):
    assert config(told(name)).document["flags"]


@pytest.mark.parametrize(
    ("name", "flag", "unit", "attributes", "value"),
    [
        ("flagd", "new-checkout", "u", {"email": "ada@shop.example"}, True),
        ("flagd", "new-checkout", "u", {"email": "ada@mail.example"}, False),
        ("flagd", "banner-text", "u", {"version": "2.9.1"}, "Sale"),
        ("flagd", "banner-text", "u", {"version": "3.0.0"}, ""),
        ("flagd", "is-loyal", "u", {"orders": "10"}, True),
        ("growthbook", "checkout-button", "qa-1", {}, "red"),
        ("growthbook", "grouped", "u-2", {}, True),
        ("growthbook", "needs-dark", "u", {"plan": "pro", "version": "1.4.0"}, False),
        ("growthbook", "needs-dark", "u", {"plan": "pro", "browser": "old one"}, True),
        ("growthbook", "needs-dark", "u", {"plan": "free"}, None),
        ("growthbook_api", "api-flag", "u", {"country": "de"}, 20),
        ("unleash", "search-new", "bob", {"region": "cn"}, True),
        ("unleash", "allowlist", "u", {"remoteAddress": "10.1.2.3"}, True),
        ("unleash", "closed", "u", {}, False),
        ("unleash", "beta-ui", "u", {"plan": "beta", "remoteAddress": "10.1.2.3"}, True),
        ("unleash", "beta-ui", "u", {"plan": "beta"}, False),
        ("flagsmith", "age-gate", "u", {"age": 18}, True),
        ("flagsmith", "age-gate", "u", {"age": 18, "version": "3.1.0"}, False),
        ("flagsmith", "age-gate", "u", {"age": 18, "email": "tester@x.example"}, False),
        ("flagsmith", "price-text", "u", {"verified": True}, "from 5"),
        ("flagsmith", "layout", "ada", {}, "newer"),
    ],
)
def test_draft__evaluated__gives_what_the_product_gives(name, flag, unit, attributes, value):
    assert config(told(name)).evaluate(flag, unit, attributes).value == value


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ([("a", 1), ("b", 1), ("c", 1)], [["a", 333_334], ["b", 333_333], ["c", 333_333]]),
        ([("a", 1), ("a", 1), ("b", 2)], [["a", 500_000], ["b", 500_000]]),
        ([("a", 0), ("b", 5)], [["a", 0], ["b", 1_000_000]]),
    ],
)
def test_arms__any_weights__add_up_to_exactly_one_million(weights, shares):
    exact = [(name, reading.as_number(weight, "a weight")) for name, weight in weights]

    assert reading.arms(exact) == shares


TARGETING = {
    "less than with three sides": ({"<": [1, {"var": "n"}, 5]}, {"n": 3}, True),
    "a constant on the left": ({">": [5, {"var": "n"}]}, {"n": 3}, True),
    "absent is not equal": ({"!=": [{"var": "n"}, 3]}, {}, True),
    "truthy": ({"!": [{"var": "n"}]}, {"n": 0}, True),
    "a text inside": ({"in": ["lin", {"var": "city"}]}, {"city": "Berlin"}, True),
    "any of": ({"or": [{"==": [{"var": "a"}, 1]}, {"==": [{"var": "b"}, 1]}]}, {"b": 1}, True),
    "the unit": ({"starts_with": [{"var": "targetingKey"}, "u"]}, {}, True),
    "the same minor version": ({"sem_ver": [{"var": "v"}, "~", "1.2.3"]}, {"v": "1.3.0"}, False),
}


@pytest.mark.parametrize("case", TARGETING)
def test_targeting__one_operation__holds_as_it_does_in_flagd(case):
    logic, attributes, holds = TARGETING[case]
    variants = {"true": True, "false": False}
    flag = {"state": "ENABLED", "variants": variants, "defaultVariant": "false", "targeting": logic}

    found = importers.read("flagd", {"flags": {"f": flag}})

    assert found.left_out == ()
    assert config(found).evaluate("f", "u", attributes).value is holds


LEFT_OUT = {
    "no variant of it": {"if": [{"==": [{"var": "a"}, 1]}, "purple"]},
    "an endless evaluator": {"$ref": "loop"},
    "an evaluator that is not there": {"$ref": "nowhere"},
    "two operations at once": {"and": [True], "or": [True]},
    "a computed variant": {"cat": ["o", "n"]},
    "buckets by two attributes": {
        "fractional": [{"cat": [{"var": "a"}, {"var": "b"}]}, ["on", 1], ["off", 1]]
    },
    "a negative weight": {"fractional": [["on", -1], ["off", 1]]},
    "weights of nothing": {"fractional": [["on", 0], ["off", 0]]},
    "an attribute's own default": {"if": [{"==": [{"var": ["a", 5]}, 5]}, "on"]},
    "a progressive rollout": {"rollout": [1704067200, 1706745600, "off", "on"]},
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_targeting__cannot_be_said__left_out_with_a_reason(case):
    flag = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
    whole = {
        "$evaluators": {"loop": {"$ref": "loop"}},
        "flags": {"f": {**flag, "targeting": LEFT_OUT[case]}},
    }

    [gone] = importers.read("flagd", whole).left_out

    assert gone.source_key == "f"
    assert gone.reason


def test_keys__two_become_one__both_left_out():
    flag = {"state": "ENABLED", "variants": {"on": True}, "defaultVariant": "on"}

    found = importers.read("flagd", {"flags": {"My.Flag": flag, "my flag": flag, "---": flag}})

    assert found.drafts == ()
    assert [each.source_key for each in found.left_out] == ["---", "My.Flag", "my flag"]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    ["$ref", "if", "$and", "$not", "var", "fractional", "constraints", "rules", "0", "-1", "1e999"]
)
CRUEL = ANY_JSON | st.dictionaries(WORDS, ANY_JSON, max_size=2) | WORDS


def places(node, path=()):
    """Every place in a document."""
    yield path
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def with_another(whole, path, value):
    if not path:
        return value
    changed = copy.deepcopy(whole)
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return changed


def survives(product, content):
    """Read it or refuse it; everything else fails the test."""
    with contextlib.suppress(Refused):
        assert isinstance(importers.read(product, content, PLACE), Reading)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", CASES)
def test_document__one_part_replaced_by_anything__read_or_refused(name, data):
    whole = source(name)
    path = data.draw(st.sampled_from(list(places(whole))))

    survives(CASES[name], with_another(whole, path, data.draw(CRUEL)))


@settings(max_examples=40, deadline=None)
@given(product=st.sampled_from(sorted(importers.SOURCES)), content=ANY_JSON)
def test_document__anything__read_or_refused(product, content):
    survives(product, content)


@settings(max_examples=40, deadline=None)
@given(
    targeting=st.recursive(
        CRUEL, lambda inner: st.dictionaries(WORDS, st.lists(inner, max_size=3), max_size=1)
    )
)
def test_targeting__anything__read_or_refused(targeting):
    flag = {"state": "ENABLED", "variants": {"on": True}, "defaultVariant": "on", "targeting": targeting}

    survives("flagd", {"flags": {"f": flag}})


def test_targeting__nested_without_end__left_out():
    deep = "on"
    for _ in range(400):
        deep = {"if": [{"==": [{"var": "a"}, 1]}, deep, "on"]}

    survives("flagd", {"flags": {"f": {"variants": {"on": True}, "defaultVariant": "on", "targeting": deep}}})
