"""What the report is told: plain frozen values that the pipeline fills in, one object per look.

Nothing here judges, formats or computes. Effects are on the metric's own scale (treatment minus control);
which way is better is the definition's business, which one counts is the business of `states` and `verdict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from analysis.stats.results import Compared
from experiments.plan import Binding, LockedPlan


class CheckStatus(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    NOT_RUN = "not_run"


class CheckKind(StrEnum):
    """The six questions about the data, one chip each, in the order of the page.

    split: units per arm as planned? assignment: every unit in one planned arm? data: did everything arrive?
    before: were the arms alike before the first exposure? duration: long enough, every weekday? looks: do the
    intervals hold although somebody looked before?
    """

    SPLIT = "split"
    ASSIGNMENT = "assignment"
    DATA = "data"
    BEFORE = "before"
    DURATION = "duration"
    LOOKS = "looks"


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """`statistic` is what was measured, `limit` what it must not cross, both in the words of `detail`."""

    kind: CheckKind
    status: CheckStatus
    detail: str
    statistic: float | None = None
    limit: float | None = None


class Harm(StrEnum):
    """What the harm monitor of an arm says. confirmed: the loss is beyond the margin with certainty."""

    NONE = "none"
    HARM = "harm"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class MonitorFacts:
    """The harm monitor of one metric and arm. `look` is the one at which the boundary was crossed first."""

    harm: Harm = Harm.NONE
    look: int | None = None
    alpha_spent: float = 0.0


@dataclass(frozen=True, slots=True)
class ArmValue:
    """A metric's value in one arm. `value` is None when it cannot be said; shares are 0..1.

    `numerator` and `denominator` are what the value was divided from, where it was.
    """

    units: int
    value: float | None
    numerator: float | None = None
    denominator: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One treatment arm against the control, two-sided, under one inference.

    `difference`: treatment - control. `lift`: treatment / control - 1. `contrast`: treatment - k control with
    k = 1 - margin where up is better and 1 + margin where down is better; only for a relative margin.
    """

    difference: Compared
    lift: Compared | None = None
    contrast: Compared | None = None


