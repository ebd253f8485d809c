"""Which of the rows that arrived are there already, exactly: DuckDB compares ids and fingerprints.

Same id and same fingerprint: sent again, left out. Same id, other fingerprint: the id was used for something
else; left out too, counted as conflicting and shown. Of rows that arrive together the first one stays.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from events.compaction.rows import EXTRA, Tables
from events.compaction.storage import Storage
from events.schema import SEEN_COLUMNS

MEMORY_LIMIT = "512MB"
THREADS = 2
RANGES = 16
WORTH_IT = 2.0**60
"""Ranges that cover more than a sixteenth of all ids leave nothing out that would be worth asking for."""

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
        database.register("seen", _seen(storage, seen, ranges(arrived["id_high"].to_numpy())))
        database.execute(KNOWN)
        found = database.sql(REPEATED).to_arrow_table()
    arrivals = found["arrival"].to_numpy()
    is_same = found["is_same"].to_numpy(zero_copy_only=False).astype(bool)
    return Repeated(same=arrivals[is_same], conflicting=arrivals[~is_same])


def ids(tables: Tables) -> pa.Table:
    """What has to be remembered of these rows."""
    rows = pa.concat_tables([table.select(SEEN_COLUMNS.names) for table in tables.values()])
    return rows.sort_by([("id_high", "ascending"), ("id_low", "ascending")])


def ranges(high: "np.ndarray[Any, Any]") -> list[tuple[int, int]]:
    """At most sixteen ranges that hold all first halves of ids; one for everything when they lie all over.

    Ids that begin with a time (UUID version 7, which our SDKs draw) lie close together, and files of seen ids
    are sorted: of most files nothing but the statistics has to be read.
    """
    if not len(high):
        return []
    found = np.unique(high)
    # As floats: the distance between two 64-bit integers may not fit into one.
    gaps = np.diff(found.astype(np.float64))
    cuts = np.sort(np.argsort(gaps, kind="stable")[::-1][: RANGES - 1])
    if gaps.sum() - gaps[cuts].sum() > WORTH_IT:
        return [(int(found[0]), int(found[-1]))]
    starts, ends = np.append(0, cuts + 1), np.append(cuts, len(found) - 1)
    return [(int(found[a]), int(found[b])) for a, b in zip(starts, ends, strict=True)]


def _seen(storage: Storage, paths: Sequence[str], within: Sequence[tuple[int, int]]) -> pa.Table | ds.Scanner:
    if not paths or not within:
        return SEEN_COLUMNS.empty_table()
    seen = ds.dataset(list(paths), schema=SEEN_COLUMNS, format="parquet", filesystem=storage.filesystem)
    high = pc.field("id_high")
    return seen.scanner(filter=reduce(or_, ((high >= low) & (high <= top) for low, top in within)))


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
