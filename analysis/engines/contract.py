"""What an engine is: a plan and the files of the store go in, small exact statistics come out.

An engine never returns rows of units. It knows no metric kinds, no estimators and no Django. A new one
implements `Engine.read` and passes the conformance suite (docs/how-to/add-an-engine.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from analysis.plan import AnalysisPlan, Entry, Stream, Vector
from analysis.stats.moments import Moments
from analysis.stats.quantiles import QuantileStat

MAX_LEVELS = 12
"""Slices of one dimension; units of rarer levels stay in the overall result and appear in no slice."""

BINS_PER_E_FOLD = 256
ZERO_BIN = 1 << 20
"""Bin of a value v above zero: floor(256 ln v) + ZERO_BIN; below zero that of -v, negated; 0 for zero. It is
above every |floor(256 ln v)| of a double, so that bins of positive and negative values do not meet."""

NO_BIN = 1 << 40
"""Where values are counted that are infinite or no number; a look with such values is refused."""

NO_LEVEL = "(none)"
"""The level of units whose first exposure does not carry the dimension."""


class EngineFailure(Exception):
    """The store could not be read or holds values no statistic can be made of; the message says which."""


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """All units of an arm, or those whose first exposure had `level` in `dimension`."""

    arm: str
    dimension: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class StoredDay:
    """The files of one day (UTC) and bucket. Rows are only ever added to a day, and merging files keeps them,
    so the number of `rows` tells whether anything came in since."""

    kind: str
    day: date
    bucket: int
    paths: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class StoreFiles:
    """Addresses of the Parquet files to read, by user-hash bucket; a unit's rows never cross buckets.

    `days` are the same files by day, for engines that keep something of a day between looks; empty when the
    days are not known. `erasures` counts how often rows were taken out of the store.
    """

    exposures: Mapping[int, tuple[str, ...]]
    events: Mapping[int, tuple[str, ...]]
    rows: int = 0
    days: tuple[StoredDay, ...] = ()
    erasures: int = 0

    @property
    def buckets(self) -> tuple[int, ...]:
        return tuple(sorted(self.exposures))


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who takes part.

    `units` by group and `by_day` by (day of first exposure, arm) count enrolled units. Units left out:
    `crossovers` saw more than one arm, `unplanned` only variants the plan does not name, `forced` only
    variants somebody forced on them, `excluded` had a dim that the plan keeps out, `untriggered` have not had
    the plan's trigger. `final` counts, by (window in hours, arm), the units whose window is over.
    """

    units: Mapping[Group, int]
    by_day: Mapping[tuple[date, str], int]
    crossovers: int = 0
    unplanned: int = 0
    forced: int = 0
    excluded: int = 0
    untriggered: int = 0
    final: Mapping[tuple[int, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came in when, by hour (UTC), for the check of the data.

    `exposed` counts units first exposed, by (hour, arm), over the whole run. `events` counts the events that
    the plan's metrics name, by (hour, arm) of their unit, on the last day before the data cut; `strangers`
    those of units that are not enrolled.
    """

    exposed: Mapping[tuple[datetime, str], int] = field(default_factory=dict)
    events: Mapping[tuple[datetime, str], int] = field(default_factory=dict)
    strangers: Mapping[datetime, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look needs of the events.

    `moments[vector][group]` runs over all enrolled units of the group whose window of that vector is over;
    `active[vector][group]` counts all with at least one event of the vector's value.
    `quantiles[stream, share][group]` is missing where a group has no events; `bins[stream][group]` counts its
    values, over everybody, by bin (`ZERO_BIN`). `caps[entry]` is the limit found for (or handed in with) a
    percentile cap.
    """

    enrolment: Enrolment
    moments: Mapping[Vector, Mapping[Group, Moments]]
    active: Mapping[Vector, Mapping[Group, int]]
    quantiles: Mapping[tuple[Stream, float], Mapping[Group, QuantileStat]] = field(default_factory=dict)
    caps: Mapping[Entry, float] = field(default_factory=dict)
    bins: Mapping[Stream, Mapping[Group, Mapping[int, int]]] = field(default_factory=dict)
    arrivals: Arrivals = field(default_factory=Arrivals)


PARTS, DEALS = 8192, 5
"""Groups of units by some bits of their hash, which has nothing to do with the arm they see; and in how many
ways they can be grouped, each independent of the others."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Moments of all enrolled units, whatever their arm, in groups that hold units at random.

    `moments[vector]` of up to `PARTS` groups; `below[stream, share]` those of (values at or below the
    quantile of all values, values) of a unit.
    """

    moments: Mapping[Vector, tuple[Moments, ...]]
    below: Mapping[tuple[Stream, float], tuple[Moments, ...]]


class Engine(Protocol):
    """Reads the store for one look.

    `caps` holds limits frozen by an earlier look; those of other percentile caps are found in the data.
    The same rows give the same readings to 1e-12 relative however they are ordered or split into files.
    Raises EngineFailure.
    """

    @property
    def name(self) -> str: ...

    def read(self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float]) -> Readings: ...


class Dealer(Protocol):
    """An engine that can also deal the units of a plan into random groups, for nightly A/A splits."""

    def parts(
        self, plan: AnalysisPlan, files: StoreFiles, caps: Mapping[Entry, float], deal: int = 0
    ) -> Parts:
        """Of the units that `Engine.read` would enrol; `deal` 0, 1 … are other groups. Raises
        EngineFailure."""


class Crosser(Protocol):
    """An engine that can also read the units that two experiments share, by their arms in both."""

    def crossed(
        self, cells: AnalysisPlan, one: AnalysisPlan, other: AnalysisPlan, files: StoreFiles
    ) -> Readings:
        """What `cells` asks of the units that both plans enrol; its arms are the pairs of theirs, those of
        `other` running faster. Raises EngineFailure."""


class StoreEngine(Engine, Dealer, Crosser, Protocol):
    """What reads Headway's own store."""


class SourceEngine(Engine, Dealer, Crosser, Protocol):
    """What reads a company's own tables."""
