"""What a pair's newest estimate says: p values corrected over all pairs, hidden where results are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analysis import interaction_queries, queries, unblinding
from analysis.interaction_queries import Keys
from analysis.models import InteractionReading
from analysis.report import numbers, units
from analysis.report.vocabulary import REASONS
from analysis.stats.results import Why
from experiments import queries as experiments
from experiments.plan import LockedPlan
from ledger.refusals import Conflict, problem
from metrics.definitions import MetricDefinition

ALPHA = 0.05
Place = tuple[Keys, str, str, str]
"""A line: pair, metric, arm of the one, arm of the other."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line as it is shown. `adjusted_p` is Holm's over the newest estimates of all pairs."""

    metric: str
    title: str
    one_arm: str
    other_arm: str
    alone: str
    beside: str
    change: str
    interval: str
    p_value: float | None
    adjusted_p: float | None
    why: str

    @property
    def is_found(self) -> bool:
        return self.adjusted_p is not None and self.adjusted_p <= ALPHA

    @property
    def p_text(self) -> str:
        return "" if self.adjusted_p is None else numbers.p_value(self.adjusted_p)


@dataclass(frozen=True, slots=True)
class State:
    """Where a pair stands: nothing yet, under way, failed, or an estimate."""

    reading: InteractionReading | None
    is_busy: bool
    failure: str
    rows: tuple[Row, ...] = ()
    hidden: str = ""

    @property
    def found(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.is_found)

    @property
    def can_say(self) -> bool:
        """Is there a number in any line?"""
        return any(row.adjusted_p is not None for row in self.rows)


def states(of: list[Keys], *, viewer: str, now: datetime) -> dict[Keys, State]:
    """The states of these pairs."""
    newest, jobs = interaction_queries.newest(), interaction_queries.last_jobs(of)
    adjusted = _adjusted(newest)
    return {keys: _state(keys, newest.get(keys), jobs.get(keys), adjusted, viewer, now) for keys in of}


def raise_if_hidden(key: str, *, viewer: str, now: datetime) -> None:
    """Conflict while the results of an experiment are hidden from the viewer, or cannot be trusted."""
    snapshot = queries.latest_snapshot(key)
    if snapshot is None:
        raise Conflict(problem("experiment", key, "it has no report yet", "Wait for its first look."))
    document = json.loads(snapshot.document)
    unblinding.raise_if_blind(document, experiments.experiment(key), viewer=viewer, now=now)
    if document["effects_hidden"]:
        why = "its numbers cannot be trusted, so their effects are hidden"
        raise Conflict(problem("experiment", key, why, "See the report's checks."))


def _state(
    keys: Keys,
    reading: InteractionReading | None,
    job: Any,
    adjusted: Mapping[Place, float],
    viewer: str,
    now: datetime,
) -> State:
    is_busy, failure = interaction_queries.is_under_way(job), interaction_queries.failure(job)
    if reading is None:
        return State(None, is_busy, failure)
    try:
        for key in keys:
            raise_if_hidden(key, viewer=viewer, now=now)
    except Conflict as conflict:
        first = conflict.problems[0]
        return State(reading, is_busy, failure, hidden=f"{first.value.strip(chr(39))}: {first.reason}")
    return State(reading, is_busy, failure, tuple(_rows(keys, reading, adjusted)))


def _adjusted(newest: Mapping[Keys, InteractionReading]) -> dict[Place, float]:
    """Holm over every line that has a p value, of all pairs together."""
    from analysis.stats.multiplicity import holm

    p_values = {
        _place(keys, line): line["interaction"]["p_value"]
        for keys, reading in newest.items()
        for line in reading.lines
        if line["interaction"].get("p_value") is not None
    }
    return dict(zip(p_values, map(float, holm(list(p_values.values()))), strict=True))


def _place(keys: Keys, line: Mapping[str, Any]) -> Place:
    return keys, line["metric"], line["one_arm"], line["other_arm"]


def _rows(keys: Keys, reading: InteractionReading, adjusted: Mapping[Place, float]) -> Iterator[Row]:
    definitions = _definitions(experiments.plan(key) for key in keys)
    for line in reading.lines:
        definition = definitions.get(line["metric"])
        if definition is not None:
            yield _row(line, definition, adjusted.get(_place(keys, line)))


def _definitions(plans: Iterable[LockedPlan]) -> dict[str, MetricDefinition]:
    return {binding.metric: binding.definition for plan in plans for binding in plan.bindings}


def _row(line: Mapping[str, Any], definition: MetricDefinition, adjusted_p: float | None) -> Row:
    alone, beside, found = (line[name] for name in ("alone", "beside", "interaction"))
    return Row(
        metric=line["metric"],
        title=definition.title,
        one_arm=line["one_arm"],
        other_arm=line["other_arm"],
        alone=_point(alone, definition),
        beside=_point(beside, definition),
        change=_point(found, definition),
        interval=_interval(found, definition),
        p_value=found.get("p_value"),
        adjusted_p=adjusted_p,
        why=REASONS[Why(found["why"])] if "why" in found else "",
    )


def _point(found: Mapping[str, Any], definition: MetricDefinition) -> str:
    return _written(found, definition).text(found["estimate"], sign=True) if "estimate" in found else ""


def _interval(found: Mapping[str, Any], definition: MetricDefinition) -> str:
    if "estimate" not in found:
        return ""
    written, ends = _written(found, definition), found["confidence_interval"]
    return f"{written.bare(ends['lower'], sign=True)} to {written.text(ends['upper'], sign=True)}"


def _written(found: Mapping[str, Any], definition: MetricDefinition) -> numbers.Format:
    ends = found["confidence_interval"]
    return numbers.for_interval(
        units.of_difference(definition), found["estimate"], ends["lower"], ends["upper"]
    )
