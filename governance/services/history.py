"""Daily values of a metric over everybody, read from the event store. Worker processes only."""

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from events import queries as events
from events.layout import EVENTS
from flags import queries as flags
from governance.models import Incident
from metrics.definitions import MetricDefinition

LATENCY_UNITS = ("ms", "s")
Values = dict[date, float]


def environment_of(row: Incident) -> str:
    """Where it happened: the incident's environment, or production."""
    if row.environment:
        return row.environment
    places = list(flags.environments())
    production = next((place.key for place in places if flags.is_production(place.key)), "")
    return production or next((place.key for place in places), "")


def daily_values(
    definitions: Sequence[MetricDefinition], *, environment: str, since: date, until: date
) -> dict[str, Values]:
    """By metric its value on each whole day that has one; both days included."""
    found: dict[str, Values] = {each.key: {} for each in definitions}
    for day, values in each_day(definitions, environment=environment, since=since, until=until):
        for key, value in values.items():
            if value is not None:
                found[key][day] = value
    return found


def each_day(
    definitions: Sequence[MetricDefinition],
    *,
    environment: str,
    since: date,
    until: date,
    known: Container[date] = (),
) -> Iterator[tuple[date, dict[str, float | None]]]:
    """Every day of the store that is not known yet, read once for all metrics, the oldest first.

    Latencies average over events. One day's bucket of units is in memory at a time.
    """
    from impact import daily
    from impact.cells import Wanted

    wanted = {each.key: Wanted(each, per_event=each.unit in LATENCY_UNITS) for each in definitions}
    for day, buckets in sorted(_files(environment, since, until).items()):
        if day not in known:
            cells = daily.whole_of(list(buckets.values()), list(wanted.values()), filesystem=filesystem())
            yield day, {key: cells[each.recipe].value(each) for key, each in wanted.items()}


def filesystem() -> Any:
    """Of the store; None for a local folder."""
    from pyarrow import fs

    root = events.store_root()
    return None if root.startswith("/") else fs.FileSystem.from_uri(root)[0]


def _files(environment: str, since: date, until: date) -> dict[date, dict[int, list[str]]]:
    """Paths of the store by day and bucket of units."""
    found: dict[date, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    first = datetime.combine(since, time(), UTC)
    after = datetime.combine(until + timedelta(days=1), time(), UTC)
    for row in events.files(EVENTS, first, after, environment=environment):
        if since <= row.day <= until:
            found[row.day][row.bucket].append(row.path)
    return found
