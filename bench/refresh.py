"""What an hourly look costs on day 30 beside day 1: `python -m bench.refresh [--users N]`.

All users are exposed during the first day and act on each of the next thirty: the hardest case for a look,
for nobody is new and everything they ever did counts. Ten metrics, each with a pre-period of a week. Before
each measured look another one an hour earlier was made, as on a site. Looks run in fresh processes; ratios
are of processor time per exposed unit, best of the rounds. Beside them the same look without rollups.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.analysis import (
    BEFORE_DAYS,
    BUCKETS,
    METRICS,
    NAMES,
    THREADS,
    Cost,
    in_a_process,
    metric_of,
    unit_hash,
    write,
)

START = datetime(2026, 3, 2, tzinfo=UTC)
LAST_DAY, ROUNDS, BAR = 30, 3, 1.2


def generate(folder: Path, users: int) -> None:
    """One file a day and bucket; half an event for each user, day and metric."""
    import duckdb

    database = duckdb.connect(config={"threads": THREADS, "memory_limit": "2GB"})
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SELECT setseed(0.5)")
    for bucket in range(BUCKETS):
        unit = unit_hash(f"i + {bucket * users}", bucket)
        anybody = unit_hash(f"(random() * {users // BUCKETS - 1})::BIGINT + {bucket * users}", bucket)
        exposures = f"""
            SELECT 'x' || i AS event_id, TIMESTAMPTZ '{START}' + to_seconds(random() * 40000) AS ts,
                   {unit} AS unit, 'user' AS unit_type, 'flag' AS flag, 'speed' AS experiment,
                   CASE WHEN random() < 0.5 THEN 'off' ELSE 'on' END AS variant, 1::INTEGER AS version,
                   false AS forced, MAP {{'device': 'phone'}} AS dims, TIMESTAMPTZ '{START}' AS received_at
            FROM range({users // BUCKETS}) AS t(i)"""
        write(database, _path(folder, "exposures", START.date(), bucket), exposures)
        for number in range(-BEFORE_DAYS, LAST_DAY + 1):
            day = START + timedelta(days=number)
            events = f"""
                SELECT 'e' || j AS event_id, TIMESTAMPTZ '{day}' + to_seconds(random() * 86400) AS ts,
                       {anybody} AS unit,
                       'user' AS unit_type, 'action' || (random() * {METRICS})::INTEGER % {METRICS} AS name,
                       round(-ln(random() + 1e-9) * 10, 2) AS value, NULL::BIGINT AS session,
                       MAP {{'page': 'home'}} AS dims, TIMESTAMPTZ '{START}' AS received_at
                FROM range({users // BUCKETS}) AS t(j) ORDER BY unit, ts"""
            write(database, _path(folder, "events", day.date(), bucket), events)


def _path(folder: Path, kind: str, day: date, bucket: int) -> Path:
    return folder / kind / str(day) / f"{bucket:02d}.parquet"


def stored(folder: Path, users: int):
    """What the manifest would list."""
    from analysis.engines.contract import StoredDay, StoreFiles

    days, of = [], {"exposures": {}, "events": {}}
    for kind, by_bucket in of.items():
        for path in sorted((folder / kind).rglob("*.parquet")):
            bucket = int(path.stem)
            by_bucket.setdefault(bucket, []).append(str(path))
            day = date.fromisoformat(path.parent.name)
            days.append(StoredDay(kind, day, bucket, (str(path),), users // BUCKETS))
    found = [{b: tuple(paths) for b, paths in by_bucket.items()} for by_bucket in of.values()]
    return StoreFiles(*found, sum(day.rows for day in days), tuple(days))


def look(folder: Path, users: int, hours: float, kept: Path | None) -> int:
    """One look at data until so many hours after the start; returns its units."""
    from analysis.engines.duckdb import DuckDBEngine
    from analysis.plan import AnalysisPlan

    plan = AnalysisPlan(
        experiment="speed",
        unit_type="user",
        arms=("control", "treatment"),
        variants=("off", "on"),
        since=START,
        until=START + timedelta(hours=hours),
        metrics=tuple(metric_of(name, covariates=True) for name in NAMES),
    )
    files = stored(folder, users)
    within = tuple(day for day in files.days if day.day <= plan.until.date())
    files = type(files)(
        {b: _until(paths, plan.until) for b, paths in files.exposures.items()},
        {b: _until(paths, plan.until) for b, paths in files.events.items()},
        sum(day.rows for day in within),
        within,
    )
    # Stores of a real site have many more rows than these few days, so groups of buckets are fixed here.
    engine = DuckDBEngine(folder, threads=THREADS, rollups=kept, rows_per_partition=max(1, files.rows // 4))
    return sum(engine.read(plan, files, {}).enrolment.units.values())


def _until(paths, until: datetime):
    return tuple(path for path in paths if date.fromisoformat(Path(path).parent.name) <= until.date())


def timed(folder: Path, users: int, hours: float, kept: Path | None) -> tuple[Cost, int]:
    where = f"Path({str(kept)!r})" if kept else None
    return in_a_process(f"bench.refresh.look(Path({str(folder)!r}), {users}, {hours}, {where})")


def refreshed(folder: Path, users: int, hours: float, scratch: Path) -> tuple[Cost, int]:
    """The look an hour after another one, on a copy of what that one left: the best of some rounds."""
    before, kept = scratch / f"before-{hours}", scratch / "kept"
    timed(folder, users, hours - 1, before)
    rounds = []
    for _ in range(ROUNDS):
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(before, kept)
        rounds.append(timed(folder, users, hours, kept))
    return min(rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=200_000)
    users = parser.parse_args().users
    with tempfile.TemporaryDirectory(prefix="headway-bench-") as scratch:
        folder = Path(scratch) / "store"
        generate(folder, users)
        print(f"{users:,} units, {users * (LAST_DAY + 1 + BEFORE_DAYS):,} events, 10 metrics + pre-period")
        first, units = refreshed(folder, users, 23, Path(scratch))
        last, same_units = refreshed(folder, users, 24 * (LAST_DAY - 1) + 23, Path(scratch))
        whole, whole_units = min(timed(folder, users, 24 * (LAST_DAY - 1) + 23, None) for _ in range(ROUNDS))
        assert units == same_units == whole_units
        print(f"hourly look on day 1                {first}")
        for what, cost in (("hourly look", last), ("without rollups", whole)):
            ratio = cost.used_s / first.used_s
            print(f"{what:15} on day {LAST_DAY}           {cost}   ratio {ratio:.2f}, bar {BAR}")


if __name__ == "__main__":
    main()
