"""The rows of `world` as a company would have them: other names, other types, other words for the arms."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.sources.definition import EventTable, ExposureTable, SourceDefinition, SourceKind
from tests.core.analysis import world

ARMS = {"off": "A", "on": "B"}
EXPOSURES = pa.schema(
    [
        ("customer", pa.string()),
        ("test_name", pa.string()),
        ("test group", pa.string()),
        ("assigned_at", pa.timestamp("us")),
        ("platform", pa.string()),
    ]
)
ORDERS = pa.schema(
    [("buyer", pa.string()), ("amount", pa.float64()), ("paid_at", pa.timestamp("us", tz="UTC"))]
)
REQUESTS = pa.schema(
    [
        ("customer", pa.string()),
        ("what", pa.string()),
        ("ms", pa.float64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("state", pa.string()),
    ]
)


def rows(**options):
    """Exposures and events that own tables can hold: nothing is forced, and there is one type of units."""
    exposures, events = world.rows(**options)
    return [row for row in exposures if not row["forced"] and row["unit_type"] == "user"], events


def as_tables(exposures, events):
    """Rows of the three tables. A few belong to nobody and must not count."""
    nobody = {"customer": None, "test_name": "speed", "test group": "A", "platform": "web"}
    return {
        "assignments": [
            *(
                {
                    "customer": f"c{row['unit']}",
                    "test_name": row["experiment"],
                    "test group": ARMS.get(row["variant"], row["variant"]),
                    "assigned_at": row["ts"].replace(tzinfo=None),
                    "platform": row["dims"].get("device"),
                }
                for row in exposures
            ),
            *({**nobody, "assigned_at": row["ts"].replace(tzinfo=None)} for row in exposures[:1]),
        ],
        "orders": [
            {"buyer": f"c{row['unit']}", "amount": row["value"], "paid_at": row["ts"]}
            for row in events
            if row["name"] == "purchase"
        ],
        "requests": [
            {
                "customer": f"c{row['unit']}",
                "what": row["name"],
                "ms": row["value"],
                "at": row["ts"],
                "state": row["dims"].get("status"),
            }
            for row in events
            if row["name"] != "purchase"
        ],
    }


def source(kind, *, prefix="", suffix="", **place):
    return SourceDefinition(
        key="shop",
        title="The shop's own tables",
        kind=SourceKind(kind),
        exposures=ExposureTable(
            table=f"{prefix}assignments{suffix}",
            unit="customer",
            arm="test group",
            time="assigned_at",
            experiment="test_name",
            arms=(("A", "off"), ("B", "on")),
            dims=(("device", "platform"),),
        ),
        events=(
            EventTable(f"{prefix}orders{suffix}", "buyer", "paid_at", event="purchase", value="amount"),
            EventTable(
                f"{prefix}requests{suffix}",
                "customer",
                "at",
                event_column="what",
                value="ms",
                dims=(("status", "state"),),
            ),
        ),
        **place,
    )


def write(folder: Path, tables):
    """Parquet: assignments as a folder of two files, the others as single files."""
    half = len(tables["assignments"]) // 2
    parts = {"assignments/1": tables["assignments"][:half], "assignments/2": tables["assignments"][half:]}
    parts |= {name: tables[name] for name in ("orders", "requests")}
    schemas = {"assignments/1": EXPOSURES, "assignments/2": EXPOSURES, "orders": ORDERS, "requests": REQUESTS}
    for name, listed in parts.items():
        path = folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(listed, schema=schemas[name]), path)
    found = source("parquet", folder=str(folder), suffix=".parquet")
    return replace(found, exposures=replace(found.exposures, table="assignments"))
