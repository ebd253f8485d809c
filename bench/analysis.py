"""What a look costs, beside bare DuckDB in the same run: `python -m bench.analysis [--users N] [--events N]`.

Two questions. (1) Moments of ten metrics with and without a pre-period from a table of units, against the
aggregates anybody would write (count, avg, var_samp, covar_samp). (2) The whole look from exposures and
events, against the same job written by hand as one SQL statement. Contestants take turns in fresh processes
on the same files with the same number of threads. Ratios are of processor time, which other work on the
machine disturbs least; the best round counts. Memory is the peak of each process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BUCKETS, METRICS, THREADS, ROUNDS = 16, 10, 2, 3
ROWS_A_GROUP = 65_536
NAMES = [f"action{number}" for number in range(METRICS)]
OURS = {"memory_limit": "2GB"}
ROWS_A_PARTITION = 400_000
SIZE = "size.json"
START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS, BEFORE_DAYS = 14, 7


def generate(folder: Path, users: int, events: int) -> None:
    """Exposures, events and a table of units. Files are those that the store would hold: one a day and
    bucket, sorted by unit and time; of units one a bucket."""
    import duckdb

    database = duckdb.connect(config={"threads": THREADS, "memory_limit": "4GB"})
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SELECT setseed(0.5)")
    for bucket in range(BUCKETS):
        for kind, statement in _statements(bucket, users // BUCKETS, events // BUCKETS).items():
            database.execute(f"CREATE OR REPLACE TEMPORARY TABLE made AS {statement}")
            if kind == "units":
                write(database, folder / kind / f"{bucket:02d}.parquet", "FROM made ORDER BY unit")
            else:
                _write_days(database, folder / kind, bucket)
    (folder / SIZE).write_text(json.dumps([users, events]))


def _write_days(database, folder: Path, bucket: int) -> None:
    for (day,) in database.execute("SELECT DISTINCT ts::DATE FROM made").fetchall():
        rows = f"FROM made WHERE ts::DATE = DATE '{day}' ORDER BY unit, ts"
        write(database, folder / str(day) / f"{bucket:02d}.parquet", rows)


def write(database, path: Path, statement: str) -> None:
    """As compaction writes files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_A_GROUP}"
    database.execute(f"COPY ({statement}) TO '{path}' ({settings})")


def unit_hash(number: str, bucket: int) -> str:
    """A 64-bit mix with a sign, of a number that nobody else has."""
    return f"(hash({number})::HUGEINT // {BUCKETS} * {BUCKETS} - {1 << 63})::BIGINT + {bucket}"


def size(folder: Path) -> tuple[int, int]:
    """Users and events of what was generated."""
    users, events = json.loads((folder / SIZE).read_text())
    return users, events


def _statements(bucket: int, users: int, events: int) -> dict[str, str]:
    unit = unit_hash(f"i + {bucket * users}", bucket)
    spent = ", ".join(
        f"round(-ln(random() + 1e-9) * 10, 2) AS y{n}, round(-ln(random() + 1e-9) * 10, 2) AS x{n}"
        for n in range(METRICS)
    )
    span, shift = DAYS * 86_400, BEFORE_DAYS * 86_400
    exposures = f"""
        SELECT 'x' || i AS event_id, TIMESTAMPTZ '{START}' + to_seconds(random() * {span // 2}) AS ts,
               {unit} AS unit, 'user' AS unit_type, 'flag' AS flag, 'speed' AS experiment,
               CASE WHEN random() < 0.5 THEN 'off' ELSE 'on' END AS variant, 1::INTEGER AS version,
               false AS forced, MAP {{'device': 'phone'}} AS dims, TIMESTAMPTZ '{START}' AS received_at
        FROM range({users}) AS t(i)"""
    listed = f"""
        SELECT 'e' || j AS event_id,
               TIMESTAMPTZ '{START}' + to_seconds(random() * {span + shift} - {shift}) AS ts,
               unit, 'user' AS unit_type, 'action' || (random() * {METRICS})::INTEGER % {METRICS} AS name,
               round(-ln(random() + 1e-9) * 10, 2) AS value, NULL::BIGINT AS session,
               MAP {{'page': 'home'}} AS dims, TIMESTAMPTZ '{START}' AS received_at
        FROM (SELECT j, {unit} AS unit FROM (SELECT j, (random() * {users - 1})::BIGINT AS i
              FROM range({events}) AS t(j)))"""
    units = f"SELECT {unit} AS unit, (random() * 2)::INTEGER % 2 AS arm, {spent} FROM range({users}) AS t(i)"
    return {"exposures": exposures, "events": listed, "units": units}


def connection(folder: Path, threads: int = THREADS):
    import duckdb

    database = duckdb.connect(config={"threads": threads, "memory_limit": "2GB"})
    database.execute("SET TimeZone = 'UTC'")
    for kind in ("exposures", "events", "units"):
        database.execute(f"CREATE VIEW {kind} AS SELECT * FROM read_parquet('{folder / kind}/**/*.parquet')")
    return database


