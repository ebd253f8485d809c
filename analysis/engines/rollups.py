"""Unit-level rollups by bucket and day between looks, in DuckDB files beside the store: a cache and no more.

What a whole day (UTC) brought is kept per unit, and a look reads only days that got rows since, the open day,
and for units it has not met before the days of their pre-period. A day is known by the number of its rows:
rows are added, and merging files keeps them. When a unit is deleted rows are taken out, and all rollups from
before go with them; how often that happened stands in the name of a folder. Everything happens in one
transaction for each file, so that a look that dies changes nothing; a file that is gone, damaged or held by
another look costs that look a full read and never a number. Only worker processes import this module.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb

from analysis.engines.contract import StoredDay, StoreFiles
from analysis.engines.portions import Portion
from analysis.plan import AnalysisPlan

log = logging.getLogger(__name__)

LAYOUT = 1
"""Raised whenever kept tables would mean something else than before."""

FIRST, DAY = datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1)
KINDS = EXPOSURES, EVENTS = "exposures", "events"


@contextmanager
def held(root: Path, plan: AnalysisPlan, erasures: int = 0) -> Iterator[Path | None]:
    """The folder of a plan's rollups; None while another look has it or where it cannot be made. Those from
    before the last of the `erasures` are deleted."""
    folder = root / f"{erasures}-{fingerprint(plan)}"
    try:
        forget_outdated(root, erasures)
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
    except OSError as failure:
        log.warning("no rollups below %s: %s", root, failure)
        yield None
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
        else:
            (folder / "lock").touch()
            yield folder


def fingerprint(plan: AnalysisPlan) -> str:
    """Of everything but the data cut: rollups of one plan serve all its looks."""
    text = f"{LAYOUT} {duckdb.__version__} {replace(plan, until=FIRST)!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def forget(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def forget_outdated(root: Path, erasures: int) -> int:
    """Delete rollups that were made before rows were taken out; returns of how many plans."""
    old = [folder for folder in root.glob("[0-9]*-*") if int(folder.name.partition("-")[0]) < erasures]
    for folder in old:
        forget(folder)
    return len(old)


def forget_unused(root: Path, *, before: datetime) -> int:
    """Delete the rollups of plans that no look has asked for since; returns of how many plans."""
    locks = [lock for lock in root.glob("*/lock") if lock.stat().st_mtime < before.timestamp()]
    for lock in locks:
        forget(lock.parent)
    return len(locks)


def paths(folder: Path, listed: Sequence[Portion]) -> list[Path]:
    """One file for each portion of the units, named after what it holds; others are of no use any more."""
    wanted = [folder / _name(portion) for portion in listed]
    for path in folder.glob("*.duckdb*"):
        if not path.name.startswith(tuple(each.name for each in wanted)):
            path.unlink()
    return wanted


def _name(portion: Portion) -> str:
    buckets = "-".join(map(str, portion.buckets)) or "none"
    return f"{buckets}.{portion.index}-of-{portion.ranges}.duckdb"


def ranges(folder: Path, wanted: int) -> int:
    """Of hashes in each group of buckets: as many as are wanted, or those that an earlier look needed."""
    kept = [int(path.stem.rpartition("-")[2]) for path in folder.glob("*-of-*.duckdb")]
    return max([wanted, *kept])


@dataclass(frozen=True, slots=True)
class Day:
    """What a group of buckets holds of one day."""

    paths: tuple[str, ...] = ()
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Days:
    """Days of one kind: the whole ones, and the files of those that go on after the data cut."""

    whole: Mapping[date, Day]
    open_paths: tuple[str, ...]

    @classmethod
    def of(cls, files: StoreFiles, kind: str, buckets: Sequence[int], until: datetime) -> Days:
        found: dict[date, list[StoredDay]] = defaultdict(list)
        for stored in files.days:
            if stored.kind == kind and stored.bucket in buckets:
                found[stored.day].append(stored)
        whole = {day: _day(of) for day, of in sorted(found.items()) if end_of(day) <= until}
        opened = [path for day, of in found.items() if day not in whole for path in _day(of).paths]
        return cls(whole, tuple(opened))


def _day(parts: Sequence[StoredDay]) -> Day:
    return Day(tuple(path for part in parts for path in part.paths), sum(part.rows for part in parts))


def end_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + DAY


@dataclass(frozen=True, slots=True)
class Change:
    """Which days have to be read (again), and which are no longer there."""

    read: tuple[date, ...]
    gone: tuple[date, ...]
    is_rebuilt: bool

    @classmethod
    def between(cls, before: Mapping[date, int], now: Mapping[date, Day]) -> Change:
        changed = tuple(day for day, of in now.items() if before.get(day) != of.rows)
        gone = tuple(day for day in before if day not in now)
        return cls(changed, gone, bool(gone) or any(day in before for day in changed))
