"""One day of one slice of a metric, in a form that adds up over slices: its value and nothing of users.

Sums over slices count a user who was seen in two slices of a day in both.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from analysis.stats.quantiles import LogHistogram
from metrics.definitions import Kind, MetricDefinition


@dataclass(frozen=True, slots=True)
class Wanted:
    """A metric to be kept by day; `per_event` averages the values of events, which is how latency is read."""

    metric: MetricDefinition
    per_event: bool = False

    @property
    def is_quantile(self) -> bool:
        return self.metric.kind is Kind.QUANTILE

    @property
    def recipe(self) -> str:
        """What the numbers are made of; a new title of the metric leaves them, a new filter does not."""
        made_of = {
            "kind": self.metric.kind.value,
            "source": self.metric.source.to_dict(),
            "denominator": self.metric.denominator and self.metric.denominator.to_dict(),
            "per_event": self.per_event,
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Cell:
    """A fraction above / below, or the histogram of a quantile."""

    above: float = 0.0
    below: float = 0.0
    histogram: LogHistogram | None = None

    def __add__(self, other: "Cell") -> "Cell":
        both = [each.histogram for each in (self, other) if each.histogram is not None]
        histogram = None if not both else both[0] if len(both) == 1 else both[0] + both[1]
        return Cell(self.above + other.above, self.below + other.below, histogram)

    def value(self, wanted: Wanted) -> float | None:
        """The metric; None without data."""
        if wanted.is_quantile:
            return None if self.histogram is None else self.histogram.quantile(wanted.metric.quantile or 0.5)
        return self.above / self.below if self.below else None

    def to_json(self) -> list[Any]:
        histogram = None if self.histogram is None else self.histogram.to_dict()
        return [self.above, self.below] if histogram is None else [self.above, self.below, histogram]

    @classmethod
    def from_json(cls, data: list[Any]) -> "Cell":
        histogram = LogHistogram.from_dict(data[2]) if len(data) > 2 else None
        return cls(float(data[0]), float(data[1]), histogram)


def total(cells: Iterable[Cell]) -> Cell:
    return sum(cells, Cell())
