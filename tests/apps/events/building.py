"""Inbox rows and store contents for tests: what the edge would have written, and what readers would see."""

import gzip
import json
import uuid
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from events import queries
from events.judging import judge
from events.models import InboxBatch

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""Wednesday noon; events are of the hour before."""


def event(number=0, **fields):
    """An event whose id, unit and time follow from the number."""
    made = {
        "id": str(uuid.UUID(int=number + 1)),
        "kind": "event",
        "ts": (NOW - timedelta(minutes=30) + timedelta(seconds=number % 1000)).isoformat(),
        "name": "purchase",
        "unit": f"user-{number % 97}",
        "unit_type": "user",
        "value": float(number),
        "session": f"session-{number % 31}",
        "dims": {"country": "de", "browser": "firefox"},
    }
    return {**made, **fields}


def exposure(number=0, **fields):
    made = {
        "id": str(uuid.UUID(int=10**9 + number)),
        "kind": "exposure",
        "ts": (NOW - timedelta(minutes=40) + timedelta(seconds=number % 1000)).isoformat(),
        "unit": f"user-{number % 97}",
        "unit_type": "user",
        "flag": "checkout",
        "variant": "treatment" if number % 2 else "control",
        "version": 3,
        "experiment": "checkout-prefetch",
        "forced": False,
        "dims": {"country": "de"},
    }
    return {**made, **fields}


def put(
    events, *, key=None, environment="production", batch_id=None, received_at=NOW, dropped=0, zipped=False
):
    """One batch in the inbox, judged as the edge judges it. Events are objects or bytes."""
    listed = b",".join(e if isinstance(e, bytes) else json.dumps(e).encode() for e in events)
    name = batch_id or uuid.uuid4()
    around = f'{{"batch_id":"{name}","sdk":"python/0.1.0","dropped":{dropped},"events":['.encode()
    body = around + listed + b"]}"
    judged = judge(body, received_at)
    payload = judged.rebuilt or (gzip.compress(body) if zipped else body)
    return InboxBatch.objects.create(
        environment=environment,
        key=key,
        batch_id=name,
        received_at=received_at,
        sdk=judged.sdk,
        dropped=judged.dropped,
        accepted=judged.accepted,
        refused=len(judged.refused),
        refusals=judged.refusals() or None,
        digest=judged.digest,
        codec="gzip" if zipped and judged.rebuilt is None else "json",
        size=len(payload),
        payload=payload,
    )


def stored(kind, environment="production"):
    """All rows of a kind as readers find them, sorted by id."""
    tables = [
        pq.read_table(file.path, partitioning=None) for file in queries.files(kind, environment=environment)
    ]
    rows = pa.concat_tables(tables).to_pylist() if tables else []
    return sorted(rows, key=lambda row: row["event_id"])


def ids(rows):
    return [row["event_id"] for row in rows]
