"""Daily values of a metric over everybody, read from the event store. Worker processes only."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from events import queries as events
from events.layout import EVENTS
from flags import queries as flags
from governance.models import Incident
from metrics.definitions import MetricDefinition

LATENCY_UNITS = ("ms", "s")


def environment_of(row: Incident) -> str:
    """Where it happened: the incident's environment, or production."""
    if row.environment:
        return row.environment
    places = list(flags.environments())
    production = next((place.key for place in places if flags.is_production(place.key)), "")
    return production or next((place.key for place in places), "")


def daily_values(
    definition: MetricDefinition, *, environment: str, since: date, until: date
) -> dict[date, float]:
    """The metric on each whole day that has a value; both days included. Latencies average over events."""
    from impact import daily

    days = _files(environment, since, until)
    per_event = definition.unit in LATENCY_UNITS
    found = daily.series(days, definition, {}, filesystem=filesystem(), per_event=per_event)
    return {each.day: each.hit for each in found if each.hit is not None}


def filesystem() -> Any:
    """Of the store; None for a local folder."""
    from pyarrow import fs

    root = events.store_root()
    return None if root.startswith("/") else fs.FileSystem.from_uri(root)[0]


def _files(environment: str, since: date, until: date) -> dict[date, list[str]]:
    """Paths by day of the store."""
    found: dict[date, list[str]] = defaultdict(list)
    first = datetime.combine(since, time(), UTC)
    after = datetime.combine(until + timedelta(days=1), time(), UTC)
    for row in events.files(EVENTS, first, after, environment=environment):
        if since <= row.day <= until:
            found[row.day].append(row.path)
    return found
