"""Aggregates that were computed elsewhere, read into the same readings that an engine gives. Pure.

One row for each arm and metric: (n, mean, variance) of the units' values, or (n, events) for a proportion.
What a row cannot hold (ratios, quantiles, caps, pre-periods, slices) is refused or left out, never guessed.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from analysis.engines.contract import Enrolment, Group, Readings
from analysis.plan import AnalysisPlan, analysis_plan, planned_metric
from analysis.stats.moments import Moments
from experiments.plan import LockedPlan
from ledger.refusals import Problem, problem, raise_if_any
from metrics.definitions import Kind, MetricDefinition
from metrics.reading import meant

FIELDS = ("metric", "arm", "n", "mean", "variance", "events")
IMPORTABLE = (Kind.MEAN, Kind.COUNT, Kind.PROPORTION)
MAX_UNITS = 10**12
SHOWN_PROBLEMS = 20
LARGEST = 1e150
"""Squares of larger values would overflow."""
NOT_FINITE = ("nan", "inf", "infinity")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The values of one metric over the `n` units of one arm; `variance` is the sample variance of a unit."""

    metric: str
    arm: str
    n: int
    mean: float
    variance: float

    @property
    def moments(self) -> Moments:
        return Moments.from_aggregates(self.n, [self.mean], [self.variance])

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("metric", "arm", "n", "mean", "variance")}


def read(locked: LockedPlan, rows: Iterable[Row], *, first_line: int = 1) -> tuple[Aggregate, ...]:
    """Every metric of the plan in every arm, once. Raises Refused with every problem and its line; the rows
    of a file begin in line 2."""
    raise_if_any(_not_importable(locked))
    reader = _Reader(locked)
    found = [reader.aggregate(line, row) for line, row in enumerate(rows, start=first_line)]
    known = tuple(each for each in found if each is not None)
    raise_if_any(first_of(reader.problems) or first_of(_missing(locked, known)))
    return known


def plan_of(locked: LockedPlan, *, until: datetime) -> AnalysisPlan:
    """The plan of a look at aggregates: without caps, pre-periods and slices, which are not in them."""
    plain = (_plain(binding.definition) for binding in locked.bindings)
    metrics = tuple(planned_metric(definition) for definition in plain)
    return replace(analysis_plan(locked, until=until), metrics=metrics, dimensions=())


def readings(plan: AnalysisPlan, aggregates: Sequence[Aggregate]) -> Readings:
    """As an engine would have read them."""
    by_metric: dict[str, dict[Group, Moments]] = {}
    for each in aggregates:
        by_metric.setdefault(each.metric, {})[Group(each.arm)] = each.moments
    vectors = {metric.vector: by_metric[metric.key] for metric in plan.metrics if metric.vector is not None}
    active = {vector: {g: _active(m) for g, m in of.items()} for vector, of in vectors.items()}
    enrolled = {Group(arm): n for arm, n in units(aggregates).items()}
    return Readings(Enrolment(enrolled, {}), vectors, active)


def units(aggregates: Sequence[Aggregate]) -> dict[str, int]:
    """An arm's units: the most that any of its metrics has."""
    found: dict[str, int] = {}
    for each in aggregates:
        found[each.arm] = max(found.get(each.arm, 0), each.n)
    return found


def sha256(aggregates: Sequence[Aggregate]) -> str:
    """The same numbers have the same hash, in whatever order they came."""
    content = sorted((each.to_dict() for each in aggregates), key=lambda row: (row["metric"], row["arm"]))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _active(moments: Moments) -> int:
    """Units with an event are not told; a mean of zero means none."""
    return moments.n if moments.mean[0] else 0


def _plain(definition: MetricDefinition) -> MetricDefinition:
    return replace(definition, cap=None, covariate_days=None)


def first_of(problems: Sequence[Problem]) -> list[Problem]:
    """The first problems, and how many more there are: nobody reads thousands."""
    more = len(problems) - SHOWN_PROBLEMS
    if more <= 0:
        return list(problems)
    why = f"these are the first {SHOWN_PROBLEMS}, and {more:,} more were found"
    last = problem("rows", f"{len(problems):,} problems", why, "Correct them and bring all rows again.")
    return [*problems[:SHOWN_PROBLEMS], last]


def _not_importable(locked: LockedPlan) -> list[Problem]:
    """Metrics of the plan that no row could hold."""
    return [
        problem(
            "metric",
            binding.metric,
            f"the plan binds this {binding.definition.kind}, which mean and variance of units do not hold",
            "Import its events, or plan the experiment without it.",
        )
        for binding in locked.bindings
        if binding.definition.kind not in IMPORTABLE
    ]


def _missing(locked: LockedPlan, found: Sequence[Aggregate]) -> list[Problem]:
    """Combinations nobody gave: missing data never counts as a pass, so they are asked for."""
    given = {(each.metric, each.arm) for each in found}
    return [
        problem("rows", f"{binding.metric}, {arm.key}", "this metric has no row for this arm", "Add one.")
        for binding in locked.bindings
        for arm in locked.arms
        if (binding.metric, arm.key) not in given
    ]


