"""The tables of one look in the partitions of a backend, and the questions asked of them.

Units lie in partitions that share none. Tables that one question of all units at once needs (levels of a
slice, limits of caps, order statistics) are held in every partition; all others are made in a partition when
it is visited and dropped when it has answered, so that only partitions at work take memory. Only worker
processes import this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

import ibis

from analysis.engines import centring
from analysis.engines.aggregates import Key, Rows
from analysis.engines.centring import Centred
from analysis.engines.contract import MAX_LEVELS, Group
from analysis.plan import AnalysisPlan
from analysis.unit_values import (
    Table,
    Total,
    assigned,
    exposed,
    level_name,
    stream_name,
    stream_rows,
    unit_rows,
)

T = TypeVar("T")
ASSIGNED, UNITS = "assigned", "units"


class Partition(Protocol):
    """Some of the units with all their rows; `exposures` and `events` can be read in it by those names."""

    def keep(self, name: str, statement: str) -> None:
        """Store the rows of a statement under a name that later statements can read."""

    def drop(self, name: str) -> None:
        """Give back the memory of a kept table that no later statement reads."""

    def rows(self, statement: str) -> Rows:
        """The (few) rows of a statement, by column."""


Question: TypeAlias = Callable[[Partition], Rows]


class Backend(Protocol):
    """Runs statements on all partitions."""

    @property
    def partitions(self) -> Sequence[Partition]: ...

    @property
    def total(self) -> Total: ...

    def compile(self, expression: Table) -> str: ...

    def each(self, work: Callable[[Partition], T]) -> list[T]: ...


@dataclass(frozen=True, slots=True)
class Grouping:
    """All units by arm, or by arm and the chosen levels of one dimension."""

    dimension: str = ""
    column: str = ""
    levels: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return ("arm", self.column) if self.column else ("arm",)

    def of(self, table: Table) -> Table:
        return table.filter(table[self.column].isin(self.levels)) if self.column else table

    def among(self, centred: Centred) -> Centred:
        return Centred(self.of(centred.table), centred.centres)

    def group(self, plan: AnalysisPlan, key: Key) -> Group:
        return Group(plan.arms[key[0]], self.dimension, *key[1:])

    def groups(self, plan: AnalysisPlan, rows: Rows) -> list[Group]:
        keys = zip(*(rows[name] for name in self.keys), strict=True)
        return [self.group(plan, key) for key in keys]


class Look:
    """The tables of one look and the questions asked of them."""

    def __init__(
        self,
        plan: AnalysisPlan,
        backend: Backend,
        assigned_units: Table | None = None,
    ) -> None:
        """`assigned_units` stand in the place of the units that the plan's own experiment has."""
        self.plan = plan
        self.backend = backend
        self._expressions: dict[str, Table] = {}
        units = assigned(plan, exposed(plan)) if assigned_units is None else assigned_units
        self.assigned = self._table(ASSIGNED, units)
        self.units = self._table(UNITS, unit_rows(plan, self.assigned, backend.total))
        self.streams = {
            stream: self._table(stream_name(index), stream_rows(plan, stream, self.assigned))
            for index, stream in enumerate(plan.streams)
        }
        self._passing = tuple(self._expressions)
        self._made: set[int] = set()

    def _table(self, name: str, expression: Table) -> Table:
        self._expressions[name] = expression
        return ibis.table(expression.schema(), name=name)

    def hold(self, *names: str) -> None:
        """Every partition makes these tables and keeps them to the end."""
        wanted = [name for name in self._passing if name in names]
        if wanted:
            statements = self._statements(wanted)
            self._passing = tuple(name for name in self._passing if name not in names)
            self.backend.each(lambda partition: _keep(partition, statements))

    def hold_all(self) -> None:
        self.hold(*self._expressions)

    def _statements(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.backend.compile(self._expressions[name]) for name in names}

    def ask(self, expression: Table) -> list[Rows]:
        """The rows of an expression over held tables, per partition."""
        return self.backend.each(self.question(expression))

    def question(self, expression: Table) -> Question:
        statement = self.backend.compile(expression)
        return lambda partition: partition.rows(statement)

    def visit(self, questions: Sequence[Sequence[Question]]) -> list[list[list[Rows]]]:
        """What partitions answer, by list, question and partition; each is asked everything at once."""
        statements = self._statements(self._passing)

        def answers(partition: Partition) -> list[list[Rows]]:
            self._make(partition, statements)
            found = [[question(partition) for question in listed] for listed in questions]
            for name in reversed(statements):
                partition.drop(name)
            return found

        parts = self.backend.each(answers)
        return [
            [[part[at][index] for part in parts] for index in range(len(listed))]
            for at, listed in enumerate(questions)
        ]

    def _make(self, partition: Partition, statements: dict[str, str]) -> None:
        if id(partition) not in self._made:
            self._made.add(id(partition))
            _keep(partition, statements)

    def _one_by_one(self) -> Iterator[Partition]:
        """Partitions with all their tables, made when they are asked for."""
        statements = self._statements(self._passing)
        for partition in self.backend.partitions:
            self._make(partition, statements)
            yield partition

    def centred(self, table: Table, names: Sequence[str]) -> Centred:
        """A table over those of the look and the centres of these columns."""
        return centring.centred(self.backend, table, names, self._one_by_one())

    def groupings(self) -> list[Grouping]:
        """Overall, and each dimension with its most frequent levels."""
        named = enumerate(self.plan.dimensions)
        sliced = [Grouping(name, level_name(i), self._levels(level_name(i))) for i, name in named]
        return [Grouping(), *sliced]

    def _levels(self, column: str) -> tuple[str, ...]:
        enrolled = self.assigned.filter(self.assigned.arm >= 0)
        counts: Counter[str] = Counter()
        for rows in self.ask(enrolled.group_by(column).agg(n=enrolled.count())):
            counts.update(dict(zip(rows[column], rows["n"], strict=True)))
        return tuple(sorted(counts, key=lambda level: (-counts[level], level))[:MAX_LEVELS])


def _keep(partition: Partition, statements: dict[str, str]) -> None:
    for name, statement in statements.items():
        partition.keep(name, statement)
