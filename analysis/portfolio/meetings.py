"""Which experiments share units and metrics, so that one may change what the other measures. Pure.

Hashes of different experiments are independent, so of the units of one the coverage of the other is in both;
experiments of one layer never meet. Pairs are ranked by the days they run together times the share of units
in both times how much a shared metric matters. That finds where to look; `analysis.interactions` estimates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from analysis.pairs import in_order

DECISIVE, WATCHED = 1.0, 0.4
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Run:
    """One experiment. `decisive` are primary and success metrics, `watched` guardrails and others."""

    key: str
    title: str
    unit_type: str
    environment: str
    layer: str
    coverage_share: float
    since: datetime
    until: datetime
    decisive: frozenset[str]
    watched: frozenset[str]


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two experiments with what they share. `score` only ranks."""

    one: Run
    other: Run
    days: float
    shared_share: float
    metrics: tuple[str, ...]
    score: float

    @property
    def keys(self) -> tuple[str, str]:
        return in_order(self.one.key, self.other.key)


def meetings(runs: Sequence[Run]) -> list[Meeting]:
    """Pairs that share units and a metric, the most worth looking at first."""
    found = (meeting for one, other in combinations(runs, 2) for meeting in _meeting(one, other))
    return sorted(found, key=lambda each: (-each.score, each.one.key, each.other.key))


def _meeting(one: Run, other: Run) -> Iterator[Meeting]:
    days = (min(one.until, other.until) - max(one.since, other.since)).total_seconds() / DAY_S
    is_apart = bool(one.layer) and one.layer == other.layer
    is_elsewhere = (one.unit_type, one.environment) != (other.unit_type, other.environment)
    metrics = (one.decisive | one.watched) & (other.decisive | other.watched)
    if days <= 0 or is_apart or is_elsewhere or not metrics:
        return
    share = one.coverage_share * other.coverage_share
    weight = sum(_weight(metric, one, other) for metric in metrics)
    yield Meeting(one, other, days, share, tuple(sorted(metrics)), days * share * weight)


def _weight(metric: str, one: Run, other: Run) -> float:
    """A metric that decides in either of the two matters more than one both only watch."""
    return DECISIVE if metric in one.decisive | other.decisive else WATCHED
