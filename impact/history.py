"""What the history of a surface is made of: days of a slice, the events in it, and what is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from impact.grades import Design

MOVED_MS = 20.0
"""Latency has to move by more than this: a slope over less is noise divided by little."""


@dataclass(frozen=True, slots=True)
class Value:
    """Outcome and latency of one day, among the hit and among the others (None when there are none)."""

    day: date
    outcome: tuple[float | None, float | None]
    latency_ms: tuple[float | None, float | None]

    @property
    def has_hit(self) -> bool:
        return None not in (self.outcome[0], self.latency_ms[0])

    @property
    def has_others(self) -> bool:
        return None not in (self.outcome[1], self.latency_ms[1])


@dataclass(frozen=True, slots=True)
class Donor:
    """A slice that an event did not hit: outcome and latency by day; None on a day without."""

    name: str
    outcome: Sequence[float | None]
    latency_ms: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Estimated:
    """A slope with what its grade follows from; `details` is stored with the finding."""

    per_100_ms: float
    standard_error: float
    design: Design
    method: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NothingToSay:
    """Why the event gives no slope, in words for people."""

    reason: str


def sure(values: Sequence[float | None]) -> list[float]:
    """The values of days that were checked to have one."""
    return [value for value in values if value is not None]
