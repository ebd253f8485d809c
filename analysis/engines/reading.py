"""One look at the store through any backend that runs Ibis expressions.

Units lie in partitions that share none, so that counts and moments of partitions add exactly; what has to be
known of all units at once (levels of a slice, limits of caps, order statistics) is found between the passes
from counts. Order: enrolment, levels, caps, moments, quantiles. Only worker processes import this module.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import ibis

from analysis.engines import aggregates, arriving, centring, order_statistics
from analysis.engines.aggregates import Key, MomentQuery, Rows
from analysis.engines.centring import Centred
from analysis.engines.contract import NO_BIN, EngineFailure, Enrolment, Group, Readings
from analysis.engines.deviations import Deviations, merge
from analysis.engines.look import ASSIGNED, UNITS, Backend, Grouping, Look, Question
from analysis.plan import CURVE_SHARES, AnalysisPlan, Entry, Stream, Vector
from analysis.stats.moments import Moments
from analysis.stats.quantiles import QuantileStat, quantile_ranks
from analysis.unit_values import (
    CROSSOVER,
    EXCLUDED,
    FORCED,
    STAGE,
    UNPLANNED,
    UNTRIGGERED,
    Table,
    Value,
    column_name,
    level_name,
    stage_names,
    stream_name,
    units_by_hour,
)

Merged = dict[Group, list[Deviations]]
Quantiles = dict[tuple[Stream, float], dict[Group, QuantileStat]]
Bins = dict[Stream, dict[Group, dict[int, int]]]


def read(
    plan: AnalysisPlan,
    backend: Backend,
    frozen: Mapping[Entry, float],
    *,
    assigned_units: Table | None = None,
) -> Readings:
    """Everything one look needs. `assigned_units`: see `Look`."""
    look = Look(plan, backend, assigned_units)
    if plan.dimensions or plan.streams:
        look.hold(ASSIGNED, *map(stream_name, range(len(plan.streams))))
    groupings = look.groupings()
    caps = {entry: frozen[entry] for entry in plan.capped_entries if entry in frozen}
    caps |= percentile_caps(look, [entry for entry in plan.capped_entries if entry not in frozen])
    asked = _Asked.of(look, groupings, caps)
    moments, active, [hours], events = look.visit(
        [
            asked.questions(look),
            _active_questions(look, groupings),
            [look.question(units_by_hour(look.assigned))],
            arriving.questions(look),
        ]
    )
    quantiles, bins = _quantiles(look, groupings)
    return Readings(
        enrolment=_enrolment(look, asked, moments, hours),
        moments=asked.moments(look, moments),
        active=_active(look, groupings, active),
        quantiles=quantiles,
        caps=caps,
        bins=bins,
        arrivals=arriving.arrivals(look, hours, events),
    )


def _enrolment(
    look: Look, asked: _Asked, moments: Sequence[Sequence[Rows]], hours: Sequence[Rows]
) -> Enrolment:
    left_out: Counter[int] = Counter()
    by_day: Counter[tuple[date, str]] = Counter()
    for arm, hour, n in arriving.listed(hours):
        if arm < 0:
            left_out[arm] += n
        elif hour is not None:
            by_day[arriving.instant(hour).date(), look.plan.arms[arm]] += n
    return Enrolment(
        units=asked.units(look, moments),
        by_day=dict(sorted(by_day.items())),
        crossovers=left_out[CROSSOVER],
        unplanned=left_out[UNPLANNED],
        forced=left_out[FORCED],
        excluded=left_out[EXCLUDED],
        untriggered=left_out[UNTRIGGERED],
        final=_final_units(look.plan, moments[0]),
    )


def percentile_caps(look: Look, entries: Sequence[Entry]) -> dict[Entry, float]:
    """Per entry, the percentile of the final values of all arms' units that have one; none, no limit."""
    found = {}
    if entries:
        look.hold(ASSIGNED, UNITS)
    for entry in entries:
        units, stage = look.units, look.plan.stage(entry.column.span.window_hours)
        units = units.filter(units[STAGE] >= stage) if stage else units
        value = units[column_name(look.plan.columns.index(entry.column))]
        values = units.select(value=value).filter(value.notnull())
        bins = binned(look, values, (), entry.column.event)
        if () in bins and entry.cap is not None and entry.cap.percentile is not None:
            rank = quantile_ranks(order_statistics.size(bins[()]), entry.cap.percentile / 100).middle
            found[entry] = ranked_values(look, values, (), bins, {(): [rank]})[()][0]
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """The moments of every vector, asked of all units and of those of each slice."""

    groupings: Sequence[Grouping]
    queries: Sequence[MomentQuery]
    centred: Centred

    @classmethod
    def of(cls, look: Look, groupings: Sequence[Grouping], caps: Mapping[Entry, float]) -> _Asked:
        plan = look.plan
        names = {entry: f"entry{index}" for index, entry in enumerate(plan.entries)}
        levels = map(level_name, range(len(plan.dimensions)))
        columns = {name: limited(look, entry, caps) for entry, name in names.items()}
        table = look.units.select("arm", *stage_names(plan), *levels, **columns)
        vectors = tuple(tuple(names[entry] for entry in vector.entries) for vector in plan.vectors)
        keys = [(*grouping.keys, *stage_names(plan)) for grouping in groupings]
        queries = [MomentQuery(tuple(names.values()), vectors, of) for of in keys]
        return cls(groupings, queries, look.centred(table, tuple(names.values())))

    def questions(self, look: Look) -> list[Question]:
        pairs = zip(self.queries, self.groupings, strict=True)
        return [centring.question(look.backend, query, of.among(self.centred)) for query, of in pairs]

    def units(self, look: Look, answers: Sequence[Sequence[Rows]]) -> dict[Group, int]:
        """Enrolled units per group."""
        pairs = zip(self.groupings, answers, strict=True)
        return {group: n for of, parts in pairs for group, n in _units(look.plan, of, parts).items()}

    def moments(self, look: Look, answers: Sequence[Sequence[Rows]]) -> dict[Vector, dict[Group, Moments]]:
        """Of every vector per group."""
        plan = look.plan
        found: dict[Vector, dict[Group, Moments]] = {vector: {} for vector in plan.vectors}
        for query, grouping, parts in zip(self.queries, self.groupings, answers, strict=True):
            decoded = [query.decode(part, self.centred.centres) for part in parts]
            for index, vector in enumerate(plan.vectors):
                final = [final_of(plan, vector, part, index) for part in decoded]
                for group, [merged] in _merged(plan, grouping, final).items():
                    found[vector][group] = _finite(vector, merged.of_values)
        return found


