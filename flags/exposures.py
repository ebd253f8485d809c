"""Exposures of the last days, variant by variant, as a page draws them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flags.seen import DayCount

DAYS = 14
HEIGHT = 24
"""Of the tallest bar, in the drawing's units; a day is ten units wide."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of one variant; `x` and `y` are the upper left corner."""

    day: date
    count: int
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Row:
    """One variant. `share` is its part of all exposures shown, 0..1."""

    variant: str
    total: int
    share: float
    bars: tuple[Bar, ...]

    @property
    def percent(self) -> str:
        return f"{100 * self.share:.1f} %"


def rows(counts: Sequence[DayCount], today: date) -> tuple[Row, ...]:
    """The variants that had exposures in the last `DAYS` days, the most frequent first."""
    days = [first_day(today) + timedelta(days=number) for number in range(DAYS)]
    found: dict[str, dict[date, int]] = {}
    for each in counts:
        if each.day in days:
            found.setdefault(each.variant, {})[each.day] = each.count
    whole = sum(sum(by_day.values()) for by_day in found.values())
    tallest = max((count for by_day in found.values() for count in by_day.values()), default=0)
    made = [_row(variant, by_day, days, whole, tallest) for variant, by_day in found.items()]
    return tuple(sorted(made, key=lambda row: (-row.total, row.variant)))


def first_day(today: date) -> date:
    return today - timedelta(days=DAYS - 1)


def _row(variant: str, by_day: dict[date, int], days: list[date], whole: int, tallest: int) -> Row:
    total = sum(by_day.values())
    bars = tuple(_bar(number, day, by_day.get(day, 0), tallest) for number, day in enumerate(days))
    return Row(variant, total, total / whole if whole else 0.0, bars)


def _bar(number: int, day: date, count: int, tallest: int) -> Bar:
    height = round(max(HEIGHT * count / tallest, 1.0), 1) if count else 0.0
    return Bar(day, count, number * 10, round(HEIGHT - height, 1), height)