@dataclass(frozen=True, slots=True)
class ArmResult:
    """All that is known of one metric in one treatment arm.

    `fixed` is valid at the planned end only, `always_valid` at every look; the report chooses. `adjusted_p`
    is the p value corrected inside the family: Holm where the metric decides, Benjamini-Hochberg among the
    diagnostic ones (None: in no family). `uncapped` is the fixed comparison of a capped metric without its
    cap.
    """

    arm: str
    treatment: ArmValue
    fixed: Reading
    always_valid: Reading
    adjusted_p: float | None = None
    monitor: MonitorFacts = MonitorFacts()
    uncapped: Compared | None = None


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """One bound metric; `arms` in the plan's order. `cap_value` is the cap in force, in the metric's unit.
    `waiting` units are enrolled, and do not count before their window is over."""

    binding: Binding
    control: ArmValue
    arms: tuple[ArmResult, ...]
    cap_value: float | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One quantile (a share) of a latency-like metric in both arms and their difference."""

    share: float
    control: float
    treatment: float
    difference: Compared


@dataclass(frozen=True, slots=True)
class CurveFacts:
    """The quantile-effect curve of one metric and arm."""

    metric: str
    arm: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class HistogramFacts:
    """Events of a latency-like metric by bin, in the control and in one arm.

    Bin i runs from `base` ** i to `base` ** (i + 1) in the unit. `below_zero` counts the events of both
    arms that are zero or less, which no bin holds.
    """

    metric: str
    arm: str
    base: float
    control: Mapping[int, int]
    treatment: Mapping[int, int]
    below_zero: int = 0


FALSE_DISCOVERY_RATE = 0.05
"""Corrected p values of what is only explored count up to here: diagnostic metrics, slices."""

SLICE_FALSE_DISCOVERY_RATE = FALSE_DISCOVERY_RATE
"""Of slices, whether they ask for a change or for a difference between slices."""


@dataclass(frozen=True, slots=True)
class SliceFacts:
    """One metric and arm inside one level of a declared dimension.

    `adjusted_p` is Benjamini-Hochberg over all slices of the look; `flagged` means it survived.
    `heterogeneity_p`, corrected alike, asks whether the effect differs from that in the other levels
    of the dimension: what moves everybody is no news about a slice.
    """

    metric: str
    arm: str
    dimension: str
    level: str
    units: int
    difference: Compared
    adjusted_p: float | None
    flagged: bool
    heterogeneity_p: float | None = None

    @property
    def differs(self) -> bool:
        """Is the effect here unlike that in the other levels?"""
        return self.heterogeneity_p is not None and self.heterogeneity_p < SLICE_FALSE_DISCOVERY_RATE


@dataclass(frozen=True, slots=True)
class SliceScanFacts:
    """All slices that were looked at, not only the interesting ones.

    `smallest_detectable` is the effect on `detectable_metric`, in its unit, that a slice would have shown.
    """

    slices: tuple[SliceFacts, ...]
    smallest_detectable: float | None = None
    detectable_metric: str = ""


@dataclass(frozen=True, slots=True)
class MoneyRange:
    """Money a year, in minor units (cents) of a currency."""

    low_minor: int
    high_minor: int


@dataclass(frozen=True, slots=True)
class WorthFacts:
    """What the change is worth. `measured` comes from the outcome itself, `modelled` from speed alone through
    the ratio of `model`, which must not be used after `valid_until`. The two are never added. `per_100_ms` is
    what an ablation finds: the cost of 100 ms."""

    currency: str
    measured: MoneyRange | None
    modelled: MoneyRange | None
    model: str
    valid_until: date
    per_100_ms: MoneyRange | None = None


@dataclass(frozen=True, slots=True)
class ExperimentFacts:
    """What the plan does not hold. `kind` is ab, rollout, ablation, holdout or aa; `coverage_share` is the
    share of the population that may be enrolled; `changes_since_lock` counts later plan versions; `stops` are
    the stop rules of an ablation that were reached, one short sentence each."""

    title: str
    owner: str
    kind: str
    population: str
    locked_at: datetime | None
    coverage_share: float | None = None
    changes_since_lock: int = 0
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArmFacts:
    """Units seen in an arm of the plan."""

    key: str
    units: int


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """How the numbers were made. `estimator`, `variance` and `correction` are short phrases for the method
    line; `family_size` is the number of comparisons in the decision family."""

    estimator: str
    variance: str
    correction: str
    family_size: int
    code_version: str
    config_hash: str
    engine: str


@dataclass(frozen=True, slots=True)
class CalibrationFacts:
    """What A/A splits of live traffic, dealt anew every night, said of a metric's method in the last weeks.

    Shares are 0..1 of `replicates` splits: called different although nothing differs (`alpha` was promised),
    and with the truth inside the interval (1 - `alpha` was promised). Bands are 99.9 % bands of the shares.
    `is_within`: both could be inside their bounds.
    """

    metric: str
    nights: int
    replicates: int
    alpha: float
    false_positive_share: float
    false_positive_band: tuple[float, float]
    coverage_share: float
    coverage_band: tuple[float, float]
    is_within: bool


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """One look at one experiment. `look` counts from 1; `data_until` is the data cut.

    `information_share` is the share of the planned information that has been collected (None: not planned).
    `is_after_planned_look`: the look at the planned end was made before, with less data.
    `metrics` come in the order of the plan's bindings; the report puts them into its own order.
    `rule_version` is that of the plan's first report (None: this is the first), which all later ones keep.
    """

    plan: LockedPlan
    experiment: ExperimentFacts
    arms: tuple[ArmFacts, ...]
    look: int
    data_until: datetime
    metrics: tuple[MetricFacts, ...]
    checks: tuple[CheckFacts, ...]
    method: MethodFacts
    information_share: float | None = None
    is_after_planned_look: bool = False
    curves: tuple[CurveFacts, ...] = ()
    histograms: tuple[HistogramFacts, ...] = ()
    slices: SliceScanFacts | None = None
    worth: WorthFacts | None = None
    calibration: tuple[CalibrationFacts, ...] = ()
    rule_version: int | None = None
