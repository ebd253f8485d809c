"""From the locked plan of an experiment to what has to be read, each thing once.

Metrics declare what they are; this module unites the columns they need per unit, so that the event source is
scanned a single time whatever the number of metrics. Plain frozen data: no Django, no engine, no statistics.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from experiments.plan import LockedPlan, Trigger
from ledger.refusals import refuse
from metrics.definitions import Cap, Kind, Measure, MetricDefinition, Source, Where

Item = TypeVar("Item")

CURVE_SHARES = (0.5, 0.75, 0.9, 0.95, 0.99)
"""Quantiles that are read for every metric of kind quantile besides its own, for the curve of the report."""


class Take(StrEnum):
    """What a unit's matching events become."""

    SUM = "sum"
    COUNT = "count"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Span:
    """When an event counts: within `window_hours` after the first exposure (None: up to the data cut), or,
    when `before_days` is set, within so many days before it."""

    window_hours: int | None = None
    before_days: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One number per unit; a unit without a matching event has none, which is read as 0."""

    event: str
    where: Where
    take: Take
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A column as one metric wants it: with the metric's cap, or as it is."""

    column: Column
    cap: Cap | None = None


@dataclass(frozen=True, slots=True)
class Vector:
    """What the moments of one metric are made of, per unit.

    In this order, leaving out what the metric has not: value, denominator, covariate, the covariate's
    denominator.
    """

    value: Entry
    denominator: Entry | None = None
    covariate: Entry | None = None
    covariate_denominator: Entry | None = None

    @property
    def window_hours(self) -> int | None:
        """That of all its parts after the first exposure: a metric has one window."""
        return self.value.column.span.window_hours

    @property
    def entries(self) -> tuple[Entry, ...]:
        listed = (self.value, self.denominator, self.covariate, self.covariate_denominator)
        return tuple(entry for entry in listed if entry is not None)


@dataclass(frozen=True, slots=True)
class Stream:
    """Events whose values are ranked as they are, not summed per unit: the input of quantiles."""

    event: str
    where: Where
    span: Span


@dataclass(frozen=True, slots=True)
class PlannedMetric:
    """One metric of the plan: a vector (and the same without its cap, when it has one) or a quantile."""

    key: str
    kind: Kind
    vector: Vector | None = None
    uncapped: Vector | None = None
    stream: Stream | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """One reading of the store: exposures in [`since`, `until`), events up to `until`.

    `variants[i]` is the flag variant that units of `arms[i]` see. `filters` are exposure dims that have to
    match, `excluded` those that keep a unit out; `dimensions` are exposure dims by which results are sliced.
    With a `trigger` a unit takes part from its first such event on. `began_at` is set when units were exposed
    under earlier versions of the plan: pre-periods end there, for what came later the change may have moved.
    """

    experiment: str
    unit_type: str
    arms: tuple[str, ...]
    variants: tuple[str, ...]
    since: datetime
    until: datetime
    metrics: tuple[PlannedMetric, ...]
    filters: tuple[tuple[str, str], ...] = ()
    dimensions: tuple[str, ...] = ()
    excluded: Where = ()
    trigger: Trigger | None = None
    began_at: datetime | None = None

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """Every distinct vector, capped and uncapped."""
        listed = (vector for metric in self.metrics for vector in (metric.vector, metric.uncapped))
        return _distinct(vector for vector in listed if vector is not None)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return _distinct(entry for vector in self.vectors for entry in vector.entries)

    @property
    def columns(self) -> tuple[Column, ...]:
        return _distinct(entry.column for entry in self.entries)

    @property
    def capped_entries(self) -> tuple[Entry, ...]:
        """Those whose limit is a percentile of all arms' units together, found in the data first."""
        return tuple(entry for entry in self.entries if entry.cap and entry.cap.percentile is not None)

    @property
    def streams(self) -> tuple[Stream, ...]:
        return _distinct(metric.stream for metric in self.metrics if metric.stream is not None)

    def shares_of(self, stream: Stream) -> tuple[float, ...]:
        """The quantiles that metrics ask of a stream, without those of the curve."""
        shares = (metric.share for metric in self.metrics if metric.stream == stream)
        return tuple(sorted({share for share in shares if share is not None}))

    @property
    def _sources(self) -> tuple[Column | Stream, ...]:
        return (*self.columns, *self.streams)

    @property
    def events(self) -> tuple[str, ...]:
        """Names of all events that metrics read."""
        return tuple(sorted({source.event for source in self._sources}))

    @property
    def all_events(self) -> tuple[str, ...]:
        """Those, and the trigger's."""
        trigger = {self.trigger.event} if self.trigger else set()
        return tuple(sorted({*self.events, *trigger}))

    @property
    def windows_hours(self) -> tuple[int, ...]:
        spans = (source.span.window_hours for source in self._sources)
        return tuple(sorted({hours for hours in spans if hours is not None}))

    def stage(self, window_hours: int | None) -> int:
        """How many of the plan's windows, shortest first, are over for a unit whose value in this one is
        final. Values without a window are taken as they are at the data cut."""
        return 0 if window_hours is None else self.windows_hours.index(window_hours) + 1

    @property
    def before_days(self) -> tuple[int, ...]:
        """Lengths of the pre-periods in use."""
        spans = (column.span.before_days for column in self.columns)
        return tuple(sorted({days for days in spans if days is not None}))

    @property
    def last_day(self) -> datetime:
        """Midnight (UTC) before the data cut."""
        last = (self.until - timedelta(microseconds=1)).astimezone(UTC)
        return last.replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def events_since(self) -> datetime:
        """No event before this can count: the longest pre-period of the earliest possible exposure."""
        return self.reads_from(self.since)

    def reads_from(self, first_at: datetime) -> datetime:
        """No event before this can count for a unit that takes part from `first_at` on."""
        if not self.before_days:
            return first_at
        return (self.began_at or first_at) - timedelta(days=max(self.before_days))


