"""Sessions of one arm that were hit hardest, from the event store. Imports pyarrow: workers only.

Ids are the store's keyed hashes, as 16 hexadecimal digits: they lead to a session, never to a person.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.dataset import dataset

from events import queries as events
from events.layout import EVENTS, EXPOSURES, Kind
from governance.services.history import filesystem
from metrics.definitions import MetricDefinition

MOST = 5
COLUMNS = ["ts", "unit", "value", "session", "dims"]
MASK = (1 << 64) - 1


def hardest_hit(
    definition: MetricDefinition,
    *,
    experiment: str,
    variant: str,
    environment: str,
    since: datetime,
    until: datetime,
    worse: int,
    hit: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Up to five, one a session (or unit, where events carry no session), worst value first."""
    units = _units(environment, variant, experiment, since, until)
    best: dict[tuple[int, int], dict[str, Any]] = {}
    for part in _by_day(EVENTS, environment, since, until):
        for found in _of_day(part, definition, units, hit, since, until, worse):
            key = (found["unit"], found["session"] or 0)
            if key not in best or worse * (found["value"] - best[key]["value"]) > 0:
                best[key] = found
        worst = sorted(best.items(), key=lambda each: -worse * each[1]["value"])[:MOST]
        best = dict(worst)
    return [_shown(each, definition.source.event) for each in best.values()]


def _units(
    environment: str, variant: str, experiment: str, since: datetime, until: datetime
) -> "pa.Array[Any]":
    """Units that were shown the arm, other than for a test."""
    wanted = (pc.field("experiment") == experiment) & (pc.field("variant") == variant)
    wanted &= ~pc.field("forced")
    found = [
        dataset(paths, format="parquet", filesystem=filesystem()).to_table(columns=["unit"], filter=wanted)
        for paths in _by_day(EXPOSURES, environment, since, until)
    ]
    return pc.unique(pa.concat_tables(found)["unit"]) if found else pa.array([], pa.int64())


def _by_day(kind: Kind, environment: str, since: datetime, until: datetime) -> Iterable[list[str]]:
    days: dict[Any, list[str]] = {}
    for row in events.files(kind, since, until, environment=environment):
        days.setdefault(row.day, []).append(row.path)
    return days.values()


def _of_day(
    paths: Sequence[str],
    definition: MetricDefinition,
    units: "pa.Array[Any]",
    hit: Mapping[str, Any],
    since: datetime,
    until: datetime,
    worse: int,
) -> Iterable[dict[str, Any]]:
    """The worst events of one day, a few more than are needed, since one session may have several."""
    wanted = (pc.field("name") == definition.source.event) & pc.field("value").is_valid()
    wanted &= (pc.field("ts") >= pa.scalar(since)) & (pc.field("ts") < pa.scalar(until))
    wanted &= pc.field("unit").isin(units)
    table = dataset(list(paths), format="parquet", filesystem=filesystem()).to_table(
        columns=COLUMNS, filter=wanted
    )
    where = dict(definition.source.where) | ({hit["dimension"]: hit["level"]} if hit else {})
    for name, level in where.items():
        levels = pc.map_lookup(table["dims"].combine_chunks(), name, "first")
        table = table.filter(pc.fill_null(pc.equal(levels, level), False))
    order = np.argsort(-worse * table["value"].to_numpy())[: MOST * 20]
    rows: list[dict[str, Any]] = table.take(pa.array(order)).drop_columns(["dims"]).to_pylist()
    return rows


def _shown(found: Mapping[str, Any], event: str) -> dict[str, Any]:
    """As it is stored on the incident."""
    session = found["session"]
    return {
        "session": "" if session is None else f"{session & MASK:016x}",
        "unit": f"{found['unit'] & MASK:016x}",
        "event": event,
        "value": found["value"],
        "at": found["ts"].isoformat(),
    }
