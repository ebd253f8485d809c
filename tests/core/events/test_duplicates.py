"""Duplicates are found exactly, whatever the ids look like and however the seen ones are filed."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.compaction import duplicates
from events.compaction.duplicates import find_repeated, ranges
from events.compaction.rows import EXTRA
from events.compaction.storage import LocalFolder
from events.schema import SEEN_COLUMNS

HALVES = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1])
ORDERED = st.integers(1_700_000_000_000, 1_700_000_000_999).map(lambda ms: ms << 16 | 0x7000)
EVENTS = st.lists(st.tuples(HALVES | ORDERED, st.integers(0, 2), st.integers(0, 1)), max_size=30)


def table(events):
    columns = [[arrival, *event] for arrival, event in enumerate(events)]
    return pa.Table.from_pylist(
        [dict(zip(("arrival", "id_high", "id_low", "fingerprint"), row, strict=True)) for row in columns],
        schema=pa.schema(EXTRA),
    )


def by_hand(events, seen):
    """The same decision, one event after the other."""
    known = {(high, low): fingerprint for high, low, fingerprint in seen}
    same, conflicting = [], []
    for arrival, (high, low, fingerprint) in enumerate(events):
        first = known.setdefault((high, low), fingerprint)
        if first != fingerprint:
            conflicting.append(arrival)
        elif (high, low) in {(h, lo) for h, lo, _ in [*seen, *events[:arrival]]}:
            same.append(arrival)
    return same, conflicting


@settings(max_examples=60, deadline=None)
@given(seen=EVENTS, events=EVENTS)
def test_find_repeated__any_ids__as_one_by_one(tmp_path_factory, seen, events):
    folder = tmp_path_factory.mktemp("seen")
    once = list({(high, low): (high, low, fingerprint) for high, low, fingerprint in seen}.values())
    for part in range(2):
        rows = [dict(zip(SEEN_COLUMNS.names, row, strict=True)) for row in sorted(once)[part::2]]
        pq.write_table(
            pa.Table.from_pylist(rows, schema=SEEN_COLUMNS), folder / f"{part}.parquet", row_group_size=3
        )

    found = find_repeated({"events": table(events)}, LocalFolder(folder), ["0.parquet", "1.parquet"])

    assert (found.same.tolist(), found.conflicting.tolist()) == by_hand(events, once)


@given(st.lists(HALVES | ORDERED, max_size=60))
def test_ranges__any_ids__hold_every_one_in_sixteen_at_most(halves):
    found = ranges(np.array(halves, dtype=np.int64))

    assert len(found) <= 16
    assert all(any(low <= half <= high for low, high in found) for half in halves)
    assert found == sorted(found)


def test_ranges__ids_of_a_time__leave_out_nearly_everything():
    now, week_ago = (ms << 16 for ms in (1_700_604_800_000, 1_700_000_000_000))
    halves = [*range(now, now + 10_000 * 65_536, 65_536), week_ago, week_ago + 5]

    found = ranges(np.array(halves, dtype=np.int64))

    assert sum(high - low for low, high in found) < 11_000 * 65_536


@pytest.mark.parametrize(
    "setting", ["enable_external_access", "lock_configuration", "autoinstall_known_extensions"]
)
def test_database__of_a_round__reads_no_files_and_loads_nothing(setting):
    with duplicates._database() as database:
        [(value,)] = database.execute("SELECT current_setting(?)::VARCHAR", [setting]).fetchall()

    assert value == ("true" if setting == "lock_configuration" else "false")