def analysis_plan(locked: LockedPlan, *, until: datetime) -> AnalysisPlan:
    """What one look at the experiment reads, with events up to the data cut `until`."""
    if locked.started_at is None:
        raise refuse("experiment", locked.experiment, "it has not started", "Start it before analysing it.")
    definitions = {binding.metric: binding.definition for binding in locked.bindings}
    return AnalysisPlan(
        experiment=locked.experiment,
        unit_type=locked.unit_type,
        arms=tuple(arm.key for arm in locked.arms),
        variants=tuple(arm.variant for arm in locked.arms),
        since=locked.started_at,
        until=until,
        metrics=tuple(planned_metric(definition) for definition in definitions.values()),
        filters=locked.filters,
        dimensions=_dimensions(locked),
        excluded=locked.excluded,
        trigger=locked.trigger,
        began_at=locked.began_at if locked.began_at and locked.began_at < locked.started_at else None,
    )


def planned_metric(definition: MetricDefinition) -> PlannedMetric:
    """What one metric needs of every unit."""
    if definition.kind is Kind.QUANTILE:
        stream = Stream(definition.source.event, definition.source.where, _after(definition))
        return PlannedMetric(definition.key, definition.kind, stream=stream, share=definition.quantile)
    vector = _vector(definition, definition.cap)
    uncapped = _vector(definition, None) if definition.cap else None
    return PlannedMetric(definition.key, definition.kind, vector=vector, uncapped=uncapped)


def _vector(definition: MetricDefinition, cap: Cap | None) -> Vector:
    """The covariate is capped by the same rule: a heavy tail before would undo what the cap is for."""
    after, before = _after(definition), Span(before_days=definition.covariate_days)
    has_covariate = definition.covariate_days is not None
    value = Entry(_column(definition.source, definition.kind, after), cap)
    base = definition.denominator
    return Vector(
        value=value,
        denominator=Entry(_column(base, definition.kind, after)) if base else None,
        covariate=Entry(_column(definition.source, definition.kind, before), cap) if has_covariate else None,
        covariate_denominator=(
            Entry(_column(base, definition.kind, before)) if base and has_covariate else None
        ),
    )


def _column(source: Source, kind: Kind, span: Span) -> Column:
    return Column(source.event, source.where, _take(source, kind), span)


def _take(source: Source, kind: Kind) -> Take:
    if kind is Kind.PROPORTION:
        return Take.ANY
    if kind is Kind.COUNT or source.value is Measure.COUNT:
        return Take.COUNT
    return Take.SUM


def _after(definition: MetricDefinition) -> Span:
    return Span(window_hours=definition.window_hours)


def _dimensions(locked: LockedPlan) -> tuple[str, ...]:
    """Slices of the experiment and of its metrics, sorted so that the order of bindings means nothing."""
    of_metrics = (name for binding in locked.bindings for name in binding.definition.dimensions)
    return tuple(sorted({*locked.dimensions, *of_metrics}))


def _distinct(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(items))
