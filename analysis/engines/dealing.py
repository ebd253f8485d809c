"""The units of a plan in groups at random, with their moments: what A/A splits are dealt from.

The same kept tables as those of a look, grouped by some bits of the unit's hash. Only worker processes import
this module.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from analysis.engines import aggregates, centring, order_statistics, reading
from analysis.engines.aggregates import Key, MomentQuery
from analysis.engines.contract import DEALS, PARTS, Parts
from analysis.engines.deviations import Deviations, merge
from analysis.engines.look import Backend, Look
from analysis.plan import AnalysisPlan, Entry, Vector
from analysis.stats.moments import Moments
from analysis.stats.quantiles import quantile_ranks
from analysis.unit_values import Table, Value, stage_names


def parts(
    plan: AnalysisPlan,
    backend: Backend,
    frozen: Mapping[Entry, float],
    deal: int = 0,
) -> Parts:
    """The same units in groups at random, for A/A splits."""
    look = Look(plan, backend)
    look.hold_all()
    caps = {entry: frozen[entry] for entry in plan.capped_entries if entry in frozen}
    caps |= reading.percentile_caps(look, [entry for entry in plan.capped_entries if entry not in frozen])
    below = {
        (stream, share): _parts_below(look, table, stream.event, share, deal)
        for stream, table in look.streams.items()
        for share in plan.shares_of(stream)
    }
    return Parts(_parts(look, caps, deal), {place: found for place, found in below.items() if found})


def _parts(look: Look, caps: Mapping[Entry, float], deal: int) -> dict[Vector, tuple[Moments, ...]]:
    plan = look.plan
    names = {entry: f"entry{index}" for index, entry in enumerate(plan.entries)}
    columns = {name: reading.limited(look, entry, caps) for entry, name in names.items()}
    table = look.units.select(*stage_names(plan), part=_part(look.units, deal), **columns)
    vectors = tuple(tuple(names[entry] for entry in vector.entries) for vector in plan.vectors)
    query = MomentQuery(tuple(names.values()), vectors, ("part", *stage_names(plan)))
    decoded = centring.moments(look.backend, query, look.centred(table, query.names))
    found = {}
    for index, vector in enumerate(plan.vectors):
        merged = _by_part([reading.final_of(plan, vector, part, index) for part in decoded])
        found[vector] = tuple(of.of_values for [of] in merged)
    return found


def _parts_below(look: Look, table: Table, event: str, share: float, deal: int) -> tuple[Moments, ...]:
    bins = reading.binned(look, table, (), event)
    if () not in bins:
        return ()
    rank = quantile_ranks(order_statistics.size(bins[()]), share).middle
    limit = reading.ranked_values(look, table, (), bins, {(): [rank]})[()][0]
    per_unit = aggregates.below_limits(table, (), [{(): limit}], look.backend.total)
    per_unit = per_unit.mutate(part=_part(per_unit, deal))
    query = MomentQuery(("below0", "values"), (("below0", "values"),), ("part",))
    decoded = centring.moments(look.backend, query, look.centred(per_unit, query.names))
    return tuple(of.of_values for [of] in _by_part(decoded))


def _part(units: Table, deal: int) -> Value:
    shift = (deal % DEALS) * (PARTS.bit_length() - 2)
    return ((units.unit >> shift) & (PARTS - 1)).name("part")


def _by_part(decoded: Sequence[Mapping[Key, list[Deviations]]]) -> list[list[Deviations]]:
    """Per part, in order, the moments of every vector."""
    found: dict[Key, list[list[Deviations]]] = defaultdict(list)
    for part in decoded:
        for key, of in part.items():
            found[key].append(of)
    listed = [found[key] for key in sorted(found)]
    return [[merge(of) for of in zip(*every, strict=True)] for every in listed]