def bare_moments(folder: Path, covariates: bool) -> int:
    """Means, variances and, with covariates, covariances: one pass, no digits saved."""
    columns = [
        part
        for n in range(METRICS)
        for part in (
            [f"avg(y{n}), var_samp(y{n})"]
            + ([f"avg(x{n}), var_samp(x{n}), covar_samp(y{n}, x{n})"] if covariates else [])
        )
    ]
    found = connection(folder).sql(f"SELECT arm, count(*), {', '.join(columns)} FROM units GROUP BY arm")
    return sum(row[1] for row in found.fetchall())


def our_moments(folder: Path, covariates: bool) -> int:
    """See `moments_of_units`."""
    return sum(moments[0].n for moments in moments_of_units(folder, covariates).values())


def moments_of_units(folder: Path, covariates: bool, database=None) -> dict:
    """Per arm, the moments of every metric: the engine's own statements, partitions of buckets in threads as
    the engine runs them."""
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import ExitStack

    import ibis

    from analysis.engines import centring
    from analysis.engines.aggregates import MomentQuery
    from analysis.engines.deviations import merge
    from analysis.engines.duckdb import _Backend, _Partition, opened
    from analysis.engines.views import FilesView

    vectors = tuple((f"y{n}", f"x{n}") if covariates else (f"y{n}",) for n in range(METRICS))
    query = MomentQuery(tuple(name for vector in vectors for name in vector), vectors, ("arm",))
    columns = {f"{a}{n}": "float64" for n in range(METRICS) for a in "yx"}
    schema = ibis.schema({"unit": "int64", "arm": "int32"} | columns)
    database = database or opened(OURS)
    with ExitStack() as stack:
        partitions = [
            stack.enter_context(
                _Partition.open(database.cursor(), index, (FilesView("units", schema, paths, None),))
            )
            for index, paths in enumerate(_dealt(folder))
        ]
        backend = _Backend(partitions, stack.enter_context(ThreadPoolExecutor(THREADS)))
        rows = centring.centred(backend, ibis.table(schema, name="units"), query.names)
        parts = centring.moments(backend, query, rows)
        for index in range(len(partitions)):
            database.execute(f"DETACH partition_{index}")
    return {
        arm: [merge([found[(arm,)][n] for found in parts]).of_values for n in range(METRICS)]
        for arm in (0, 1)
    }


