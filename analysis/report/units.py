"""In which unit a metric's values and effects are written and drawn.

Shares are written as per cent and their differences as points. Milliseconds and money are their own natural
unit; everything else is easier to read as a relative change.
"""

from __future__ import annotations

from analysis.report.numbers import NARROW_SPACE, Format, Unit
from metrics.definitions import Direction, Kind, MetricDefinition

PERCENT = Unit("%", 100.0, suffix=f"{NARROW_SPACE}%")
POINTS = Unit("points", 100.0, suffix=f"{NARROW_SPACE}points")
MILLISECONDS = Unit("ms", suffix=f"{NARROW_SPACE}ms", whole_from=100.0)

TIMES = {"ms", "s", "sec", "seconds", "milliseconds", "min", "minutes"}
SYMBOLS = {"$", "€", "£", "¥"}
MONEY = SYMBOLS | {"USD", "EUR", "GBP", "JPY"}
SHARES = {"share"}
SHORT_SUFFIX = 3


def of_value(definition: MetricDefinition) -> Unit:
    """The unit of an arm's value."""
    name = definition.unit
    if is_share(definition):
        return PERCENT
    if name in ("ms", "milliseconds"):
        return MILLISECONDS
    return Unit(name, prefix=name) if name in SYMBOLS else Unit(name, suffix=f"{NARROW_SPACE}{name}")


def of_difference(definition: MetricDefinition) -> Unit:
    """The unit of treatment minus control."""
    return POINTS if is_share(definition) else of_value(definition)


def is_share(definition: MetricDefinition) -> bool:
    """Are values shares 0..1? Proportions always, ratios when their unit is called "share"."""
    return definition.kind is Kind.PROPORTION or definition.unit in SHARES


def is_natural(definition: MetricDefinition) -> bool:
    """Is a difference in the metric's own unit easier to read than a relative one?"""
    return is_share(definition) or definition.unit in TIMES | MONEY


def is_short(unit: Unit) -> bool:
    """Does the unit fit beside every number of a narrow column?"""
    return len(unit.suffix.strip(NARROW_SPACE)) <= SHORT_SUFFIX


def short(written: Format) -> Format:
    """The same numbers without a unit that is too long to repeat."""
    if is_short(written.unit):
        return written
    return Format(Unit(written.unit.name, written.unit.factor), written.decimals, written.exponent)


def is_time_to_cut(definition: MetricDefinition) -> bool:
    """Waiting time, where less is better: its changes are called slower and faster."""
    return definition.unit in TIMES and definition.direction is Direction.DOWN
