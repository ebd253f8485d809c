"""Reading requests strictly: no unknown fields, no text for a number, everything said at once.

The serializers that describe the API also say what may be in a body, so the two cannot differ.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from ledger.refusals import Problem, Refused, problem, refuse

Body = type[serializers.Serializer[Any]]
LARGEST = sys.float_info.max
KINDS: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], type | tuple[type, ...], str], ...] = (
    (serializers.BooleanField, bool, "true or false"),
    (serializers.IntegerField, int, "a whole number"),
    (serializers.FloatField, (int, float), "a number"),
    (serializers.ListField, list, "a list"),
    (serializers.DictField, dict, "an object"),
    (serializers.CharField, str, "text"),
    (serializers.DateField, str, "a day such as 2026-12-31"),
)


def read(request: Request, described: Body) -> dict[str, Any]:
    """The fields of the body that are there. Raises Refused with every problem."""
    body = request.data
    fields: Mapping[str, Any] = described().fields
    known = ", ".join(fields)
    if not isinstance(body, Mapping):
        raise Refused(problem("body", body, "this is no JSON object", f"Possible fields: {known}."))
    problems = [
        problem(str(name), body[name], "there is no such field", f"Possible are: {known}.")
        for name in body
        if name not in fields
    ]
    for name, field in fields.items():
        problems += _problems(name, field, body)
    if problems:
        raise Refused(*problems)
    return {name: body[name] for name in fields if name in body}


def chosen(request: Request, name: str, possible: Sequence[str]) -> str:
    """What the address asks for, empty when it asks for nothing. Raises Refused for what is not possible: a
    list that leaves a filter out without a word would be taken for the answer."""
    value = request.query_params.get(name, "")
    if value and value not in possible:
        raise refuse(name, value, f"there is no such {name}", f"Possible are: {', '.join(possible)}.")
    return value


def _problems(
    name: str, field: serializers.Field[Any, Any, Any, Any], body: Mapping[str, Any]
) -> list[Problem]:
    if name not in body:
        fix = str(field.help_text or f"Give {name}.")
        return [Problem(name, "(missing)", "this field is required", fix)] if field.required else []
    value = body[name]
    if value is None and field.allow_null:
        return []
    for kind, wanted, words in KINDS:
        if isinstance(field, kind):
            fits = isinstance(value, wanted) and isinstance(value, bool) is (wanted is bool)
            if not fits:
                return [problem(name, value, f"this is not {words}", f"Give {words}.")]
            if isinstance(field, serializers.FloatField) and not -LARGEST <= value <= LARGEST:
                return [problem(name, value, "this number is too large", "Give one below 1e308.")]
    return []
