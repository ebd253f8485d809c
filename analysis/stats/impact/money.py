"""From a slope to money: what 100 ms cost in a year on one surface.

    money = -slope * revenue,   error^2 = revenue^2 var(slope) + slope^2 var(revenue)     (delta method)

where revenue is that of a year on the surface, with its own uncertainty. Slope and revenue come from
different data, so their errors are independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from analysis.stats.results import (
    LARGEST,
    Estimate,
    Interval,
    InvalidInput,
    check_level,
    fields_as_dict,
    in_range,
)
from analysis.stats.tails import critical_value


@dataclass(frozen=True, slots=True)
class Price:
    """Money per 100 ms and year, in the unit of the revenue; positive when delay costs money."""

    value: float
    standard_error: float
    confidence_interval: Interval
    alpha: float

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


def price_of(slope: Estimate, revenue: Estimate, *, alpha: float = 0.1) -> Price:
    """Money a year for each 100 ms. `slope` is a relative change per 100 ms, `revenue` what the surface
    brings in a year. Raises InvalidInput for negative revenue or what is no number."""
    check_level("alpha", alpha)
    if not all(in_range(of.value, of.variance or 1.0) for of in (slope, revenue)):
        raise InvalidInput("slope, revenue", (slope, revenue), "they must be numbers of usual size")
    if not 0 <= revenue.value <= LARGEST:
        raise InvalidInput("revenue", revenue.value, "revenue is not a positive amount", "Give it per year.")
    value = -slope.value * revenue.value
    error = math.hypot(revenue.value * slope.standard_error, slope.value * revenue.standard_error)
    half = critical_value(alpha / 2) * error
    return Price(value, error, Interval(value - half, value + half), alpha)
