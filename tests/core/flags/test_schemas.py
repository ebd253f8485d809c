"""Schemas of JSON values: what is checked, what is refused, and that nothing can hang."""

import time

import pytest

from flags import schemas
from ledger.refusals import Refused

LIMITS = {
    "type": "object",
    "required": ["limit"],
    "additionalProperties": False,
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        "names": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "uniqueItems": True},
    },
}


def fields(schema, value):
    return [each.field for each in schemas.violations(schemas.check(schema), "v", value)]


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"limit": 5, "names": ["a", "b"]}, []),
        ({"limit": 101}, ["v.limit"]),
        ({"limit": "5"}, ["v.limit"]),
        ({}, ["v"]),
        ({"limit": 5, "more": 1}, ["v"]),
        ({"limit": 5, "names": ["a", "B"]}, ["v.names[1]"]),
        ({"limit": 5, "names": ["a", "a"]}, ["v.names"]),
        ([], ["v"]),
    ],
)
def test_value__against_a_schema__problems_at_their_places(value, where):
    assert fields(LIMITS, value) == where


@pytest.mark.parametrize(
    ("schema", "field", "words"),
    [
        ([], "json_schema", "a JSON object"),
        ({"$ref": "#"}, "json_schema.$ref", "not supported"),
        ({"$ref": "http://169.254.169.254/"}, "json_schema.$ref", "not supported"),
        (
            {"properties": {"a": {"patternProperties": {}}}},
            "json_schema.properties.a.patternProperties",
            "not",
        ),
        ({"type": "objekt"}, "json_schema.type", "not valid"),
        ({"required": "a"}, "json_schema.required", "not of type"),
        ({"pattern": "(a+)+\\1"}, "json_schema.pattern", "cannot be used"),
        ({"items": 5}, "json_schema.items", "an object, true or false"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "json_schema.$schema", "2020-12"),
        ({"$schema": 5}, "json_schema.$schema", "2020-12"),
        ({"title": "x" * 20_001}, "json_schema", "characters"),
    ],
)
def test_schema__that_is_none__refused_with_its_place(schema, field, words):
    with pytest.raises(Refused) as caught:
        schemas.check(schema)

    first = caught.value.problems[0]
    assert first.field == field
    assert words in f"{first.reason} {first.fix}"


def test_schema__nested_too_deeply__refused():
    schema = {}
    for _ in range(60):
        schema = {"items": schema}

    with pytest.raises(Refused, match="nested too deeply"):
        schemas.check(schema)


def test_checking__values_made_to_be_slow__stays_short():
    bomb = schemas.check({"items": {"type": "string", "pattern": "^(a|a)*$"}, "uniqueItems": True})
    began = time.process_time()

    found = schemas.violations(bomb, "v", ["a" * 500 + "b"] + [f"a{n}" for n in range(3000)])

    assert len(found) == schemas.MAX_PROBLEMS
    assert time.process_time() - began < 5


def test_variants__some_break_the_schema__named_by_variant():
    found = schemas.of_variants(LIMITS, {"on": {"limit": 5}, "off": {"limit": 0}})

    assert [each.field for each in found] == ["variants.off.limit"]
    assert schemas.of_variants(None, {"on": 5}) == []
