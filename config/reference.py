"""The reference of the API as a page: every operation, from the same description as /api/v1/schema."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")

USUAL = {
    ("GET", False): "All of them, a page at a time.",
    ("GET", True): "One of them.",
    ("POST", False): "Make one.",
    ("PUT", True): "Write it anew.",
    ("PATCH", True): "Change what is named.",
    ("DELETE", True): "Delete it.",
}
"""What an operation does that says nothing else, by method and whether its address names one thing."""


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter or member of a body."""

    name: str
    kind: str
    is_required: bool
    help: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address."""

    method: str
    path: str
    description: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    statuses: tuple[str, ...]

    @property
    def group(self) -> str:
        """The first part of the address behind the version."""
        return self.path.split("/")[3].split(".")[0]

    @property
    def summary(self) -> str:
        return self.description.split("\n")[0] or USUAL.get((self.method, self.path.endswith("}")), "")

    @property
    def anchor(self) -> str:
        return anchor(self.method, self.path)


def anchor(method: str, path: str) -> str:
    """Where the operation stands on the page."""
    return re.sub(r"[^a-z0-9]+", "-", f"{method} {path}".lower()).strip("-")


def page(request: HttpRequest) -> HttpResponse:
    """Every operation, grouped by what it is about."""
    groups: dict[str, list[Operation]] = {}
    for operation in operations():
        groups.setdefault(operation.group, []).append(operation)
    return render(request, "api.html", {"groups": groups.items(), "count": len(operations())})


@cache
def operations() -> tuple[Operation, ...]:
    """Made once in a process, when somebody first asks."""
    with GENERATOR_STATS.silence():
        schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    named = schema.get("components", {}).get("schemas", {})
    return tuple(
        _operation(method, path, described[method], named)
        for path, described in schema["paths"].items()
        for method in METHODS
        if method in described
    )


@cache
def outline() -> tuple[tuple[str, str, str], ...]:
    """Method, address and first sentence of every operation, from the addresses alone: quick to make."""
    return tuple(
        (method.upper(), path, _first_line(view, method))
        for path, view in _views(get_resolver(), "/")
        for method in METHODS
        if hasattr(view, method)
    )


def _views(resolver: URLResolver, beginning: str) -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        path = beginning + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from _views(entry, path)
        elif isinstance(entry, URLPattern) and path.startswith("/api/"):
            yield path, getattr(entry.callback, "view_class", None)


def _first_line(view: Any, method: str) -> str:
    said = getattr(view, method).__doc__ or view.__doc__ or ""
    return str(said).strip().split("\n")[0]


def _operation(method: str, path: str, described: dict[str, Any], named: dict[str, Any]) -> Operation:
    parameters = tuple(
        Field(each["name"], _kind(each["schema"]), each.get("required", False), each.get("description", ""))
        for each in described.get("parameters", ())
    )
    return Operation(
        method=method.upper(),
        path=path,
        description=described.get("description", "").strip(),
        parameters=parameters,
        body=_body(described.get("requestBody", {}), named),
        statuses=tuple(described["responses"]),
    )


def _body(described: dict[str, Any], named: dict[str, Any]) -> tuple[Field, ...]:
    content: dict[str, Any] = next(iter(described.get("content", {}).values()), {})
    schema = content.get("schema", {})
    whole = named.get(schema.get("$ref", "").rpartition("/")[2], schema)
    required = whole.get("required", ())
    return tuple(
        Field(name, _kind(each), name in required, each.get("description", ""))
        for name, each in whole.get("properties", {}).items()
        if not each.get("readOnly")
    )


def _kind(schema: dict[str, Any]) -> str:
    """The type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type", "any"))
