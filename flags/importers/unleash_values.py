"""What a variant of Unleash carries."""

import json
from collections.abc import Mapping
from typing import Any

from flags.importers.reading import Unmapped, as_number, plain, shown


def value_of(payload: Any, name: str) -> Any:
    """The value of a variant: its payload by the payload's type, the variant's name where it has none."""
    if payload is None:
        return name
    if not isinstance(payload, Mapping):
        raise Unmapped(f"the payload of {name} is no JSON object")
    kind, value = payload.get("type"), payload.get("value")
    if kind in ("string", "csv") and isinstance(value, str):
        return value
    if kind == "number":
        return plain(as_number(value, f"the payload of {name}"))
    if kind == "json" and isinstance(value, str):
        return _parsed(value, name)
    raise Unmapped(f"the payload of {name} is of the type {shown(kind)}")


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unmapped(f"the payload of {name} is no JSON") from None
