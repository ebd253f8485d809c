"""Which of the rows that arrived are there already, exactly: DuckDB compares ids and fingerprints.

Same id and same fingerprint: sent again, left out. Same id, other fingerprint: the id was used for something
else; left out too, counted as conflicting and shown. Of rows that arrive together the first one stays.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from events.compaction.rows import EXTRA, Tables
from events.compaction.storage import Storage
from events.schema import SEEN_COLUMNS

MEMORY_LIMIT = "512MB"
THREADS = 2

KNOWN = "CREATE TABLE known AS SELECT seen.* FROM seen SEMI JOIN arrived USING (id_high, id_low)"
REPEATED = """
SELECT ranked.arrival, ranked.fingerprint = coalesce(known.fingerprint, ranked.first) AS is_same
FROM (
  SELECT *, first_value(fingerprint) OVER of_id AS first, row_number() OVER of_id AS nth
  FROM arrived
  WINDOW of_id AS (PARTITION BY id_high, id_low ORDER BY arrival)
) AS ranked
LEFT JOIN known USING (id_high, id_low)
WHERE ranked.nth > 1 OR known.fingerprint IS NOT NULL
ORDER BY ranked.arrival
"""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Arrivals that are left out, in order."""

    same: "np.ndarray[Any, Any]"
    conflicting: "np.ndarray[Any, Any]"

    def without(self, tables: Tables) -> Tables:
        """The rows that stay."""
        out = np.concatenate([self.same, self.conflicting])
        return {
            kind: table.filter(pa.array(~np.isin(table["arrival"].to_numpy(), out)))
            for kind, table in tables.items()
        }


def find_repeated(tables: Tables, storage: Storage, seen: Sequence[str]) -> Repeated:
    """`seen` are paths of files with the ids of the last days."""
    names = [field.name for field in EXTRA]
    arrived = pa.concat_tables([table.select(names) for table in tables.values()])
    with _database() as database:
        database.register("arrived", arrived)
        database.register("seen", _seen(storage, seen))
        database.execute(KNOWN)
        found = database.sql(REPEATED).to_arrow_table()
    arrivals = found["arrival"].to_numpy()
    is_same = found["is_same"].to_numpy(zero_copy_only=False).astype(bool)
    return Repeated(same=arrivals[is_same], conflicting=arrivals[~is_same])


def ids(tables: Tables) -> pa.Table:
    """What has to be remembered of these rows."""
    rows = pa.concat_tables([table.select(SEEN_COLUMNS.names) for table in tables.values()])
    return rows.sort_by([("id_high", "ascending"), ("id_low", "ascending")])


def _seen(storage: Storage, paths: Sequence[str]) -> pa.Table | ds.Dataset:
    if not paths:
        return SEEN_COLUMNS.empty_table()
    return ds.dataset(list(paths), schema=SEEN_COLUMNS, format="parquet", filesystem=storage.filesystem)


@contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    with tempfile.TemporaryDirectory(prefix="headway-compaction-") as scratch:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": THREADS,
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": scratch,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        }
        with duckdb.connect(":memory:", config=settings) as database:
            database.execute("SET enable_external_access = false")
            database.execute("SET lock_configuration = true")
            yield database
