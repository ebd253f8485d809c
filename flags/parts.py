"""What one environment serves, loaded once: the material of its configuration document. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Numbered:
    """Something in force with its version number."""

    number: int
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything an environment serves."""

    environment: str
    flags: Mapping[str, Numbered] = field(default_factory=dict)
    segments: Mapping[str, Numbered] = field(default_factory=dict)
    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    holdouts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def with_flag(self, key: str, entry: Numbered) -> "Parts":
        """The same with another definition of one flag."""
        return replace(self, flags={**self.flags, key: entry})

    def with_segment(self, key: str, entry: Numbered) -> "Parts":
        """The same with other conditions of one segment."""
        return replace(self, segments={**self.segments, key: entry})