def _impossible(definition: MetricDefinition, n: float, mean: float, variance: float) -> str:
    """Why no units have this variance, or nothing. Values of 0 and 1 have m (1 - m); whole numbers with a
    mean that is none have at least that of the two next to it. Means are often rounded, so a tenth is let
    pass."""
    if n < 2:
        return "fewer than two units have no variance" if variance else ""
    share = mean - math.floor(mean)
    least = 0.9 * share * (1 - share)
    if definition.kind is Kind.PROPORTION and not least <= variance <= 1.1 * share * (1 - share) * n / (
        n - 1
    ):
        return f"a share of {mean:g} has a variance of {share * (1 - share):g}"
    if definition.kind is Kind.COUNT and definition.cap is None and variance < least:
        return f"whole numbers with a mean of {mean:g} have a variance of at least {share * (1 - share):g}"
    return ""


class _Reader:
    """Reads rows one by one and collects what is wrong with them."""

    def __init__(self, locked: LockedPlan) -> None:
        self.definitions = {binding.metric: binding.definition for binding in locked.bindings}
        self.arms = tuple(arm.key for arm in locked.arms)
        self.seen: set[tuple[str, str]] = set()
        self.problems: list[Problem] = []

    def aggregate(self, line: int, row: Row) -> Aggregate | None:
        """The row, or None after noting what is wrong with it."""
        before = len(self.problems)
        row = {name: value for name, value in row.items() if value not in (None, "")}
        self._names(line, row)
        if len(self.problems) > before:
            return None
        metric, arm = str(row["metric"]), str(row["arm"])
        n = self._number(line, row, "n", low=0, high=MAX_UNITS, whole=True)
        given = self._events(line, row, n) if "events" in row else self._values(line, row, n)
        if len(self.problems) == before and "events" not in row:
            self._plausible(line, row, n, *given)
        if len(self.problems) > before:
            return None
        return Aggregate(metric, arm, int(n), *given)

    def _names(self, line: int, row: Row) -> None:
        for name in row:
            if name not in FIELDS:
                fix = f"{meant(name, FIELDS)}Columns are {', '.join(FIELDS)}."
                self._note(line, name, row[name], "there is no such column", fix)
        metric, arm = row.get("metric"), row.get("arm")
        if not isinstance(metric, str) or metric not in self.definitions:
            fix = f"{meant(metric, self.definitions)}Bound are: {', '.join(self.definitions)}."
            self._note(line, "metric", metric, "the experiment does not bind this metric", fix)
            return
        if arm not in self.arms:
            fix = f"{meant(arm, self.arms)}Arms are: {', '.join(self.arms)}."
            self._note(line, "arm", arm, "the plan has no such arm", fix)
        elif (metric, arm) in self.seen:
            self._note(line, "arm", arm, f"{metric} has a row for this arm already", "Give one row for each.")
        self.seen.add((str(metric), str(arm)))

    def _events(self, line: int, row: Row, n: float) -> tuple[float, float]:
        """Mean and variance of n units of which so many have an event."""
        metric = str(row["metric"])
        if self.definitions[metric].kind is not Kind.PROPORTION or "mean" in row or "variance" in row:
            self._note(
                line, "events", row["events"], "events stand alone and for proportions only",
                "Give mean and variance for other metrics.",
            )  # fmt: skip
        events = self._number(line, row, "events", low=0, high=n, whole=True)
        share = events / n if n else 0.0
        return share, share * (1 - share) * n / (n - 1) if n > 1 else 0.0

    def _values(self, line: int, row: Row, n: float) -> tuple[float, float]:
        """Mean and variance; databases leave the mean of nothing empty, and the variance of one unit."""
        mean = self._number(line, row, "mean") if n or "mean" in row else 0.0
        variance = self._number(line, row, "variance", low=0) if n > 1 or "variance" in row else 0.0
        return mean, variance

    def _plausible(self, line: int, row: Row, n: float, mean: float, variance: float) -> None:
        """Notes numbers that no units have."""
        definition = self.definitions[str(row["metric"])]
        if definition.kind is Kind.PROPORTION and not 0 <= mean <= 1:
            self._note(line, "mean", row["mean"], "a proportion lies from 0 to 1", "Write 0.05 for 5 %.")
        elif definition.kind is Kind.COUNT and mean < 0:
            self._note(line, "mean", row["mean"], "a number of events is not negative", "Check the export.")
        elif why := _impossible(definition, n, mean, variance):
            fix = "Give the variance of one unit's value, var_samp(value), not that of the mean."
            self._note(line, "variance", row.get("variance"), why, fix)

    def _number(
        self,
        line: int,
        row: Row,
        name: str,
        *,
        low: float = -math.inf,
        high: float = math.inf,
        whole: bool = False,
    ) -> float:
        if name not in row:
            self._note(line, name, None, "this is missing", "Every row needs it.")
            return 0.0
        if not NUMBER.fullmatch(str(row[name])):
            fix = "Write it with a decimal point, without thousands separators."
            finite = "finite " if str(row[name]).lower().lstrip("+-") in NOT_FINITE else ""
            self._note(line, name, row[name], f"this is not a {finite}number", fix)
            return 0.0
        value = float(str(row[name]))
        if not abs(value) < LARGEST or not low <= value <= high or (whole and value != int(value)):
            kind = "a whole number" if whole else "a finite number"
            limit = f" from {low:,.0f} to {high:,.0f}" if math.isfinite(high) else ""
            floor = f" of at least {low:,.0f}" if math.isfinite(low) and not limit else ""
            self._note(line, name, row[name], f"this is not {kind}{limit}{floor}", "Check the export.")
            return 0.0
        return value

    def _note(self, line: int, field: str, value: object, reason: str, fix: str) -> None:
        self.problems.append(problem(field, value, reason, fix, line))
