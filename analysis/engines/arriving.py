"""What came in hour by hour: first exposures by arm, and on the last day the events of each arm's units.

Only worker processes import this module.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from analysis import unit_values
from analysis.engines.contract import Arrivals

if TYPE_CHECKING:
    from analysis.engines.reading import Look

STRANGER = -9
"""In the place of an arm's number for units that are not enrolled."""


def arrivals(look: Look) -> Arrivals:
    exposed, _ = _counted(look, unit_values.first_exposures_by_hour(look.assigned))
    if not look.plan.events:
        return Arrivals(exposed)
    listed = unit_values.events_by_hour(look.plan, look.assigned, STRANGER)
    return Arrivals(exposed, *_counted(look, listed))


def _counted(
    look: Look, asked: unit_values.Table
) -> tuple[dict[tuple[datetime, str], int], dict[datetime, int]]:
    """Counts of all partitions by hour and arm, and those of nobody's arm by hour."""
    arms: Counter[tuple[datetime, str]] = Counter()
    strangers: Counter[datetime] = Counter()
    for rows in look.ask(asked):
        # Engines answer sums of whole numbers in wider types.
        for hour, arm, n in zip(rows["hour"], rows["arm"], rows["n"], strict=True):
            if arm < 0:
                strangers[hour] += int(n)
            else:
                arms[hour, look.plan.arms[arm]] += int(n)
    return dict(sorted(arms.items())), dict(sorted(strangers.items()))
