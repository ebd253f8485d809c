"""The outcome of a study's arms from what each user did: as the looks take it, capped, with its covariate.

Arrays only: `traced` reads them from the store. Estimators are those of the statistics core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.stats import adjusted, estimators
from analysis.stats.moments import Moments
from analysis.stats.quantiles import QuantileStat, quantile_ranks
from analysis.stats.results import Estimated, NotEstimable, Why
from metrics.definitions import Cap, Kind, Measure, MetricDefinition

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Events of the users of a study: place of the user, time in µs, value (nan without one)."""

    place: NDArray[np.int64]
    ts: NDArray[np.int64]
    values: Floats

    @property
    def has_value(self) -> Mask:
        return ~np.isnan(self.values)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums and counts of events, one row a span, one column a user."""

    sums: Floats
    counts: Floats

    @classmethod
    def zeros(cls, spans: int, users: int) -> Totals:
        return cls(np.zeros((spans, users)), np.zeros((spans, users)))

    def add(self, rows: Rows, span: NDArray[np.int64], counted: Mask) -> None:
        """Add the rows that count, each to its span and user."""
        at = (span[counted], rows.place[counted])
        np.add.at(self.sums, at, np.nan_to_num(rows.values[counted]))
        np.add.at(self.counts, at, 1.0)

    def of(self, spans: slice) -> Totals:
        return Totals(self.sums[spans], self.counts[spans])

    def measured(self, measure: Measure) -> Floats:
        """By user, all spans together."""
        return np.asarray((self.counts if measure is Measure.COUNT else self.sums).sum(axis=0))


@dataclass(frozen=True, slots=True)
class Sessions:
    """The value of each event with the place of its user and its span."""

    values: Floats
    place: NDArray[np.int64]
    span: NDArray[np.int64]

    def of(self, spans: slice) -> Sessions:
        first, last, _ = spans.indices(int(self.span.max(initial=-1)) + 1)
        kept = (self.span >= first) & (self.span < last)
        return Sessions(self.values[kept], self.place[kept], self.span[kept])


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of the users of a study: above and below the fraction bar, the same before they were
    exposed (for a covariate), and the events of a quantile."""

    top: Totals
    below: Totals | None = None
    top_before: Totals | None = None
    below_before: Totals | None = None
    sessions: Sessions | None = None

    def of(self, spans: slice) -> Reading:
        """Some of the spans; the time before stays whole."""
        below = None if self.below is None else self.below.of(spans)
        sessions = None if self.sessions is None else self.sessions.of(spans)
        return Reading(self.top.of(spans), below, self.top_before, self.below_before, sessions)


def by_arm(metric: MetricDefinition, read: Reading, arms: Sequence[Mask]) -> list[Estimated]:
    """The metric in each arm, all spans of the reading together; `arms` are who is in each."""
    if metric.kind is Kind.QUANTILE:
        return [_quantile(metric, read.sessions, who) for who in arms]
    limit = _limit(metric, read.top, np.logical_or.reduce(arms))
    columns = [values(metric, read.top, limit)]
    if metric.kind is Kind.RATIO and metric.denominator is not None and read.below is not None:
        return _ratios(metric, read, columns[0], limit, arms)
    if read.top_before is None:
        plain = estimators.proportion if metric.kind is Kind.PROPORTION else estimators.mean
        return [plain(Moments.from_rows(columns[0][who])) for who in arms]
    columns.append(values(metric, read.top_before, limit))
    return adjusted.cuped([Moments.from_rows(np.column_stack(columns)[who]) for who in arms])


def joint(metric: MetricDefinition, top: Totals, slow: Totals, arms: Sequence[Mask]) -> list[Moments]:
    """Moments of (outcome, mean latency) in each arm, over the users whose latency is known."""
    requests = slow.measured(Measure.COUNT)
    latency = slow.measured(Measure.VALUE) / np.maximum(requests, 1)
    limit = _limit(metric, top, np.logical_or.reduce(arms) & (requests > 0))
    columns = np.column_stack([values(metric, top, limit), latency])
    return [Moments.from_rows(columns[who & (requests > 0)]) for who in arms]


def values(metric: MetricDefinition, top: Totals, limit: float | None = None) -> Floats:
    """The number of each user: of a ratio, its numerator. Values beyond the cap are brought to it."""
    if metric.kind is Kind.PROPORTION:
        return np.asarray((top.counts.sum(axis=0) > 0).astype(np.float64))
    found = top.measured(Measure.COUNT if metric.kind is Kind.COUNT else metric.source.value)
    if metric.cap is None:
        return found
    low, high = metric.cap.floor, limit
    return np.asarray(np.clip(found, -np.inf if low is None else low, np.inf if high is None else high))


def _limit(metric: MetricDefinition, top: Totals, who: Mask) -> float | None:
    """The upper limit: as written, or the percentile of the values of all arms' users that have one."""
    cap: Cap | None = metric.cap
    if cap is None or cap.percentile is None:
        return None if cap is None else cap.absolute
    found = top.measured(metric.source.value)[who & (top.counts.sum(axis=0) > 0)]
    if not len(found):
        return None
    rank = quantile_ranks(len(found), cap.percentile / 100).middle - 1
    return float(np.partition(found, rank)[rank])


def _ratios(
    metric: MetricDefinition, read: Reading, top: Floats, limit: float | None, arms: Sequence[Mask]
) -> list[Estimated]:
    measure = Measure.VALUE if metric.denominator is None else metric.denominator.value
    columns = [top, np.zeros_like(top) if read.below is None else read.below.measured(measure)]
    if read.top_before is None or read.below_before is None:
        return [estimators.ratio(Moments.from_rows(np.column_stack(columns)[who])) for who in arms]
    columns += [values(metric, read.top_before, limit), read.below_before.measured(measure)]
    return adjusted.cuped_ratio([Moments.from_rows(np.column_stack(columns)[who]) for who in arms])


def _quantile(metric: MetricDefinition, sessions: Sessions | None, who: Mask) -> Estimated:
    if sessions is None:
        return NotEstimable(Why.NO_UNITS)
    kept = who[sessions.place]
    if not kept.any():
        return NotEstimable(Why.NO_UNITS)
    stat = QuantileStat.from_sessions(sessions.values[kept], sessions.place[kept], metric.quantile or 0.5)
    return estimators.quantile(stat)
