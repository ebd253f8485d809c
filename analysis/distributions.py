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

WIDTHS = (44, 22, 11, 5)
"""Fine bins in a shown one, widest first: of 44 a bin ends 1.19 times above its start, four to a doubling."""

ENOUGH_BINS = 16
"""The widest bins are taken of which the middle of the values fills so many."""

TAIL_SHARE = 0.005


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
    control = by_group.get(Group(locked.control), {})
    for arm in locked.treatments:
        fine = by_group.get(Group(arm.key), {})
        width = _width(Counter(control) + Counter(fine))
        found = _coarse(control, width), _coarse(fine, width)
        if all(found):
            below = sum(n for counts in (control, fine) for index, n in counts.items() if index <= 0)
            yield HistogramFacts(key, arm.key, math.exp(width / BINS_PER_E_FOLD), *found, below)


def _width(fine: Mapping[int, int]) -> int:
    """How many fine bins make a shown one, for both arms alike."""
    ends = _middle({index: n for index, n in fine.items() if index > 0})
    return next((width for width in WIDTHS if ends // width >= ENOUGH_BINS), WIDTHS[-1])


def _middle(fine: Mapping[int, int]) -> int:
    """How many fine bins hold the values without the two tails."""
    total, seen, inside = sum(fine.values()), 0, []
    for index, n in sorted(fine.items()):
        seen += n
        if TAIL_SHARE * total <= seen <= (1 - TAIL_SHARE) * total:
            inside.append(index)
    return inside[-1] - inside[0] if inside else 0


def _coarse(fine: Mapping[int, int], width: int) -> dict[int, int]:
    """Counts of the values above zero by shown bin."""
    counts: Counter[int] = Counter()
    for index, n in fine.items():
        if index > 0:
            counts[(index - ZERO_BIN) // width] += n
    return dict(sorted(counts.items()))
