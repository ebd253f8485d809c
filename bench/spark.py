"""A look on a Spark cluster that loses a worker at work: `python -m bench.spark [--events N] [--folder F]`.

A standalone master and two workers on loopback read the same files as DuckDB in this process. In the middle
one worker is killed with everything it had; the look has to end with the same numbers, to 1e-9 relative. What
is timed is one machine that plays a cluster: it says that the job survives, not what a cluster is good for.
Needs Java and the requirements of requirements/spark.txt (`make spark`).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import analysis
from tests.core.analysis import spark_cluster

UNITS, EVENTS = 1_000_000, 20_000_000
WITHIN_S = 3_000
KILLED_AFTER_S = 45.0


def plan() -> Any:
    """The plan of `bench.analysis`: ten metrics, each with a pre-period."""
    from analysis.plan import AnalysisPlan

    return AnalysisPlan(
        experiment="speed",
        unit_type="user",
        arms=("control", "treatment"),
        variants=("off", "on"),
        since=analysis.START,
        until=analysis.START + timedelta(days=analysis.DAYS),
        metrics=tuple(analysis.metric_of(name, True) for name in analysis.NAMES),
    )


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=UNITS)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--kill-after", type=float, default=KILLED_AFTER_S, help="seconds")
    parser.add_argument("--folder", type=Path, help="keep the data here and use it again")
    chosen = parser.parse_args()
    missing = spark_cluster.missing()
    if missing:
        print(f"NOT RUN: {missing}; run `make spark` first")
        return
    with tempfile.TemporaryDirectory(prefix="headway-bench-") as scratch:
        compare(chosen, chosen.folder or Path(scratch), Path(scratch))


def compare(chosen: argparse.Namespace, folder: Path, scratch: Path) -> None:
    from analysis.engines.contract import StoreFiles
    from analysis.engines.duckdb import DuckDBEngine
    from tests.core.analysis.conformance import assert_conforms

    if not (folder / "exposures").exists():
        folder.mkdir(exist_ok=True)
        analysis.generate(folder, chosen.users, chosen.events)
    paths = [analysis._paths(folder / kind) for kind in ("exposures", "events")]
    files = StoreFiles(paths[0], paths[1], chosen.users + chosen.events)
    expected, duckdb_s = timed(lambda: DuckDBEngine(folder, threads=analysis.THREADS).read(plan(), files, {}))
    with spark_cluster.started(scratch / "cluster", workers=2) as cluster:
        found, spark_s = timed(
            lambda: cluster.read(plan(), files, kill_after_s=chosen.kill_after, within_s=WITHIN_S)
        )
    assert cluster.killed
    assert_conforms(found, expected)  # type: ignore[no-untyped-call]
    print(f"{chosen.users:,} units, {chosen.events:,} events, 10 metrics + pre-period")
    print(f"DuckDB, 2 threads                      {duckdb_s:7.1f} s")
    print(f"Spark, 2 workers of 1 core, one killed {spark_s:7.1f} s after {chosen.kill_after:.0f} s")
    print("same readings to 1e-9 relative")


if __name__ == "__main__":
    main()
