"""The analysis plan of an experiment, locked and hashed when it starts.

The analysis reads this object and nothing else of an experiment, so that what was planned is what is
computed. Plain frozen data: no Django, no clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from metrics.definitions import Amount, Direction, Margin, MetricDefinition, Where, canonical_sha256

WHOLE_PPM = 1_000_000
TIMES = ("started_at", "stopped_at", "began_at")


class ArmRole(StrEnum):
    CONTROL = "control"
    TREATMENT = "treatment"


class Role(StrEnum):
    """What a metric is for in one experiment.

    primary and success decide whether the change helps; a guardrail must not get worse than its margin; a
    deterioration metric only raises an alarm; a diagnostic metric explains and decides nothing.
    """

    PRIMARY = "primary"
    SUCCESS = "success"
    GUARDRAIL = "guardrail"
    DETERIORATION = "deterioration"
    DIAGNOSTIC = "diagnostic"


class Inference(StrEnum):
    """always_valid: intervals hold at every look; fixed: they hold only at the one planned look."""

    ALWAYS_VALID = "always_valid"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What is believed before the first exposure, and what would show it to be wrong."""

    change: str
    audience: str
    metric: str
    direction: Direction
    expected: Amount
    mechanism: str
    refuted_if: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "change": self.change,
            "audience": self.audience,
            "metric": self.metric,
            "direction": self.direction.value,
            "expected": self.expected.to_dict(),
            "mechanism": self.mechanism,
            "refuted_if": self.refuted_if,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Hypothesis":
        enums = {"direction": Direction(data["direction"]), "expected": Amount(**data["expected"])}
        return cls(**{**data, **enums})


