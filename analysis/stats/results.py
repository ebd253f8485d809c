"""What the statistics core hands back: estimates, intervals, comparisons and the reasons for having none.

Plain frozen values only. No arithmetic beyond one-line properties, no wording for readers, no storage.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

LARGEST, SMALLEST = 1e140, 1e-140
"""The sizes between which values and errors are told apart: squares of what lies beyond, and products of
such squares with counts, leave the range of a double."""


class InvalidInput(ValueError):
    """An argument makes no sense whatever the data are; names the field, its value and what would do."""

    def __init__(self, field: str, value: object, reason: str, fix: str = "") -> None:
        self.field, self.value, self.reason, self.fix = field, value, reason, fix
        super().__init__(f"{field} = {value!r}: {reason}.{' ' + fix if fix else ''}")


class Status(StrEnum):
    """How far a number may be read at face value."""

    OK = "ok"
    FEW_EVENTS = "few_events"
    """Fewer than ten events (or non-events) in an arm: score interval and exact p value are in use."""
    NO_VARIATION = "no_variation"
    """All units of an arm have the same value; its variance is exactly zero."""
    UNBOUNDED = "unbounded"
    """The base of a relative change cannot be told from zero: the interval is the whole line."""
    UNPLANNED_ARM = "unplanned_arm"
    """Units were seen in an arm that the plan gives no weight."""
    NOT_ESTIMABLE = "not_estimable"


class Why(StrEnum):
    """Why there is no estimate."""

    NO_UNITS = "no_units"
    TOO_FEW_UNITS = "too_few_units"
    NO_VARIATION = "no_variation"
    DENOMINATOR_NOT_POSITIVE = "denominator_not_positive"
    BASE_NOT_POSITIVE = "base_not_positive"
    QUANTILE_OUT_OF_REACH = "quantile_out_of_reach"
    QUANTILE_TIED = "quantile_tied"
    NO_COMMON_STRATUM = "no_common_stratum"
    TOO_FEW_STUDIES = "too_few_studies"
    TARGET_NOT_REACHED = "target_not_reached"
    OUT_OF_RANGE = "out_of_range"
    """Sizes whose squares a double cannot hold (`LARGEST`, `SMALLEST`)."""


class Alternative(StrEnum):
    TWO_SIDED = "two-sided"
    GREATER = "greater"
    LESS = "less"


class Inference(StrEnum):
    """FIXED: valid at one look planned beforehand. ALWAYS_VALID: valid however often one looks."""

    FIXED = "fixed"
    ALWAYS_VALID = "always_valid"


class Scale(StrEnum):
    ABSOLUTE = "absolute"
    RELATIVE = "relative"


def plain(value: object) -> Any:
    """JSON-ready form: an infinite end or df becomes None, dataclasses become dicts, enums their value."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    to_dict = getattr(value, "to_dict", None)
    return to_dict() if to_dict is not None else value


def fields_as_dict(result: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, each in its JSON-ready form."""
    return {field.name: plain(getattr(result, field.name)) for field in fields(result)}


@dataclass(frozen=True, slots=True)
class Interval:
    """Closed interval; a one-sided bound has an infinite end (None in `to_dict`)."""

    lower: float
    upper: float

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper

    @property
    def half_width(self) -> float:
        return (self.upper - self.lower) / 2

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class Counts:
    """Events among trials, kept beside a proportion so that small counts get a score interval."""

    events: float
    trials: float

    @property
    def rarer(self) -> float:
        """The smaller one of events and non-events."""
        return min(self.events, self.trials - self.events)

    def wilson(self, z: float) -> Interval:
        """Score limits of one proportion (Wilson 1927, JASA 22:209) for a normal quantile `z`. Raises
        InvalidInput without trials, or for events that are none of them."""
        if not (0 <= self.events <= self.trials <= LARGEST and self.trials >= 1 and 0 <= z <= LARGEST):
            raise InvalidInput("events, trials, z", (self.events, self.trials, z), "no share of any trials")
        share = self.events / self.trials
        z2 = z * z
        centre = (share + z2 / (2 * self.trials)) / (1 + z2 / self.trials)
        spread = math.sqrt(share * (1 - share) / self.trials + z2 / (4 * self.trials**2))
        half = z * spread / (1 + z2 / self.trials)
        lower = 0.0 if self.events == 0 else max(0.0, centre - half)
        upper = 1.0 if self.events == self.trials else min(1.0, centre + half)
        return Interval(lower, upper)

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class Estimate:
    """One arm's value of a metric.

    `variance` is that of the value itself (the squared standard error), not of one unit.
    `degrees_of_freedom` is infinite where the normal distribution is the reference.
    `counts` is set only for proportions with few events.
    """

    value: float
    variance: float
    degrees_of_freedom: float = math.inf
    units: int = 0
    method: str = "estimate"
    status: Status = Status.OK
    counts: Counts | None = None

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.variance)

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self) | {"standard_error": plain(self.standard_error)}


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """No number can be given, and why. `arm` is "control", "treatment" or "" when it concerns both."""

    why: Why
    arm: str = ""

    @property
    def status(self) -> Status:
        return Status.NOT_ESTIMABLE

    def to_dict(self) -> dict[str, Any]:
        return {"status": self.status.value, "why": self.why.value, "arm": self.arm}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Treatment against control on one scale, with the interval and p value of `inference`.

    `estimate` and `null` share one scale: treatment - `base_weight` * control, or the lift when `scale` is
    relative. `base_weight` differs from 1 only in a relative non-inferiority contrast.
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    statistic: float
    p_value: float
    confidence_interval: Interval
    null: float = 0.0
    alternative: Alternative = Alternative.TWO_SIDED
    alpha: float = 0.05
    method: str = "welch"
    status: Status = Status.OK
    inference: Inference = Inference.FIXED
    scale: Scale = Scale.ABSOLUTE
    margin: float | None = None
    base_weight: float = 1.0

    @property
    def information(self) -> float:
        """Fisher information about the effect, 1 / se^2: the clock of all sequential procedures."""
        return 1 / self.standard_error**2

    @property
    def rejects(self) -> bool:
        """The null is rejected at `alpha` in the direction of `alternative`."""
        return self.p_value < self.alpha

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self) | {"information": plain(self.information), "rejects": self.rejects}


def check_level(name: str, value: float) -> None:
    """Raises InvalidInput unless an alpha, a level or a share lies strictly between 0 and 1."""
    if not sys.float_info.min <= value < 1:
        raise InvalidInput(name, value, f"{name} lies strictly between 0 and 1", "Use 0.05 for 5 %.")


def in_range(value: float, variance: float) -> bool:
    """Can comparisons square this value and this error? Also False for nan."""
    return -LARGEST <= value <= LARGEST and SMALLEST**2 <= variance <= LARGEST**2


Estimated = Estimate | NotEstimable
Compared = Comparison | NotEstimable
