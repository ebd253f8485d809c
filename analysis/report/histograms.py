"""How the events of a latency-like metric lie in both arms: counts in bins of equal ratio. Pure.

Bins are equally wide on a logarithmic axis, so that the slow tail is as readable as the middle. Shares are of
all events of an arm, so that arms of different size can be laid over each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.report import numbers, units
from analysis.report.facts import HistogramFacts, ReportFacts
from metrics.definitions import MetricDefinition

SHOWN_TICKS = 5
LEAST_SHARE = 0.0005
"""Bins at the two ends with fewer of both arms' events than this are folded into their neighbour."""


def histograms(facts: ReportFacts) -> list[dict[str, Any]]:
    """One per latency-like metric and treatment arm, in the plan's order."""
    bound = {binding.metric: binding.definition for binding in facts.plan.bindings}
    return [_histogram(found, bound[found.metric]) for found in facts.histograms if found.metric in bound]


def _histogram(found: HistogramFacts, definition: MetricDefinition) -> dict[str, Any]:
    first, last = _ends(found)
    indexes = range(first, last + 1)
    control, treatment = _folded(found.control, first, last), _folded(found.treatment, first, last)
    bins = [_bin(found, definition, index, control, treatment) for index in indexes]
    top = max([each[name] for each in bins for name in ("control_share", "treatment_share")], default=0.0)
    return {
        "metric": found.metric,
        "title": definition.title,
        "arm": found.arm,
        "unit": units.of_value(definition).name,
        "bins": bins,
        "ticks": _ticks(bins),
        "events_control": sum(found.control.values()),
        "events_treatment": sum(found.treatment.values()),
        "not_shown": found.below_zero,
        "text": _text(found),
        "top": top,
        "top_text": numbers.share(round(top, 3)),
    }


def _bin(
    found: HistogramFacts,
    definition: MetricDefinition,
    index: int,
    control: Mapping[int, int],
    treatment: Mapping[int, int],
) -> dict[str, Any]:
    low, high = found.base**index, found.base ** (index + 1)
    unit, shares = units.of_value(definition), {}
    for name, counts in (("control", control), ("treatment", treatment)):
        total = sum(counts.values())
        shares[name] = counts.get(index, 0) / total if total else 0.0
    written = numbers.for_values(unit, [low, high], digits=2)
    return {
        "low": low,
        "high": high,
        "label": f"{written.bare(low)} to {written.text(high)}",
        "low_text": numbers.for_values(unit, [low], digits=2).text(low),
        "control": control.get(index, 0),
        "control_text": numbers.count(control.get(index, 0)),
        "treatment": treatment.get(index, 0),
        "treatment_text": numbers.count(treatment.get(index, 0)),
        "control_share": shares["control"],
        "control_share_text": numbers.share(round(shares["control"], 4)),
        "treatment_share": shares["treatment"],
        "treatment_share_text": numbers.share(round(shares["treatment"], 4)),
    }


def _ends(found: HistogramFacts) -> tuple[int, int]:
    """The first and last bin that hold enough to be seen."""
    together = {index: found.control.get(index, 0) + found.treatment.get(index, 0) for index in _known(found)}
    least = LEAST_SHARE * sum(together.values())
    kept = [index for index, n in together.items() if n >= least]
    return (min(kept), max(kept)) if kept else (0, 0)


def _known(found: HistogramFacts) -> set[int]:
    return {*found.control, *found.treatment}


def _folded(counts: Mapping[int, int], first: int, last: int) -> dict[int, int]:
    """Counts beyond the two ends are added to the bins at the ends: no event is left out."""
    folded: dict[int, int] = {}
    for index, n in counts.items():
        at = min(max(index, first), last)
        folded[at] = folded.get(at, 0) + n
    return folded


def _ticks(bins: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where the axis is written: the lower edges of some bins, at equal distances."""
    step = max(1, math.ceil(len(bins) / SHOWN_TICKS))
    return [{"at": at, "text": bins[at]["low_text"]} for at in range(0, len(bins), step)]


def _text(found: HistogramFacts) -> str:
    events = numbers.count(sum(found.control.values())), numbers.count(sum(found.treatment.values()))
    said = f"{events[0]} events in the control, {events[1]} in {found.arm}"
    if not found.below_zero:
        return f"{said}."
    return f"{said}; {numbers.count(found.below_zero)} events of zero or less are not drawn."
