"""What a metric means, as plain frozen data.

A definition is written as TOML (`metrics.parsing` reads and judges it), stored as one immutable version and
handed to the analysis inside an experiment's locked plan. Nothing here knows Django, files or SQL.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

Where = tuple[tuple[str, str], ...]


class Kind(StrEnum):
    """How the events of a unit become the number that is compared.

    mean: a unit's value is the sum of its events' values; the metric is the average over all units.
    count: a unit's value is how many events it has; the metric is the average over all units.
    proportion: a unit's value is 1 when it has at least one event, else 0.
    ratio: sum of the source over all units divided by the sum of the denominator.
    quantile: the quantile of all events' values, with units as clusters.
    """

    MEAN = "mean"
    PROPORTION = "proportion"
    RATIO = "ratio"
    COUNT = "count"
    QUANTILE = "quantile"


class Direction(StrEnum):
    """Which way is better."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


class Tier(StrEnum):
    """How far the metric may be trusted; only beta and final metrics may block a launch."""

    ALPHA = "alpha"
    BETA = "beta"
    FINAL = "final"
    DEPRECATED = "deprecated"


class Measure(StrEnum):
    """What is taken from each matching event: its value, or the fact that it happened."""

    VALUE = "value"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Amount:
    """A size in the metric's unit, or as a share of the control's value when `relative` (0.02 is 2 %)."""

    value: float
    relative: bool

    def in_unit(self, control: float) -> float:
        """The size in the metric's unit, given the control arm's value."""
        return self.value * abs(control) if self.relative else self.value

    def to_dict(self) -> dict[str, Any]:
        return {"value": self.value, "relative": self.relative}


@dataclass(frozen=True, slots=True)
class Margin(Amount):
    """The largest loss that is accepted, always above zero whatever the metric's direction."""


@dataclass(frozen=True, slots=True)
class Source:
    """The events that are read: those of this name whose dims equal every pair of `where`."""

    event: str
    value: Measure
    where: Where = ()

    def to_dict(self) -> dict[str, Any]:
        return {"event": self.event, "value": self.value.value, "where": dict(self.where)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Source":
        return cls(data["event"], Measure(data["value"]), tuple(sorted(data.get("where", {}).items())))


@dataclass(frozen=True, slots=True)
class Cap:
    """Limits on a unit's value (for a ratio: on its numerator), the same in every arm.

    The upper limit is either `absolute` or the `percentile` (50 to below 100) of all arms' units together;
    values above are lowered to it. `floor`, in the metric's unit, raises values below.
    """

    percentile: float | None = None
    absolute: float | None = None
    floor: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return _without_none(percentile=self.percentile, absolute=self.absolute, floor=self.floor)


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """One metric, complete. `quantile` is a share (0.95); `window` and `covariate` are whole hours and days.

    `window_hours`: only events within so many hours after a unit's first exposure count; None is no limit.
    `covariate_days`: the same value over so many days before the first exposure reduces the variance.
    """

    key: str
    title: str
    question: str
    kind: Kind
    unit: str
    direction: Direction
    owner: str
    hypothesis: str
    source: Source
    denominator: Source | None = None
    quantile: float | None = None
    cap: Cap | None = None
    window_hours: int | None = None
    covariate_days: int | None = None
    margin: Margin | None = None
    gain: Amount | None = None
    tier: Tier = Tier.ALPHA
    backup_owner: str = ""
    runbook: str = ""
    dimensions: tuple[str, ...] = ()

    @property
    def window(self) -> timedelta | None:
        return None if self.window_hours is None else timedelta(hours=self.window_hours)

    @property
    def covariate(self) -> timedelta | None:
        return None if self.covariate_days is None else timedelta(days=self.covariate_days)

    def canonical(self) -> dict[str, Any]:
        """JSON-ready content; what is not set is left out, so later optional fields keep old hashes."""
        return _without_none(
            key=self.key,
            title=self.title,
            question=self.question,
            kind=self.kind.value,
            unit=self.unit,
            direction=self.direction.value,
            owner=self.owner,
            hypothesis=self.hypothesis,
            source=self.source.to_dict(),
            denominator=self.denominator and self.denominator.to_dict(),
            quantile=self.quantile,
            cap=self.cap and self.cap.to_dict(),
            window_hours=self.window_hours,
            covariate_days=self.covariate_days,
            margin=self.margin and self.margin.to_dict(),
            gain=self.gain and self.gain.to_dict(),
            tier=self.tier.value,
            backup_owner=self.backup_owner or None,
            runbook=self.runbook or None,
            dimensions=list(self.dimensions) or None,
        )

    @property
    def sha256(self) -> str:
        return canonical_sha256(self.canonical())

    @classmethod
    def from_canonical(cls, data: Mapping[str, Any]) -> "MetricDefinition":
        """The definition whose `canonical()` was stored; files are read by `metrics.parsing` instead."""
        denominator, cap = data.get("denominator"), data.get("cap")
        margin, gain = data.get("margin"), data.get("gain")
        return cls(
            **{name: data[name] for name in _AS_THEY_ARE if name in data},
            kind=Kind(data["kind"]),
            direction=Direction(data["direction"]),
            tier=Tier(data["tier"]),
            source=Source.from_dict(data["source"]),
            denominator=Source.from_dict(denominator) if denominator else None,
            cap=Cap(**cap) if cap else None,
            margin=Margin(**margin) if margin else None,
            gain=Amount(**gain) if gain else None,
            dimensions=tuple(data.get("dimensions", ())),
        )


_AS_THEY_ARE = (
    "key",
    "title",
    "question",
    "unit",
    "owner",
    "hypothesis",
    "quantile",
    "window_hours",
    "covariate_days",
    "backup_owner",
    "runbook",
)


def canonical_sha256(content: Mapping[str, Any]) -> str:
    """SHA-256 over sorted, compact JSON: the same content gives the same hash on every machine."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
