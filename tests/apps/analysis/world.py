"""Experiments with data for the tests: rows written as files of the store with their rows in the manifest."""

from collections import defaultdict
from itertools import count
from pathlib import Path

from analysis import services
from events import queries as events
from events.models import StoreFile
from experiments import queries
from experiments import services as experiments
from ledger import jobs
from metrics import services as metrics
from tests.core.analysis import store
from tests.core.analysis.traffic import KEY, START, at, traffic

ENVIRONMENT = "production"
ARMS = [
    {"key": "control", "variant": "off", "weight_ppm": 500_000, "role": "control"},
    {"key": "treatment", "variant": "on", "weight_ppm": 500_000},
]
METRICS = {
    "orders": """
key = "orders"
title = "Orders per user"
question = "How many orders does a user place?"
kind = "count"
unit = "orders"
direction = "up"
owner = "rosa"
tier = "beta"
hypothesis = "A faster checkout raises it."
gain = { value = 0.02, relative = true }
[source]
event = "purchase"
""",
    "errors": """
key = "errors"
title = "Errors per user"
question = "How often does something fail?"
kind = "count"
unit = "errors"
direction = "down"
owner = "rosa"
tier = "beta"
hypothesis = "Prefetching must not break anything."
margin = { value = 0.02, relative = true }
[source]
event = "error"
""",
    "latency-p95": """
key = "latency-p95"
title = "Checkout p95"
question = "How long do the slowest requests take?"
kind = "quantile"
quantile = 0.95
unit = "ms"
direction = "down"
owner = "rosa"
tier = "beta"
hypothesis = "Prefetching must not slow requests down."
margin = { value = 0.05, relative = true }
[source]
event = "request"
""",
    "spend": """
key = "spend"
title = "Spend per user"
question = "How much does a user spend?"
kind = "mean"
unit = "$"
direction = "up"
owner = "rosa"
tier = "beta"
hypothesis = "More orders, more money."
window = { hours = 72 }
covariate = { days = 7 }
[cap]
percentile = 99
[source]
event = "purchase"
value = "value"
""",
}
_files = count()
__all__ = ["KEY", "START", "at", "traffic"]


def write(exposures, listed, *, environment=ENVIRONMENT):
    """Rows as files of the store, one per day and bucket, and their rows in the manifest."""
    for kind, rows, schema in (
        ("exposures", exposures, store.EXPOSURES),
        ("events", listed, store.EVENTS),
    ):
        parts = defaultdict(list)
        for row in rows:
            parts[row["ts"].date(), row["unit"] % store.BUCKETS].append(row)
        for (day, bucket), members in sorted(parts.items()):
            _write(kind, environment, day, bucket, members, schema)


def _write(kind, environment, day, bucket, rows, schema):
    path = f"{kind}/environment={environment}/day={day}/bucket={bucket:02d}/test-{next(_files)}.parquet"
    full = Path(events.store_root()) / path
    full.parent.mkdir(parents=True, exist_ok=True)
    store.write_file(full, rows, schema)
    times = [row["ts"] for row in rows]
    StoreFile.objects.create(
        kind=kind,
        environment=environment,
        day=day,
        bucket=bucket,
        path=path,
        rows=len(rows),
        size=full.stat().st_size,
        min_ts=min(times),
        max_ts=max(times),
        sha256="0" * 64,
        created_at=START,
    )


def started(
    key=KEY,
    *,
    bind=("orders", "latency-p95"),
    guardrails=("latency-p95",),
    now=START,
    blocking=True,
    coverage_ppm=1_000_000,
    starts=True,
    **changes,
):
    """A running experiment whose arms another system assigns unless said otherwise; a draft if it does not
    start."""
    metrics.load_definitions(texts={f"{m}.toml": METRICS[m] for m in METRICS}, actor="rosa", now=now)
    content = {
        "title": "Prefetch payment methods",
        "flag": key,
        "assigned_here": False,
        "arms": ARMS,
        "planned_units": 2000,
        "hypothesis": {
            "change": "Prefetch payment methods",
            "audience": "signed-in users",
            "metric": bind[0],
            "direction": "up",
            "expected": {"value": 0.05, "relative": True},
            "mechanism": "the last step opens faster",
            "refuted_if": "orders do not rise",
        },
        **changes,
    }
    experiments.create(key=key, content=content, actor="rosa", now=now)
    for number, metric in enumerate(bind):
        role = "primary" if number == 0 else "guardrail" if metric in guardrails else "success"
        bound = {"metric": metric, "role": role, "blocking": blocking and role == "guardrail"}
        experiments.bind_metric(key=key, content=bound, actor="rosa", now=now)
    if not starts:
        return queries.experiment(key)
    return experiments.start(key=key, actor="rosa", now=now, coverage_ppm=coverage_ppm)


def look(key=KEY, *, hours=None, until=None, now=None, trigger="manual"):
    """Ask for a look and do it in this process; returns its job, read again."""
    cut = until or (None if hours is None else at(hours))
    asked = services.request_look(
        experiment=key, trigger=trigger, actor="rosa", now=now or at(24 * 30), until=cut
    )
    jobs.run(asked.id)
    asked.refresh_from_db()
    return asked
