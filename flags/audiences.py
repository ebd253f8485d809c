"""Which segments a condition looks at. Pure."""

from collections.abc import Iterator
from typing import Any

from flags.parts import Parts


def named_in(condition: object) -> Iterator[str]:
    """The keys of the segments that a condition names itself."""
    if isinstance(condition, dict):
        if isinstance(condition.get("segment"), str):
            yield condition["segment"]
        yield from named_in(condition.get("not"))
        for part in ("all", "any"):
            yield from named_in(condition.get(part))
    elif isinstance(condition, list):
        for each in condition:
            yield from named_in(each)


def of_rule(rule: dict[str, Any]) -> set[str]:
    return set(named_in(rule.get("when")))


def containing(parts: Parts, segment: str) -> frozenset[str]:
    """The segment itself and every segment that depends on it, through any number of others."""
    found = {segment}
    before = 0
    while len(found) > before:
        before = len(found)
        found |= {key for key, each in parts.segments.items() if found & set(named_in(each.content))}
    return frozenset(found)


def flags_using(parts: Parts, segment: str) -> list[str]:
    """Keys of the flags with a rule that looks at the segment, directly or through others."""
    touched = containing(parts, segment)
    return sorted(
        key
        for key, flag in parts.flags.items()
        if any(of_rule(rule) & touched for rule in flag.content["rules"])
    )
