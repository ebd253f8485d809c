"""Columns of the Parquet files. Imports pyarrow, so only worker processes import this module."""

import pyarrow as pa

from events.layout import EVENTS, EXPOSURES, SEEN

TIME = pa.timestamp("us", tz="UTC")
DIMS = pa.map_(pa.string(), pa.string())

EXPOSURE_COLUMNS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("ts", TIME, nullable=False),
        pa.field("unit", pa.int64(), nullable=False),
        pa.field("unit_type", pa.string(), nullable=False),
        pa.field("flag", pa.string(), nullable=False),
        pa.field("experiment", pa.string()),
        pa.field("variant", pa.string(), nullable=False),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("forced", pa.bool_(), nullable=False),
        pa.field("dims", DIMS, nullable=False),
        pa.field("received_at", TIME, nullable=False),
    ]
)
EVENT_COLUMNS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("ts", TIME, nullable=False),
        pa.field("unit", pa.int64(), nullable=False),
        pa.field("unit_type", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("session", pa.int64()),
        pa.field("dims", DIMS, nullable=False),
        pa.field("received_at", TIME, nullable=False),
    ]
)
SEEN_COLUMNS = pa.schema(
    [
        pa.field("id_high", pa.int64(), nullable=False),
        pa.field("id_low", pa.int64(), nullable=False),
        pa.field("fingerprint", pa.int64(), nullable=False),
    ]
)
COLUMNS: dict[str, pa.Schema] = {
    EXPOSURES: EXPOSURE_COLUMNS,
    EVENTS: EVENT_COLUMNS,
    SEEN: SEEN_COLUMNS,
}
