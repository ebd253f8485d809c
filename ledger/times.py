"""Which times and days can be meant. Others are slips; some of them can neither be stored nor added to."""

from datetime import UTC, date, datetime

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Nothing that a web product did is older."""
LATEST = date(2999, 12, 31)
TOO_EARLY = "this is before 1990"


def is_usual(day: date) -> bool:
    """Whether weeks around this day can be counted."""
    return EARLIEST.date() <= day <= LATEST
