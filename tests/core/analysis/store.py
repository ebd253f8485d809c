"""A small event store on disk for the tests: rows in, Parquet files by bucket out."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.engines.contract import StoreFiles
from analysis.unit_values import EVENTS, EXPOSURES

BUCKETS = 16
START = datetime(2026, 1, 5, tzinfo=UTC)
_numbers = count()


def at(hours):
    """The instant so many hours after the start of the experiment."""
    return START + timedelta(hours=hours)


def exposure(unit, variant, ts, *, forced=False, experiment="speed", unit_type="user", dims=None):
    return {
        "event_id": f"x{next(_numbers)}",
        "ts": ts,
        "unit": unit,
        "unit_type": unit_type,
        "flag": "speed-flag",
        "experiment": experiment,
        "variant": variant,
        "version": 1,
        "forced": forced,
        "dims": dims or {},
        "received_at": ts,
    }


def event(unit, name, ts, value=None, *, dims=None):
    return {
        "event_id": f"e{next(_numbers)}",
        "ts": ts,
        "unit": unit,
        "unit_type": "user",
        "name": name,
        "value": value,
        "session": None,
        "dims": dims or {},
        "received_at": ts,
    }


def write(folder: Path, exposures, events, *, files_per_bucket=1) -> StoreFiles:
    """Write the rows in their order; several files per bucket take turns."""
    return StoreFiles(
        exposures=_write(folder / "exposures", exposures, EXPOSURES, files_per_bucket),
        events=_write(folder / "events", events, EVENTS, files_per_bucket),
        rows=len(exposures) + len(events),
    )


def _write(folder, rows, schema, files_per_bucket):
    parts = {}
    for position, row in enumerate(rows):
        key = (row["unit"] % BUCKETS, position % files_per_bucket)
        parts.setdefault(key, []).append(row)
    paths = {}
    for (bucket, part), members in sorted(parts.items()):
        path = folder / f"bucket={bucket:02d}" / f"{part}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, members, schema)
        paths.setdefault(bucket, []).append(str(path))
    return {bucket: tuple(listed) for bucket, listed in paths.items()}


def write_file(path: Path, rows, schema):
    """One Parquet file of the rows, in their order."""
    columns = {name: [row[name] for row in rows] for name in schema}
    pq.write_table(pa.table(_as_pairs(columns), schema=schema.to_pyarrow()), path)


def _as_pairs(columns):
    return {**columns, "dims": [list(dims.items()) for dims in columns["dims"]]}
