"""A look at a company's own Parquet files: `python -m bench.own_files [--folder F]`.

The rows of `bench.analysis` mapped column by column. What counts is that memory stays bounded: there is no
manifest and there are no buckets, so that each partition of units reads the columns of all rows.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from bench import analysis, spark

UNITS, EVENTS = 1_000_000, 20_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=UNITS)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--folder", type=Path, help="keep the data here and use it again")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headway-bench-") as scratch:
        folder = chosen.folder or Path(scratch)
        if not (folder / "exposures").exists():
            folder.mkdir(exist_ok=True)
            analysis.generate(folder, chosen.users, chosen.events)
        look(folder)


def look(folder: Path) -> None:
    from analysis.engines.contract import StoreFiles
    from analysis.engines.own_files import OwnFilesEngine
    from analysis.sources.definition import EventTable, ExposureTable, SourceDefinition, SourceKind

    exposures = ExposureTable("exposures", "unit", "variant", "ts", experiment="experiment")
    events = EventTable("events", "unit", "ts", event_column="name", value="value")
    source = SourceDefinition("own", "Own files", SourceKind.PARQUET, exposures, (events,), str(folder))
    start, used = time.perf_counter(), time.process_time()
    found = OwnFilesEngine(source, (str(folder),)).read(spark.plan(), StoreFiles({}, {}), {})
    print(f"{sum(found.enrolment.units.values()):,} units, 10 metrics + pre-period, own Parquet files")
    print(f"processor time {time.process_time() - used:7.1f} s")
    print(f"on the clock   {time.perf_counter() - start:7.1f} s")
    print(f"peak memory    {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MB")


if __name__ == "__main__":
    main()