def final_of(
    plan: AnalysisPlan, vector: Vector, part: Mapping[Key, Sequence[Deviations]], index: int
) -> dict[Key, list[Deviations]]:
    """By group, the moments of units whose value of the vector is final; the last part of a key is the stage
    of its units, where the plan has windows."""
    if not plan.windows_hours:
        return {key: [of[index]] for key, of in part.items()}
    found: dict[Key, list[Deviations]] = defaultdict(list)
    for key, of in part.items():
        if key[-1] >= plan.stage(vector.window_hours):
            found[key[:-1]].append(of[index])
    return {key: [merge(listed)] for key, listed in found.items()}


def limited(look: Look, entry: Entry, caps: Mapping[Entry, float]) -> Value:
    """The column with 0 for units without an event, inside the entry's limits."""
    value = look.units[column_name(look.plan.columns.index(entry.column))].fill_null(0.0)
    if entry.cap is None:
        return value
    upper = caps.get(entry, entry.cap.absolute)
    value = value if upper is None else ibis.least(value, upper)
    return value if entry.cap.floor is None else ibis.greatest(value, entry.cap.floor)


def _units(plan: AnalysisPlan, grouping: Grouping, parts: Iterable[Rows]) -> dict[Group, int]:
    counts: Counter[Group] = Counter()
    for rows in parts:
        for group, n in zip(grouping.groups(plan, rows), rows["n"], strict=True):
            counts[group] += n
    return dict(counts)


def _final_units(plan: AnalysisPlan, parts: Iterable[Rows]) -> dict[tuple[int, str], int]:
    """Units by window and arm, of rows that are by arm and stage."""
    counts: Counter[tuple[int, str]] = Counter()
    for rows in parts if plan.windows_hours else ():
        for arm, stage, n in zip(rows["arm"], rows[STAGE], rows["n"], strict=True):
            for hours in plan.windows_hours[:stage]:
                counts[hours, plan.arms[arm]] += n
    return dict(counts)


def _merged(
    plan: AnalysisPlan, grouping: Grouping, parts: Iterable[Mapping[Key, list[Deviations]]]
) -> Merged:
    by_group: dict[Group, list[list[Deviations]]] = defaultdict(list)
    for part in parts:
        for key, moments in part.items():
            by_group[grouping.group(plan, key)].append(moments)
    return {
        group: [merge(of_vector) for of_vector in zip(*listed, strict=True)]
        for group, listed in sorted(by_group.items())
    }


def _finite(vector: Vector, moments: Moments) -> Moments:
    """Values so large that their squares overflow would turn every later number into nonsense."""
    if not bool((abs(moments.comoment) < float("inf")).all()):
        raise unusable([vector.value.column.event])
    return moments


