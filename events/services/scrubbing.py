"""Finding an id in what was refused, however it was written down. Pure."""

import json
from collections.abc import Sequence
from typing import Any

BLANK = "(deleted)"


def holds(raw: bytes, value: str, unit: str) -> bool:
    """Whether the event as sent, or the value it was refused for, names the unit."""
    return any(form in raw for form in _forms(unit)) or unit in _texts(raw) or _names(value, unit)


def blanked(refusals: Sequence[dict[str, Any]], unit: str) -> list[dict[str, Any]]:
    """The refusals of an answer without values that name the unit."""
    return [
        {**refusal, "value": BLANK} if _names(refusal["value"], unit) else refusal for refusal in refusals
    ]


def _forms(unit: str) -> tuple[bytes, ...]:
    """The id as a JSON text, in UTF-8 and with everything else escaped."""
    texts = (json.dumps(unit, ensure_ascii=False), json.dumps(unit))
    return tuple(text.encode("utf-8", "surrogatepass") for text in texts)


def _texts(raw: bytes) -> set[str]:
    """All texts and numbers of the event, however they were escaped; none when it is no JSON."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return set()
    return {str(text) for text in _leaves(found)}


def _leaves(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return [leaf for value in found.values() for leaf in _leaves(value)]
    if isinstance(found, list):
        return [leaf for value in found for leaf in _leaves(value)]
    return [found]


def _names(value: Any, unit: str) -> bool:
    """A refused value stands as JSON or as Python writes it, alone or inside of something else."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    quoted = (repr(unit), *(form.decode("utf-8", "surrogatepass") for form in _forms(unit)))
    return text.strip("\"'") == unit or any(form in text for form in quoted)
