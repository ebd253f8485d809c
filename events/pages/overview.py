"""The overview: what came in, what was left out and why, and how fresh the store is."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from events import queries
from events.models import IngestCount, Tally
from flags import queries as flag_queries

DAYS = (7, 30, 90)
ROWS_A_PAGE = 100
STORED = (Tally.EXPOSURE, Tally.EVENT)


@dataclass(slots=True)
class KeyDay:
    """What one key brought on one day."""

    day: date
    environment: str
    key: str
    prefix: str
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def stored(self) -> int:
        return sum(self.counts[kind] for kind in STORED)

    @property
    def refused_share(self) -> float:
        """Of what was sent."""
        refused = self.counts[Tally.REFUSED]
        return refused / (refused + self.stored) if refused else 0.0


def overview(request: HttpRequest) -> HttpResponse:
    now, environment = timezone.now(), request.GET.get("environment", "")
    days = int(found) if (found := request.GET.get("days", "")) in map(str, DAYS) else DAYS[0]
    counted = by_key_and_day(queries.counts(environment=environment, since=_first_day(now, days)))
    freshness = queries.freshness(environment)
    context = {
        "filters": {"environment": environment, "days": days},
        "environments": environments(),
        "day_choices": DAYS,
        "rows": Paginator(counted, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "totals": totals(counted),
        "freshness": freshness,
        "oldest_for": freshness.oldest_waiting_at and now - freshness.oldest_waiting_at,
        "reasons": queries.reasons(environment),
    }
    return render(request, "events/overview.html", context)


def imports(request: HttpRequest) -> HttpResponse:
    rows = Paginator(queries.imports(), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "events/imports.html", {"rows": rows})


def environments() -> list[str]:
    return list(flag_queries.environments().values_list("key", flat=True))


def by_key_and_day(counts: Iterable[IngestCount]) -> list[KeyDay]:
    """One row per day and key, in the order they come."""
    rows: dict[tuple[Any, ...], KeyDay] = {}
    for count in counts:
        name = count.day, count.environment, count.key_id
        if name not in rows:
            key: Any = count.key
            shown = (key.name, key.prefix) if key else ("import", "")
            rows[name] = KeyDay(count.day, count.environment, *shown)
        rows[name].counts[count.kind] += count.count
    return list(rows.values())


def totals(rows: Iterable[KeyDay]) -> dict[str, int]:
    """Sums over all rows, every kind of count included."""
    found = dict.fromkeys([*Tally.values, "stored"], 0)
    for row in rows:
        found["stored"] += row.stored
        for kind, count in row.counts.items():
            found[kind] += count
    return found


def _first_day(now: Any, days: int) -> date:
    first: date = now.astimezone(UTC).date() - timedelta(days=days - 1)
    return first
