"""Can a source answer the questions of a plan? A metric whose event no table holds would read zero. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from analysis.sources.definition import EventTable, SourceDefinition
from experiments.plan import LockedPlan
from ledger.refusals import Problem, problem
from metrics.definitions import Kind, Measure, Source
from metrics.reading import meant

COUNTING = (Kind.COUNT, Kind.PROPORTION)


def problems(source: SourceDefinition, locked: LockedPlan) -> tuple[Problem, ...]:
    """Everything the plan asks for and the source does not say."""
    found = [*_exposure_dims(source, locked), *_metrics(source, locked), *_trigger(source, locked)]
    return tuple(dict.fromkeys(found))


def _exposure_dims(source: SourceDefinition, locked: LockedPlan) -> Iterator[Problem]:
    known = [name for name, _ in source.exposures.dims]
    metrics = (name for binding in locked.bindings for name in binding.definition.dimensions)
    narrowed = (name for name, _ in (*locked.filters, *locked.excluded))
    wanted = dict.fromkeys([*narrowed, *locked.dimensions, *metrics])
    for name in wanted:
        if name not in known:
            why = f'the exposure table of source "{source.key}" maps no column to it'
            yield problem("exposures.dims", name, why, f"{meant(name, known)}Add it to the source.")


def _metrics(source: SourceDefinition, locked: LockedPlan) -> Iterator[Problem]:
    for binding in locked.bindings:
        of = binding.definition
        for read in filter(None, (of.source, of.denominator)):
            counted = replace(read, value=Measure.COUNT) if of.kind in COUNTING else read
            yield from _event(source, binding.metric, counted)


def _trigger(source: SourceDefinition, locked: LockedPlan) -> Iterator[Problem]:
    if locked.trigger is not None:
        read = Source(locked.trigger.event, Measure.COUNT, locked.trigger.where)
        yield from _event(source, "the trigger", read)


def _event(source: SourceDefinition, metric: str, read: Source) -> Iterator[Problem]:
    tables = [table for table in source.events if table.event_column or table.event == read.event]
    if not tables:
        known = sorted(table.event for table in source.events)
        why = f'no table of source "{source.key}" holds the event that {metric} reads'
        yield problem("events", read.event, why, f"{meant(read.event, known)}It holds: {', '.join(known)}.")
    for table in tables:
        yield from _table(source, metric, read, table)


def _table(source: SourceDefinition, metric: str, read: Source, table: EventTable) -> Iterator[Problem]:
    if read.value is Measure.VALUE and not table.value:
        why = f"{metric} takes the value of its events, and this table maps no column to it"
        yield problem("events.value", table.table, why, f'Add value to source "{source.key}".')
    known = [name for name, _ in table.dims]
    for name, _ in read.where:
        if name not in known:
            why = f"{metric} filters by it, and {table.table} maps no column to it"
            yield problem("events.dims", name, why, f'{meant(name, known)}Add it to source "{source.key}".')