def unusable(events: Sequence[str]) -> EngineFailure:
    """Of values that no statistic can be made of."""
    named = ", ".join(map(repr, events))
    return EngineFailure(
        f"events named {named} hold values that are infinite or too large to square, or no numbers; remove "
        "them or set a cap on the metric"
    )


def _active_questions(look: Look, groupings: Sequence[Grouping]) -> list[Question]:
    names = sorted(set(_active_names(look.plan).values()))
    asked = [aggregates.active_units(of.of(look.units), names, of.keys) for of in groupings if names]
    return [look.question(each) for each in asked]


def _active_names(plan: AnalysisPlan) -> dict[Vector, str]:
    return {vector: column_name(plan.columns.index(vector.value.column)) for vector in plan.vectors}


def _active(
    look: Look, groupings: Sequence[Grouping], answers: Sequence[Sequence[Rows]]
) -> dict[Vector, dict[Group, int]]:
    names = _active_names(look.plan)
    counts: dict[Vector, Counter[Group]] = {vector: Counter() for vector in names}
    for grouping, parts in zip(groupings, answers, strict=False):
        for rows in parts:
            groups = grouping.groups(look.plan, rows)
            for vector, name in names.items():
                counts[vector].update(dict(zip(groups, rows[name], strict=True)))
    return {vector: dict(of_group) for vector, of_group in counts.items()}


def _quantiles(look: Look, groupings: Sequence[Grouping]) -> tuple[Quantiles, Bins]:
    """The curve's quantiles overall and the metrics' own ones also by slice; and the bins overall."""
    found: Quantiles = defaultdict(dict)
    overall: Bins = {}
    for stream, table in look.streams.items():
        for grouping in groupings:
            asked = set(look.plan.shares_of(stream)) | (set() if grouping.column else set(CURVE_SHARES))
            bins = binned(look, grouping.of(table), grouping.keys, stream.event)
            stats = _quantile_stats(look, grouping.of(table), grouping, sorted(asked), bins) if bins else {}
            for (group, share), stat in stats.items():
                found[stream, share][group] = stat
            if not grouping.column:
                overall[stream] = {grouping.group(look.plan, key): counts for key, counts in bins.items()}
    return dict(found), overall


def _quantile_stats(
    look: Look,
    table: Table,
    grouping: Grouping,
    shares: Sequence[float],
    bins: order_statistics.Counts,
) -> dict[tuple[Group, float], QuantileStat]:
    """Three order statistics per group and share, then the cluster moments of the values below the middle."""
    sizes = {key: order_statistics.size(counts) for key, counts in bins.items()}
    ranks = {key: [quantile_ranks(n, share) for share in shares] for key, n in sizes.items()}
    asked = {
        key: [r for of in listed for r in (of.lower, of.middle, of.upper)] for key, listed in ranks.items()
    }
    values = ranked_values(look, table, grouping.keys, bins, asked)
    limits = [{key: found[3 * i + 1] for key, found in values.items()} for i in range(len(shares))]
    clusters = _clusters(look, table, grouping, limits)
    stats = {}
    for key, found in values.items():
        group = grouping.group(look.plan, key)
        for i, share in enumerate(shares):
            lower, value, upper = found[3 * i : 3 * i + 3]
            cluster = clusters[group][i].of_values
            stats[group, share] = QuantileStat(sizes[key], share, value, lower, upper, cluster)
    return stats


def _clusters(look: Look, table: Table, grouping: Grouping, limits: Sequence[Mapping[Key, float]]) -> Merged:
    names = tuple(f"below{index}" for index in range(len(limits)))
    query = MomentQuery((*names, "values"), tuple((name, "values") for name in names), grouping.keys)
    per_unit = aggregates.below_limits(table, grouping.keys, limits, look.backend.total)
    centred = look.centred(per_unit, query.names)
    return _merged(look.plan, grouping, centring.moments(look.backend, query, centred))


def binned(look: Look, table: Table, keys: Sequence[str], event: str) -> order_statistics.Counts:
    """Values by group and bin. Raises EngineFailure where one of the event's values has no rank."""
    found = order_statistics.merge_counts(look.ask(aggregates.bin_counts(table, keys)), keys, "bin")
    if any(NO_BIN in counts for counts in found.values()):
        raise unusable([event])
    return found


def ranked_values(
    look: Look,
    table: Table,
    keys: Sequence[str],
    bins: order_statistics.Counts,
    ranks: Mapping[Key, Sequence[int]],
) -> dict[Key, list[float]]:
    wanted = order_statistics.wanted_bins(bins, ranks)
    parts = look.ask(aggregates.value_counts(table, keys, wanted))
    values = order_statistics.merge_counts(parts, keys, "value")
    return order_statistics.values_at(bins, values, ranks)
