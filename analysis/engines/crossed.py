"""Units that are in two experiments at once, by their arm in both: what an interaction is estimated from.

The same kept tables as those of a look, of a plan whose arms are the pairs of arms. A unit counts from the
moment on at which both experiments have it. Only worker processes import this module.
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis

from analysis.engines import reading
from analysis.engines.contract import Readings
from analysis.engines.look import Backend
from analysis.plan import AnalysisPlan, Entry
from analysis.unit_values import CROSSOVER, Table, assigned, exposed, with_edges


def read(
    cells: AnalysisPlan,
    backend: Backend,
    frozen: Mapping[Entry, float],
    *,
    one: AnalysisPlan,
    other: AnalysisPlan,
) -> Readings:
    """Everything of `cells`, whose arms are those of `one` times those of `other`, the latter running faster.
    Units that either experiment leaves out count as crossovers."""
    units = with_edges(cells, in_both(one, other))
    return reading.read(cells, backend, frozen, assigned_units=units)


def in_both(one: AnalysisPlan, other: AnalysisPlan) -> Table:
    """One row per unit seen in both: the number of its pair of arms or a code, and since when it is in both
    of them."""
    first, second = (_arms(plan, prefix) for plan, prefix in ((one, "one"), (other, "other")))
    both = first.join(second, first.one_unit == second.other_unit)
    is_left_out = (both.one_arm < 0) | (both.other_arm < 0)
    pair = both.one_arm.cast("int16") * len(other.arms) + both.other_arm.cast("int16")
    return both.select(
        unit=both.one_unit,
        arm=ibis.cases((is_left_out, CROSSOVER), else_=pair).cast("int16"),
        first_at=ibis.greatest(both.one_first_at, both.other_first_at),
    )


def _arms(plan: AnalysisPlan, prefix: str) -> Table:
    units = assigned(plan, exposed(plan))
    return units.select(**{f"{prefix}_{name}": units[name] for name in ("unit", "arm", "first_at")})
