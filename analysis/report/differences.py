"""A difference between arms in words, outside of a report: trips, monitors, notices."""

from __future__ import annotations

from analysis.report import numbers, units
from metrics.definitions import MetricDefinition


def in_words(definition: MetricDefinition, *, estimate: float, low: float, high: float) -> str:
    """+8.0 points (7.2 to 8.7)."""
    unit = units.of_difference(definition)
    written = numbers.for_interval(unit, estimate, low, high)
    return f"{written.text(estimate, sign=True)} ({written.bare(low)} to {written.bare(high)})"


def amount(definition: MetricDefinition, value: float) -> str:
    """A size in the metric's unit: 20 ms, 1 point of a share."""
    written = numbers.for_values(units.of_difference(definition), [value], digits=2)
    return written.text(value)
