"""Flags as the text they came in: made into data when they are asked for.

A document of ten thousand flags is held in the memory of its text, and one that changed in a single flag is
taken over by comparing texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional, Union

Held = Union[str, Mapping[str, Any]]
_parse = json.JSONDecoder().decode


class Entries(Mapping[str, Any]):
    """The flags of a checked document by key. Never changes.

    `held` has each flag as JSON text or as data; `linked` names at least those that refer to other flags or
    share a layer with them.
    """

    __slots__ = ("_held", "linked")

    def __init__(self, held: dict[str, Held], linked: frozenset[str]) -> None:
        self._held = held
        self.linked = linked

    def __getitem__(self, key: str) -> Mapping[str, Any]:
        held = self._held[key]
        return _parse(held) if isinstance(held, str) else held

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def text(self, key: str) -> Optional[str]:
        """A flag's text, or None when there is no such flag or it is held as data."""
        held = self._held.get(key)
        return held if isinstance(held, str) else None

    def only_linked(self) -> dict[str, Any]:
        """The flags that may have to do with other flags."""
        return {key: self[key] for key in self.linked if key in self._held}

    def replaced(self, flags: Mapping[str, Optional[Mapping[str, Any]]]) -> Entries:
        """These flags with some replaced, or removed where the entry is None."""
        held = {**self._held, **{key: entry for key, entry in flags.items() if entry is not None}}
        for key, entry in flags.items():
            if entry is None:
                del held[key]
        return Entries(held, self.linked | linked_in(flags))


def linked_in(flags: Mapping[str, Optional[Mapping[str, Any]]]) -> frozenset[str]:
    """Those of the entries that refer to other flags or have a place in a layer."""
    return frozenset(key for key, entry in flags.items() if entry is not None and is_linked(entry))


def is_linked(entry: Mapping[str, Any]) -> bool:
    """Whether an entry has prerequisites or a rule in a layer."""
    if entry.get("prerequisites"):
        return True
    rules: Iterable[Any] = entry.get("rules") or ()
    return any("layer" in rule for rule in rules)


def with_changes(
    flags: Mapping[str, Any], changes: Mapping[str, Optional[Mapping[str, Any]]]
) -> Mapping[str, Any]:
    """The flags with some replaced, or removed where the entry is None."""
    if isinstance(flags, Entries):
        return flags.replaced(changes)
    entries = {**flags, **changes}
    for key, entry in changes.items():
        if entry is None:
            del entries[key]
    return entries


def linked(flags: Mapping[str, Any]) -> Mapping[str, Any]:
    """The flags that may have to do with others: all, where nobody looked before."""
    return flags.only_linked() if isinstance(flags, Entries) else flags


def is_same(flags: Mapping[str, Any], others: Mapping[str, Any], key: str) -> bool:
    """Whether a flag that is in both is the same in both; texts are compared as such."""
    if isinstance(flags, Entries) and isinstance(others, Entries):
        text = flags.text(key)
        if text is not None and text == others.text(key):
            return True
    return bool(flags[key] == others[key])
