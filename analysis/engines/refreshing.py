"""One look's work on a file of rollups: read what changed, add up, leave the tables that a look asks.

Which files there are and what a day is belongs to `analysis.engines.rollups`; only worker processes import
this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import duckdb
import ibis
from ibis.backends.sql.datatypes import DuckDBType
from sqlglot import exp

from analysis import unit_rollups as kept
from analysis import unit_values
from analysis.engines.rollups import EVENTS, EXPOSURES, Change, Day, Days, end_of
from analysis.plan import AnalysisPlan
from analysis.unit_values import Table, Total, stream_name

ReadFiles = Callable[[duckdb.DuckDBPyConnection, str, Sequence[str]], None]
"""Makes the rows of files readable under a name."""


@dataclass
class Statements:
    """The statements of one look, each compiled once for all groups of buckets."""

    plan: AnalysisPlan
    compile: Callable[[Table], str]
    total: Total
    _done: dict[str, str] = field(default_factory=dict)

    def _of(self, name: str, expression: Callable[[], Table]) -> str:
        with unit_values.ONE_AT_A_TIME:
            if name not in self._done:
                self._done[name] = self.compile(expression())
            return self._done[name]

    @property
    def exposed(self) -> str:
        return self._of("exposed", lambda: unit_values.exposed(self.plan))

    @property
    def merged_exposed(self) -> str:
        return self._of("merged_exposed", lambda: kept.merged_exposed(self.plan))

    @property
    def assigned(self) -> str:
        return self._of("assigned", lambda: kept.assigned(self.plan))

    @property
    def new_pairs(self) -> str:
        return self._of("new_pairs", lambda: kept.new_pairs(self.plan))

    @property
    def merged_sums(self) -> str:
        return self._of("merged_sums", lambda: kept.merged_sums(self.plan, self.total))

    @property
    def units(self) -> str:
        return self._of("units", lambda: kept.unit_rows(self.plan))

    def stream_rows(self, index: int) -> str:
        return self._of(f"stream_rows {index}", lambda: kept.stream_rows(self.plan, index))

    def sums(self, pairs: str) -> str:
        return self._of(
            f"sums {pairs}", lambda: kept.pair_sums(self.plan, kept.pairs_table(pairs), self.total)
        )

    def stream(self, index: int, pairs: str) -> str:
        return self._of(
            f"stream {index} {pairs}",
            lambda: kept.stream_values(self.plan, index, kept.pairs_table(pairs)),
        )


def nothing(schema: ibis.Schema) -> str:
    """A statement of no rows."""
    columns = [exp.cast(exp.null(), DuckDBType.from_ibis(kind)).as_(name) for name, kind in schema.items()]
    return exp.select(*columns).limit(0).sql("duckdb")


class Refresh:
    """Brings the rollups of some buckets up to date and leaves the tables that a look asks, in one database.

    Tables of a day are named after it; `total_…` hold all whole days together. Tables that a look asks are
    temporary and made one by one, so that the rollups of few portions take memory at a time.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        statements: Statements,
        read_files: ReadFiles,
        exposures: Days,
        events: Days,
    ) -> None:
        self.cursor, self.say, self.read_files = cursor, statements, read_files
        self.exposures, self.events, self.plan = exposures, events, statements.plan

        self._is_current = False

    def make(self, name: str) -> None:
        """One of the tables that a look asks. Wanting the first brings the rollups up to date."""
        if not self._is_current:
            self._is_current = True
            self._bring_up_to_date()
        if name == kept.UNITS:
            self._units()
        elif name != kept.ASSIGNED:
            self._stream(name)
        self._read_last_day()

    def _bring_up_to_date(self) -> None:
        self.cursor.begin()
        self.cursor.execute("CREATE TABLE IF NOT EXISTS days (kind VARCHAR, day DATE, rows BIGINT)")
        self._exposures()
        self._pairs()
        self._events()
        self._remember()
        self.cursor.commit()
        self._drop(f"temp.{name}" for name in ("open_exposed", kept.CURRENT, kept.NEW, "added", "all_added"))
        self.cursor.execute(
            "CREATE TEMPORARY VIEW pairs_now AS SELECT unit, first_at FROM assigned WHERE arm >= 0"
        )

    def _exposures(self) -> None:
        change = Change.between(self._known(EXPOSURES), self.exposures.whole)
        for day in change.read:
            self.read_files(self.cursor, EXPOSURES, self.exposures.whole[day].paths)
            self._make(_of("exposed", day), self.say.exposed)
        self._drop(_of("exposed", day) for day in change.gone)
        self._add_up("exposed", change, self.exposures.whole, self.say.merged_exposed)
        current = ["total_exposed"]
        if self.exposures.open_paths:
            self.read_files(self.cursor, EXPOSURES, self.exposures.open_paths)
            self._make_temporary("open_exposed", self.say.exposed)
            current.append("open_exposed")
        self._list(current, kept.exposed_table(self.plan, "none"))
        self._make_temporary(kept.CURRENT, self.say.merged_exposed)
        self._make_temporary(kept.ASSIGNED, self.say.assigned)

    def _pairs(self) -> None:
        self.cursor.execute("CREATE TABLE IF NOT EXISTS known_pairs (unit BIGINT, first_at TIMESTAMPTZ)")
        self._make_temporary(kept.NEW, self.say.new_pairs)
        self.cursor.table(kept.NEW).insert_into(kept.KNOWN)

    def _events(self) -> None:
        """Days with other rows than before are read for all pairs, days before an exposure that is new for
        the new pairs."""
        change = Change.between(self._known(EVENTS), self.events.whole)
        added = self._days_of_new_pairs(set(change.read))
        self._drop(_of(what, day) for day in change.gone for what in self._kinds)
        for day in change.read:
            self._read_day(day, kept.KNOWN)
        for day in added:
            self._read_day(day, kept.NEW)
        self._sum_up(change, added)

    def _days_of_new_pairs(self, read: set[date]) -> list[date]:
        [(earliest,)] = self.cursor.execute("SELECT min(first_at) FROM new_pairs").fetchall()
        if earliest is None:
            return []
        since = self.plan.reads_from(earliest)
        return [day for day in self.events.whole if end_of(day) > since and day not in read]

    @cached_property
    def _kinds(self) -> tuple[str, ...]:
        streams = tuple(stream_name(index) for index in range(len(self.plan.streams)))
        return ("sums", *streams) if self.plan.columns else streams

    def _read_day(self, day: date, pairs: str) -> None:
        """Replace the day's tables, or add what it holds of new pairs."""
        self.read_files(self.cursor, EVENTS, self.events.whole[day].paths)
        keep = self._make if pairs == kept.KNOWN else self._append
        for what, statement in self._statements(pairs):
            keep(_of(what, day), statement)

    def _statements(self, pairs: str) -> Iterator[tuple[str, str]]:
        if self.plan.columns:
            yield "sums", self.say.sums(pairs)
        for index in range(len(self.plan.streams)):
            yield stream_name(index), self.say.stream(index, pairs)

    def _append(self, name: str, statement: str) -> None:
        """Also beside the day's table, for the totals."""
        found = self.cursor.sql(statement)
        if not name.startswith("sums"):
            found.insert_into(name)
            return
        self._make_temporary("added", statement)
        self.cursor.table("added").insert_into(name)
        if self._exists("all_added"):
            self.cursor.table("added").insert_into("all_added")
        else:
            self._make_temporary("all_added", "SELECT * FROM added")

    def _sum_up(self, change: Change, added: Sequence[date]) -> None:
        if not self.plan.columns:
            return
        if change.read or change.gone or not self._exists("total_sums"):
            extra = ["all_added"] if added and not change.is_rebuilt else []
            self._add_up("sums", change, self.events.whole, self.say.merged_sums, extra)
        elif added:
            self._list(["all_added"], kept.sums_table(self.plan, "none"))
            self.cursor.sql(self.say.merged_sums).insert_into("total_sums")

    def _add_up(
        self,
        what: str,
        change: Change,
        whole: Mapping[date, Day],
        statement: str,
        extra: Sequence[str] = (),
    ) -> None:
        """Totals of all whole days: days that are new are added, anything else adds up all days again."""
        total = f"total_{what}"
        if not (change.read or change.gone) and self._exists(total):
            return
        if change.is_rebuilt or not self._exists(total):
            parts = [_of(what, day) for day in whole]
        else:
            parts = [total, *(_of(what, day) for day in change.read), *extra]
        table = kept.exposed_table if what == "exposed" else kept.sums_table
        self._list(parts, table(self.plan, "none"))
        self._make("next_total", statement)
        self._drop([total])
        self.cursor.execute(f"ALTER TABLE next_total RENAME TO {total}")

    def _units(self) -> None:
        """The sums of whole days and those of the day that goes on, which is read anew at each look."""
        if self.plan.columns:
            nothing = "SELECT * FROM total_sums LIMIT 0"
            self._make_temporary(kept.OPEN_SUMS, self.say.sums("pairs_now") if self._read_open() else nothing)
        self._make_temporary(kept.UNITS, self.say.units)
        self._drop([f"temp.{kept.OPEN_SUMS}"])

    def _stream(self, name: str) -> None:
        index = self._kinds[-len(self.plan.streams) :].index(name)
        listed = [_of(name, day) for day in self.events.whole]
        if self._read_open():
            self._make_temporary(f"open_{name}", self.say.stream(index, "pairs_now"))
            listed.append(f"open_{name}")
        self._list(listed, kept.pairs_table("none").mutate(value=ibis.literal(0.0)))
        self._make_temporary(name, self.say.stream_rows(index))
        self._drop([f"temp.open_{name}"])

    def _read_open(self) -> bool:
        """Whether there are events of the day that goes on, which can be read from here on."""
        if self.events.open_paths:
            self.read_files(self.cursor, EVENTS, self.events.open_paths)
        return bool(self.events.open_paths)

    def _read_last_day(self) -> None:
        """A look asks for the events of the last day, which is a whole one when the cut is at midnight."""
        last = self.events.whole.get(self.plan.last_day.date())
        if last is not None:
            self.read_files(self.cursor, EVENTS, last.paths)
        elif not self._read_open():
            self.read_files(self.cursor, EVENTS, ())

    def _known(self, kind: str) -> dict[date, int]:
        found = self.cursor.execute("SELECT day, rows FROM days WHERE kind = ? ORDER BY day", [kind])
        return dict(found.fetchall())

    def _remember(self) -> None:
        self.cursor.execute("DELETE FROM days")
        for kind, days in ((EXPOSURES, self.exposures), (EVENTS, self.events)):
            rows = [(kind, day, of.rows) for day, of in days.whole.items()]
            if rows:
                self.cursor.executemany("INSERT INTO days VALUES (?, ?, ?)", rows)

    def _list(self, tables: Sequence[str], like: Table) -> None:
        """The rows of these tables under one name; without tables, none of the schema of `like`."""
        if not tables:
            parts = nothing(like.schema())
        else:
            rows = [f"SELECT * FROM {name}" for name in tables]  # noqa: S608 - names of this module
            parts = " UNION ALL BY NAME ".join(rows)
        self.cursor.execute(f"CREATE OR REPLACE TEMPORARY VIEW {kept.LISTED} AS {parts}")

    def _make(self, name: str, statement: str) -> None:
        self._drop([name])
        self.cursor.sql(statement).create(name)

    def _make_temporary(self, name: str, statement: str) -> None:
        """Both parts are ours: a fixed name and a statement that Ibis or this module wrote."""
        self.cursor.execute(f"DROP TABLE IF EXISTS temp.{name}")
        self.cursor.execute(f"CREATE TEMPORARY TABLE {name} AS {statement}")

    def _drop(self, names: Iterable[str]) -> None:
        for name in names:
            self.cursor.execute(f"DROP TABLE IF EXISTS {name}")

    def _exists(self, name: str) -> bool:
        found = self.cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE table_name = ? AND "
            "database_name IN (current_database(), 'temp')",
            [name],
        )
        return bool(found.fetchall())


def _of(what: str, day: date) -> str:
    return f"{what}_{day:%Y%m%d}"
