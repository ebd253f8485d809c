"""How the events of a latency-like metric lie in both arms, from the counts that gave its quantiles. Pure.

Engines count values in fine bins of a logarithmic scale; a picture needs coarser ones. Metrics of the same
events have the same distribution, which is shown once, under the first of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from analysis.engines.contract import BINS_PER_E_FOLD, ZERO_BIN, Group, Readings
from analysis.plan import AnalysisPlan, Stream
from analysis.report.facts import HistogramFacts
from experiments.plan import LockedPlan

FINE_PER_BIN = 44
"""44 of 256 steps for a factor of e: a bin ends 1.19 times above its start, four to a doubling."""

BASE = math.exp(FINE_PER_BIN / BINS_PER_E_FOLD)


def of_look(locked: LockedPlan, plan: AnalysisPlan, readings: Readings) -> tuple[HistogramFacts, ...]:
    """One for each kind of events and treatment arm that has any."""
    first: dict[Stream, str] = {}
    for metric in plan.metrics:
        if metric.stream is not None:
            first.setdefault(metric.stream, metric.key)
    return tuple(
        found for stream, key in first.items() for found in _of_stream(locked, readings, stream, key)
    )


def _of_stream(locked: LockedPlan, readings: Readings, stream: Stream, key: str) -> Iterator[HistogramFacts]:
    by_group = readings.bins.get(stream, {})
    control, control_below = _coarse(by_group.get(Group(locked.control), {}))
    for arm in locked.treatments:
        treatment, below = _coarse(by_group.get(Group(arm.key), {}))
        if control and treatment:
            yield HistogramFacts(key, arm.key, BASE, control, treatment, control_below + below)


def _coarse(fine: Mapping[int, int]) -> tuple[dict[int, int], int]:
    """Counts of coarse bins, and how many values are zero or less."""
    counts: Counter[int] = Counter()
    for index, n in fine.items():
        if index > 0:
            counts[(index - ZERO_BIN) // FINE_PER_BIN] += n
    return dict(sorted(counts.items())), sum(n for index, n in fine.items() if index <= 0)
