"""A store that grows between looks, for the tests of what looks keep of it."""

from collections import defaultdict

import pyarrow.parquet as pq

from analysis.engines.contract import StoredDay, StoreFiles
from analysis.engines.duckdb import DuckDBEngine
from analysis.unit_values import EVENTS, EXPOSURES
from tests.core.analysis import store
from tests.core.analysis.conformance import assert_conforms

SCHEMAS = {"exposures": EXPOSURES, "events": EVENTS}


class Store:
    """A store that grows as the real one does: files of a day and bucket, which may be merged."""

    def __init__(self, folder):
        self.folder = folder
        self.kept = folder / "rollups"
        self.files = defaultdict(list)
        self.number = 0

    def add(self, exposures, events):
        parts = defaultdict(list)
        for kind, rows in (("exposures", exposures), ("events", events)):
            for row in rows:
                parts[kind, row["ts"].date(), row["unit"] % store.BUCKETS].append(row)
        for place, rows in parts.items():
            self._write(place, rows)

    def _write(self, place, rows):
        kind, day, bucket = place
        self.number += 1
        path = self.folder / kind / str(day) / f"{bucket}-{self.number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write_file(path, rows, SCHEMAS[kind])
        self.files[place].append((path, len(rows)))

    def merge(self):
        """All files of a part become one."""
        for place, listed in self.files.items():
            self.number += 1
            path = listed[0][0].with_name(f"merged-{self.number}.parquet")
            schema = SCHEMAS[place[0]].to_pyarrow()
            tables = [pq.read_table(old, schema=schema, partitioning=None) for old, _ in listed]
            with pq.ParquetWriter(path, schema) as writer:
                for table in reversed(tables):
                    writer.write_table(table)
            for old, _ in listed:
                old.unlink()
            self.files[place] = [(path, sum(rows for _, rows in listed))]

    def listed(self):
        by_bucket = {kind: defaultdict(list) for kind in SCHEMAS}
        days = []
        for (kind, day, bucket), files in sorted(self.files.items()):
            paths = tuple(str(path) for path, _ in files)
            rows = sum(n for _, n in files)
            by_bucket[kind][bucket] += paths
            days.append(StoredDay(kind, day, bucket, paths, rows))
        of = {kind: {b: tuple(paths) for b, paths in found.items()} for kind, found in by_bucket.items()}
        return StoreFiles(of["exposures"], of["events"], sum(day.rows for day in days), tuple(days))

    def read(self, plan, caps=None, *, is_kept=True):
        """A look from rollups, held against a full reading of the same files."""
        engine = DuckDBEngine(self.folder, rows_per_partition=1, rollups=self.kept)
        found = engine.read(plan, self.listed(), caps or {})
        whole = DuckDBEngine(self.folder, rows_per_partition=200).read(plan, self.listed(), caps or {})
        assert_conforms(found, whole, tolerance=1e-12)
        assert bool(list(self.kept.rglob("*.duckdb"))) == is_kept
        return found
