"""What waiting buys: how narrow the interval of a running experiment will be some days from now. Pure.

Standard errors shrink as 1 / sqrt(units). Where units keep bringing new values the interval shrinks a little
faster; that is left out, so that nothing is promised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.planning.traffic import forecast

STEPS = (3, 7, 14)


@dataclass(frozen=True, slots=True)
class Later:
    """Half the interval after `days` more days, in the same unit as it was given."""

    days: int
    half_width: float


def later(half_width: float, new_by_day: Sequence[float], *, steps: Sequence[int] = STEPS) -> list[Later]:
    """Half-widths after some more days, from the one now and the new units of each day so far.

    The less favourable curve of `traffic.forecast` is used. Empty without units.
    """
    so_far = sum(new_by_day)
    curve = forecast(new_by_day, days=len(new_by_day) + max(steps))
    if curve is None or so_far <= 0:
        return []
    # From the units there are: the band's lower end may lie below what is already in.
    added = [curve.low[len(new_by_day) + days - 1] - curve.low[len(new_by_day) - 1] for days in steps]
    return [
        Later(days, half_width * math.sqrt(so_far / (so_far + more)))
        for days, more in zip(steps, added, strict=True)
    ]