def _dealt(folder: Path) -> list[list[str]]:
    """The files of units of each partition."""
    paths = sorted(str(path) for path in (folder / "units").glob("*.parquet"))
    count = max(THREADS, size(folder)[0] // ROWS_A_PARTITION)
    return [paths[index::count] for index in range(count)]


def hand_written_look(folder: Path, covariates: bool) -> int:
    """The whole job as one statement, the way somebody who knows DuckDB writes it."""
    after, before = "e.ts >= a.first_at", "e.ts < a.first_at"
    sums = [f"sum(e.value) FILTER (e.name = '{name}' AND {after}) AS y{n}" for n, name in enumerate(NAMES)]
    shown = [f"avg(coalesce(y{n}, 0)), var_samp(coalesce(y{n}, 0))" for n in range(METRICS)]
    if covariates:
        sums += [
            f"sum(e.value) FILTER (e.name = '{name}' AND {before}) AS x{n}" for n, name in enumerate(NAMES)
        ]
        shown += [
            f"avg(coalesce(x{n}, 0)), var_samp(coalesce(x{n}, 0)), "
            f"covar_samp(coalesce(y{n}, 0), coalesce(x{n}, 0))"
            for n in range(METRICS)
        ]
    since = f"a.first_at - INTERVAL {BEFORE_DAYS} DAY" if covariates else "a.first_at"
    until = START + timedelta(days=DAYS)
    listed = ", ".join(f"'{name}'" for name in NAMES)
    statement = f"""
        WITH a AS (
            SELECT unit, min(ts) AS first_at, min(variant) AS low, max(variant) AS high FROM exposures
            WHERE experiment = 'speed' AND unit_type = 'user' AND NOT forced
              AND ts >= TIMESTAMPTZ '{START}' AND ts < TIMESTAMPTZ '{until}'
            GROUP BY unit HAVING min(variant) = max(variant)),
        u AS (
            SELECT a.unit, {", ".join(sums)} FROM a JOIN events e ON e.unit = a.unit AND e.ts >= {since}
            WHERE e.name IN ({listed}) AND e.ts < TIMESTAMPTZ '{until}' GROUP BY a.unit)
        SELECT low, count(*), {", ".join(shown)} FROM a LEFT JOIN u USING (unit) GROUP BY low"""
    return sum(row[1] for row in connection(folder).sql(statement).fetchall())


def metric_of(name: str, covariates: bool):
    """The mean value of the events of that name, with or without a pre-period."""
    from analysis.plan import planned_metric
    from metrics.definitions import Direction, Kind, Measure, MetricDefinition, Source

    return planned_metric(
        MetricDefinition(
            key=name,
            title=name,
            question="?",
            kind=Kind.MEAN,
            unit="$",
            direction=Direction.UP,
            owner="bench",
            hypothesis="-",
            source=Source(name, Measure.VALUE),
            covariate_days=BEFORE_DAYS if covariates else None,
        )
    )


def our_look(folder: Path, covariates: bool) -> int:
    """The engine as a look calls it, crossovers, caps and all."""
    from analysis.engines.contract import Group, StoreFiles
    from analysis.engines.duckdb import DuckDBEngine
    from analysis.plan import AnalysisPlan

    plan = AnalysisPlan(
        experiment="speed",
        unit_type="user",
        arms=("control", "treatment"),
        variants=("off", "on"),
        since=START,
        until=START + timedelta(days=DAYS),
        metrics=tuple(metric_of(name, covariates) for name in NAMES),
    )
    files = StoreFiles(_paths(folder / "exposures"), _paths(folder / "events"), sum(size(folder)))
    readings = DuckDBEngine(folder, threads=THREADS).read(plan, files, {})
    return sum(readings.enrolment.units[Group(arm)] for arm in plan.arms)


def _paths(folder: Path) -> dict[int, tuple[str, ...]]:
    names = [(bucket, f"{bucket:02d}.parquet") for bucket in range(BUCKETS)]
    return {bucket: tuple(sorted(map(str, folder.rglob(name)))) for bucket, name in names}


class Cost(NamedTuple):
    """Processor seconds, seconds on the clock, peak memory, and by how much that is above what the process
    held after its imports."""

    used_s: float
    took_s: float
    peak_mb: float
    grown_mb: float

    def __str__(self) -> str:
        memory = f"{self.peak_mb:5.0f} MB (imports {self.grown_mb:+.0f})"
        return f"{self.used_s:6.2f} s cpu {self.took_s:6.2f} s {memory}"


CONTESTANTS: dict[str, Callable[[Path, bool], int]] = {
    "bare_moments": bare_moments,
    "our_moments": our_moments,
    "hand_written_look": hand_written_look,
    "our_look": our_look,
}


def timed(name: str, folder: Path, covariates: bool) -> Cost:
    cost, units = in_a_process(f"bench.analysis.CONTESTANTS[{name!r}](Path({str(folder)!r}), {covariates})")
    COUNTED.setdefault((name.rsplit("_", 1)[-1], covariates), set()).add(units)
    return cost


def peak_mb() -> float:
    """Peak memory of this process. `ru_maxrss` would begin with that of the process which started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def in_a_process(call: str) -> tuple[Cost, int]:
    """Cost and result of a call in a fresh process, without its imports and the first compilation of a
    statement."""
    script = f"""
import json, time
import duckdb, ibis, numpy, analysis.engines.duckdb, bench.analysis, bench.refresh
from pathlib import Path
analysis.engines.duckdb.compiled(ibis.table({{"a": "int64"}}, name="t").group_by("a").agg(n=ibis._.count()))
imported = bench.analysis.peak_mb()
start, used = time.perf_counter(), time.process_time()
units = {call}
cost = time.process_time() - used, time.perf_counter() - start
peak = bench.analysis.peak_mb()
print(json.dumps([*cost, peak, peak - imported, units]))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    *cost, units = json.loads(done.stdout.splitlines()[-1])
    return Cost(*cost), units


COUNTED: dict[tuple[str, bool], set[int]] = {}
"""What contestants counted: the same job gives the same number, or the comparison is worth nothing."""


def race(first: str, second: str, folder: Path, covariates: bool) -> None:
    rounds = [[timed(name, folder, covariates) for name in (first, second)] for _ in range(ROUNDS)]
    theirs, ours = (Cost(*map(min, zip(*costs, strict=True))) for costs in zip(*rounds, strict=True))
    what = "10 metrics + pre-period" if covariates else "10 metrics"
    print(
        f"{what:24} {first:18} {theirs}   {second:12} {ours}   "
        f"ratio {ours.used_s / theirs.used_s:.2f}, {ours.peak_mb - theirs.peak_mb:+.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, help="keep the data here and use it again")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headway-bench-") as scratch:
        folder = chosen.folder or Path(scratch)
        if not (folder / SIZE).exists():
            folder.mkdir(exist_ok=True)
            generate(folder, chosen.users, chosen.events)
        print(f"{chosen.users:,} units, {chosen.events:,} events, {THREADS} threads, best of {ROUNDS} rounds")
        for covariates in (False, True):
            race("bare_moments", "our_moments", folder, covariates)
            race("hand_written_look", "our_look", folder, covariates)
    for place, counted in COUNTED.items():
        assert len(counted) == 1, (place, counted)


if __name__ == "__main__":
    main()