@dataclass(frozen=True, slots=True)
class Trigger:
    """The event from which on the arms can differ: the first one at or after a unit's first exposure."""

    event: str
    where: Where = ()

    def to_dict(self) -> dict[str, Any]:
        return {"event": self.event, "where": dict(self.where)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Trigger":
        return cls(data["event"], tuple(sorted(data.get("where", {}).items())))


@dataclass(frozen=True, slots=True)
class PlannedArm:
    """One arm: the flag variant its units see and their share in parts per million.

    `dose_ms` is the delay that an ablation adds to the arm's requests, None in other experiments.
    """

    key: str
    variant: str
    weight_ppm: int
    role: ArmRole
    dose_ms: int | None = None

    @property
    def share(self) -> float:
        return self.weight_ppm / WHOLE_PPM

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready. Without a dose the field is left out: plans locked before doses keep their hash."""
        written: dict[str, Any] = {
            "key": self.key,
            "variant": self.variant,
            "weight_ppm": self.weight_ppm,
            "role": self.role.value,
        }
        return written if self.dose_ms is None else {**written, "dose_ms": self.dose_ms}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "PlannedArm":
        stated = (data["key"], data["variant"], data["weight_ppm"], ArmRole(data["role"]))
        return cls(*stated, dose_ms=data.get("dose_ms"))


@dataclass(frozen=True, slots=True)
class Binding:
    """One metric in one role; `definition` is that of `metric_version`, whatever versions come later.

    `margin` is the largest loss accepted, `gain` the smallest worthwhile effect (None: none was stated).
    """

    metric: str
    metric_version: int
    metric_version_id: int
    definition: MetricDefinition
    role: Role
    blocking: bool
    margin: Margin | None = None
    gain: Amount | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "metric_version": self.metric_version,
            "metric_version_id": self.metric_version_id,
            "definition": self.definition.canonical(),
            "role": self.role.value,
            "blocking": self.blocking,
            "margin": self.margin.to_dict() if self.margin else None,
            "gain": self.gain.to_dict() if self.gain else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Binding":
        return cls(
            metric=data["metric"],
            metric_version=data["metric_version"],
            metric_version_id=data["metric_version_id"],
            definition=MetricDefinition.from_canonical(data["definition"]),
            role=Role(data["role"]),
            blocking=data["blocking"],
            margin=Margin(**data["margin"]) if data["margin"] else None,
            gain=Amount(**data["gain"]) if data["gain"] else None,
        )


@dataclass(frozen=True, slots=True)
class LockedPlan:
    """Everything that was decided before the first exposure.

    `control` is the key of the control arm. `looks` is the number of planned looks (None: as often as data
    arrive). `planned_units` is per arm and sets the scale on which information is counted. `filters` are
    exposure dims that have to match; `excluded` are those of bots and of one's own people, whose units are
    left out. With a `trigger` only units that had that event take part, from then on. `layer` is the layer of
    flags in which the experiment owns `layer_share_ppm` of the units ("" and None: it shares units with all
    others). `source` is the key of the company's own tables that are read ("": the events sent to Headway).
    `prior_sd` is the width of the prior of a Bayesian read-out beside the results (None: there is none).
    `sha256` covers all of it except itself and the times, which are facts about the run: `started_at` under
    this version, `began_at` under the first one.
    """

    experiment: str
    version: int
    flag: str
    environment: str
    unit_type: str
    control: str
    arms: tuple[PlannedArm, ...]
    bindings: tuple[Binding, ...]
    hypothesis: Hypothesis
    inference: Inference = Inference.ALWAYS_VALID
    alpha: float = 0.05
    looks: int | None = None
    min_days: int = 7
    max_days: int = 28
    planned_units: int | None = None
    dimensions: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    layer: str = ""
    layer_share_ppm: int | None = None
    source: str = ""
    prior_sd: float | None = None
    excluded: Where = ()
    trigger: Trigger | None = None
    sha256: str = ""
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    began_at: datetime | None = None

    @property
    def treatments(self) -> tuple[PlannedArm, ...]:
        return tuple(arm for arm in self.arms if arm.key != self.control)

    def arm(self, key: str) -> PlannedArm:
        """The arm with that key; KeyError when there is none."""
        return {arm.key: arm for arm in self.arms}[key]

    def canonical(self) -> dict[str, Any]:
        """JSON-ready content that the hash covers."""
        return {
            "experiment": self.experiment,
            "version": self.version,
            "flag": self.flag,
            "environment": self.environment,
            "unit_type": self.unit_type,
            "control": self.control,
            "arms": [arm.to_dict() for arm in self.arms],
            "bindings": [binding.to_dict() for binding in self.bindings],
            "hypothesis": self.hypothesis.to_dict(),
            "inference": self.inference.value,
            "alpha": self.alpha,
            "looks": self.looks,
            "min_days": self.min_days,
            "max_days": self.max_days,
            "planned_units": self.planned_units,
            "dimensions": list(self.dimensions),
            "filters": dict(self.filters),
            **self._slots(),
            **self._options(),
        }

    def _slots(self) -> dict[str, Any]:
        """Left out without a layer, so that plans locked before there were layers keep their hash."""
        return {"layer": self.layer, "layer_share_ppm": self.layer_share_ppm} if self.layer else {}

    def _options(self) -> dict[str, Any]:
        """Left out where they are not used, for the same reason."""
        chosen = {
            "source": self.source or None,
            "prior_sd": self.prior_sd,
            "excluded": as_lists(self.excluded) or None,
            "trigger": self.trigger and self.trigger.to_dict(),
        }
        return {name: value for name, value in chosen.items() if value is not None}

    def locked(self) -> "LockedPlan":
        """The same plan carrying its hash."""
        return replace(self, sha256=canonical_sha256(self.canonical()))

    @property
    def is_intact(self) -> bool:
        """Does the content still have the hash it was locked with?"""
        return self.sha256 == canonical_sha256(self.canonical())

    def to_dict(self) -> dict[str, Any]:
        times = {name: _as_text(getattr(self, name)) for name in TIMES}
        return {**self.canonical(), "sha256": self.sha256, **times}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "LockedPlan":
        """The plan that `to_dict` wrote; `canonical()` content (no hash, no times) is accepted too."""
        return cls(
            **{
                **data,
                "arms": tuple(map(PlannedArm.from_dict, data["arms"])),
                "bindings": tuple(map(Binding.from_dict, data["bindings"])),
                "hypothesis": Hypothesis.from_dict(data["hypothesis"]),
                "inference": Inference(data["inference"]),
                "dimensions": tuple(data["dimensions"]),
                "filters": tuple(sorted(data["filters"].items())),
                "excluded": as_pairs(data.get("excluded", {})),
                "trigger": Trigger.from_dict(data["trigger"]) if data.get("trigger") else None,
                **{name: _as_time(data.get(name)) for name in TIMES},
            }
        )


def as_lists(pairs: Where) -> dict[str, list[str]]:
    """Values by dim: {"traffic": ["bot", "internal"]}."""
    return {name: [value for of, value in pairs if of == name] for name, _ in pairs}


def as_pairs(lists: Mapping[str, Iterable[str]]) -> Where:
    """What `as_lists` wrote."""
    return tuple(sorted((name, value) for name, values in lists.items() for value in values))


def _as_text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _as_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
