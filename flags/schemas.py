"""JSON Schemas of flags' values: a bounded part of draft 2020-12. No Django.

Checking costs at most the size of the schema times the size of the value: nothing refers elsewhere, patterns
are matched by the evaluator's own linear-time engine, equal items are found by their text. Every keyword
outside the part is refused by name, so that no schema promises what is not checked.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headway.evaluation.patterns import MAX_INPUT, PatternRefused, pattern
from ledger.refusals import Problem, problem, raise_if_any

MAX_CHARACTERS = 20_000
MAX_DEPTH = 20
MAX_PROBLEMS = 10
DRAFT = "https://json-schema.org/draft/2020-12/schema"

_SCHEMAS_BY_NAME = {"properties"}
_LISTS_OF_SCHEMAS = {"allOf", "anyOf", "oneOf", "prefixItems"}
_SCHEMAS = {"items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"}
_PLAIN = {
    "$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly",
    "type", "enum", "const", "required", "dependentRequired",
    "minItems", "maxItems", "uniqueItems", "minContains", "maxContains",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "pattern", "minProperties", "maxProperties",
}  # fmt: skip
KEYWORDS = frozenset(_PLAIN | _SCHEMAS | _LISTS_OF_SCHEMAS | _SCHEMAS_BY_NAME)


def check(schema: object) -> dict[str, Any]:
    """The schema, if it is one of the supported part. Raises Refused with every problem."""
    if not isinstance(schema, dict):
        fix = 'For example {"type": "object", "required": ["limit"]}.'
        raise_if_any([problem("json_schema", schema, "a schema is a JSON object", fix)])
    found: dict[str, Any] = schema  # type: ignore[assignment]
    size = len(json.dumps(found, ensure_ascii=False))
    if size > MAX_CHARACTERS:
        fix = f"At most {MAX_CHARACTERS:,} are possible."
        raise_if_any([problem("json_schema", "…", f"this has {size:,} characters", fix)])
    raise_if_any(list(_unsupported(found, "json_schema", 0)) or _against_the_draft(found))
    return found


def violations(schema: Mapping[str, Any], field: str, value: object) -> list[Problem]:
    """Where a value breaks a checked schema; empty when it fits."""
    errors = _validator(schema).iter_errors(value)
    found = []
    for error in errors:
        place = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in error.absolute_path)
        found.append(problem(f"{field}{place}", error.instance, _reason(error), "The flag's schema says so."))
        if len(found) == MAX_PROBLEMS:
            break
    return found


def of_variants(schema: Mapping[str, Any] | None, variants: Mapping[str, Any]) -> list[Problem]:
    """Where the values of variants break the schema; a flag without one takes everything."""
    if not schema:
        return []
    found = [
        each for name, value in variants.items() for each in violations(schema, f"variants.{name}", value)
    ]
    return found[:MAX_PROBLEMS]


def _unsupported(schema: object, place: str, depth: int) -> Iterator[Problem]:
    if depth > MAX_DEPTH:
        yield problem(place, "…", "this is nested too deeply", f"At most {MAX_DEPTH} levels are possible.")
    elif isinstance(schema, dict):
        for name in sorted(schema.keys() - KEYWORDS, key=str):
            fix = (
                "References and properties by pattern are not supported; write the part out where it is used."
            )
            yield problem(f"{place}.{name}", schema[name], "this keyword is not supported", fix)
        yield from _unusable(schema, place)
        for name, inner in _parts(schema):
            yield from _unsupported(inner, f"{place}.{name}", depth + 1)
    elif not isinstance(schema, bool):
        yield problem(place, schema, "a schema is an object, true or false")


def _unusable(schema: Mapping[str, Any], place: str) -> Iterator[Problem]:
    stated = schema.get("$schema", DRAFT)
    if not isinstance(stated, str) or stated.rstrip("#") != DRAFT:
        yield problem(f"{place}.$schema", stated, "only draft 2020-12 is supported", f"Write {DRAFT}.")
    if isinstance(schema.get("pattern"), str):
        try:
            pattern(schema["pattern"])
        except PatternRefused as refused:
            yield problem(f"{place}.pattern", schema["pattern"], f"this pattern cannot be used: {refused}")


def _parts(schema: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in schema.items():
        if name in _SCHEMAS:
            yield name, value
        elif name in _LISTS_OF_SCHEMAS and isinstance(value, list):
            yield from ((f"{name}[{index}]", each) for index, each in enumerate(value))
        elif name in _SCHEMAS_BY_NAME and isinstance(value, dict):
            yield from ((f"{name}.{key}", each) for key, each in value.items())


def _against_the_draft(schema: Mapping[str, Any]) -> list[Problem]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(["json_schema", *map(str, error.absolute_path)])
        return [problem(place, error.instance, _reason(error), "See the draft's keywords.")]
    return []


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema import Draft202012Validator, validators
    from jsonschema.exceptions import ValidationError

    def matches(validator: Any, source: str, value: object, schema: object) -> Iterator[Any]:
        if isinstance(value, str) and not pattern(source).is_found_in(value):
            long = f" (longer than {MAX_INPUT} characters)" if len(value) > MAX_INPUT else ""
            yield ValidationError(f"this does not match {source!r}{long}")

    def unique(validator: Any, wanted: object, value: object, schema: object) -> Iterator[Any]:
        if wanted and isinstance(value, list):
            texts = {json.dumps(each, sort_keys=True) for each in value}
            if len(texts) < len(value):
                yield ValidationError("two items are equal")

    own = validators.extend(Draft202012Validator, {"pattern": matches, "uniqueItems": unique})
    return own(schema)


def _reason(error: Any) -> str:
    """The library's sentence, without the value it repeats."""
    text = str(error.message).rstrip(".")
    shown = repr(error.instance)
    return text.replace(shown, "this", 1) if len(shown) > 1 and text.startswith(shown) else text[:300]
