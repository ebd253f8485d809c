"""Ten metrics with CUPED over a million units, beside tea-tasting on Ibis: `python -m bench.tea_tasting`.

Both read the same Parquet files through DuckDB with as many threads, and end in an effect, an interval and a
p value for every metric. tea-tasting stands in an environment of its own, made here; without a package index
the comparison is skipped, and says so. Contestants take turns in fresh processes; ratios are of processor
time, the best round counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from bench.analysis import METRICS, ROOT, THREADS, generate

HOME = ROOT / ".headway" / "bench" / "peers" / "tea-tasting"
PACKAGES = ("tea-tasting", "ibis-framework[duckdb]")
ROUNDS = 7
AGREE = 2e-3
"""How far estimates may lie apart: the two pool CUPED's slope differently."""

THEIRS = """
import json, resource, sys, time
import ibis, tea_tasting as tt
metrics, threads = int(sys.argv[2]), int(sys.argv[3])
connection = ibis.duckdb.connect(threads=threads, memory_limit="2GB")
def job():
    rows = connection.read_parquet(sys.argv[1] + "/units/*.parquet")
    means = {f"y{n}": tt.Mean(f"y{n}", covariate=f"x{n}") for n in range(metrics)}
    found = tt.Experiment(means, variant="arm").analyze(rows, control=0)
    return {name: [found[name].effect_size, found[name].pvalue] for name in means}
"""
OURS = """
import json, resource, sys, time
from pathlib import Path
import analysis.engines.duckdb, analysis.engines.aggregates, analysis.stats.adjusted, analysis.stats.compare
import duckdb, ibis, numpy, pyarrow, scipy.special
from bench.analysis import OURS
from bench.tea_tasting import our_job
connection = analysis.engines.duckdb.opened(OURS)
def job():
    return our_job(Path(sys.argv[1]), connection)
"""
TIMED = """
job()  # a worker has compiled statements before
start, used = time.perf_counter(), time.process_time()
found = job()
cost = time.process_time() - used, time.perf_counter() - start
print(json.dumps([*cost, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found]))
"""


def our_job(folder: Path, connection: Any) -> dict[str, list[float]]:
    """From the files to an effect and a p value for each metric, by the engine's own statement."""
    from analysis.stats.adjusted import cuped
    from analysis.stats.compare import difference
    from bench.analysis import moments_of_units

    found = moments_of_units(folder, covariates=True, database=connection)
    compared = {}
    for n in range(METRICS):
        control, treatment = cuped([found[arm][n] for arm in (0, 1)], covariates=(1,))
        result: Any = difference(control, treatment)
        compared[f"y{n}"] = [result.estimate, result.p_value]
    return compared


def environment() -> Path | None:
    """The interpreter that has tea-tasting, or None and a line that says why not."""
    python = HOME / "bin" / "python"
    if not python.exists():
        venv.create(HOME, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        print(f"tea-tasting: SKIPPED, it cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return python


def timed(python: Path, script: str, folder: Path) -> tuple[list[float], dict[str, list[float]]]:
    """Processor seconds, seconds and megabytes of one fresh process, and what it found."""
    command = [str(python), "-c", script + TIMED, str(folder), str(METRICS), str(THREADS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    *cost, found = json.loads(done.stdout.splitlines()[-1])
    return cost, found


def race(python: Path, folder: Path) -> None:
    costs: dict[str, list[list[float]]] = {"tea-tasting": [], "Headway": []}
    for _ in range(ROUNDS):
        theirs, their_numbers = timed(python, THEIRS, folder)
        ours, our_numbers = timed(Path(sys.executable), OURS, folder)
        costs["tea-tasting"].append(theirs)
        costs["Headway"].append(ours)
        for name, (effect, p_value) in our_numbers.items():
            other, other_p = their_numbers[name]
            assert abs(effect - other) <= AGREE * max(abs(other), 1e-2), (name, effect, other)
            assert abs(p_value - other_p) <= 0.01, (name, p_value, other_p)
    best = {name: [min(column) for column in zip(*rounds, strict=True)] for name, rounds in costs.items()}
    for name, (used, took, peak) in best.items():
        print(f"{name:12} {used:6.2f} s cpu {took:6.2f} s {peak:5.0f} MB", flush=True)
    faster = best["tea-tasting"][0] / best["Headway"][0]
    print(f"Headway is {faster:.2f} times faster; effects and p values agree", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    chosen = parser.parse_args()
    python = environment()
    if python is None:
        return
    with tempfile.TemporaryDirectory(prefix="headway-bench-") as scratch:
        folder = Path(scratch)
        generate(folder, chosen.users, 16)
        print(f"{chosen.users:,} units, {METRICS} metrics with covariate, best of {ROUNDS} rounds")
        race(python, folder)


if __name__ == "__main__":
    main()
