"""What came in hour by hour: first exposures by arm, and on the last day the events of each arm's units.

Only worker processes import this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from analysis import unit_values
from analysis.engines.contract import Arrivals

if TYPE_CHECKING:
    from analysis.engines.aggregates import Rows
    from analysis.engines.look import Look, Question

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STRANGER = -9
"""In the place of an arm's number for units that are not enrolled."""


def questions(look: Look) -> list[Question]:
    """For the events of the last day, where the plan has any."""
    if not look.plan.events:
        return []
    return [look.question(unit_values.events_by_hour(look.plan, look.assigned, STRANGER))]


def arrivals(look: Look, hours: Sequence[Rows], events: Sequence[Sequence[Rows]]) -> Arrivals:
    """From the answers to `unit_values.units_by_hour` and to these questions."""
    exposed, _ = _counted(look, hours)
    return Arrivals(exposed, *(_counted(look, events[0]) if events else ()))


def listed(parts: Sequence[Rows]) -> Iterator[tuple[int, int | None, int]]:
    """Arm or code, hour and count of all partitions. Engines answer sums of whole numbers in wider types."""
    for rows in parts:
        for arm, hour, n in zip(rows["arm"], rows["hour"], rows["n"], strict=True):
            yield int(arm), hour, int(n)


def instant(hour: int) -> datetime:
    """When that hour since 1970 begins."""
    return EPOCH + timedelta(hours=int(hour))


def _counted(
    look: Look, parts: Sequence[Rows]
) -> tuple[dict[tuple[datetime, str], int], dict[datetime, int]]:
    """Counts by hour and arm, and those of nobody's arm by hour."""
    arms: Counter[tuple[datetime, str]] = Counter()
    strangers: Counter[datetime] = Counter()
    for arm, hour, n in listed(parts):
        if hour is None:
            continue
        if arm < 0:
            strangers[instant(hour)] += n
        else:
            arms[instant(hour), look.plan.arms[arm]] += n
    return dict(sorted(arms.items())), dict(sorted(strangers.items()))
