"""The audit trail: who changed what, from what, to what and why; on the page, as CSV and as JSON lines."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_http_methods

from governance.pages.acting import by
from ledger import queries, verifying
from ledger.spreadsheets import inert

if TYPE_CHECKING:
    from ledger.models import AuditEvent

ROWS_A_PAGE = 50
FILTERS = ("subject", "actor", "action")
DAYS = ("since", "until")
PAGES = ("flag", "experiment", "metric", "team", "surface", "source")
"""Kinds of objects with a page of the same name, addressed by key."""
COLUMNS = (
    "id", "at", "actor", "action", "subject", "reason", "before", "after", "previous_sha256", "sha256",
)  # fmt: skip
ROWS_A_READ = 2000


def trail(request: HttpRequest) -> HttpResponse:
    filters, days = _asked(request)
    found = _found(filters, days)
    rows = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    for row in rows:
        row.page = page_of(row.subject)  # type: ignore[attr-defined]
    shown = {
        "rows": rows,
        "filters": {**filters, **days},
        "is_filtered": any(filters.values()) or any(days.values()),
        "query": request.GET.urlencode(),
        "checked": verifying.walks().newest,
    }
    return render(request, "governance/audit.html", shown)


def export_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The same rows, oldest first, for a spreadsheet: no cell is run as a formula."""
    return _download(_as_csv(_exported(request)), "text/csv; charset=utf-8", "audit.csv")


def export_jsonl(request: HttpRequest) -> StreamingHttpResponse:
    """The same rows, oldest first, one JSON object a line, with the hashes that chain them."""
    lines = (json.dumps(facts_of(row), ensure_ascii=False) + "\n" for row in _exported(request))
    return _download(lines, "application/x-ndjson", "audit.jsonl")


def page_of(subject: str) -> str:
    """Where `flag:checkout` is shown; empty for objects without a page."""
    kind, _, key = subject.partition(":")
    try:
        return reverse(kind, kwargs={"key": key}) if kind in PAGES else ""
    except NoReverseMatch:
        return ""


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """What the newest walk over the chain found; a worker walks it again when somebody asks."""
    if request.method == "POST":
        verifying.ask_now(**by(request))
        return redirect("audit-verify")
    return render(request, "governance/audit_verified.html", {"walks": verifying.walks()})


def facts_of(row: "AuditEvent") -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in COLUMNS}, "at": row.at.astimezone(UTC).isoformat()}


def _asked(request: HttpRequest) -> tuple[dict[str, str], dict[str, str]]:
    """The filters and the days as they were typed, without what PostgreSQL cannot hold."""
    typed = {name: request.GET.get(name, "").replace("\0", "").strip() for name in (*FILTERS, *DAYS)}
    days = {name: typed[name] if _day(typed[name]) else "" for name in DAYS}
    return {name: typed[name] for name in FILTERS}, days


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _found(filters: dict[str, str], days: dict[str, str]) -> "QuerySet[AuditEvent]":
    """From the beginning of the first day to the end of the last one, UTC."""
    first, last = _day(days["since"]), _day(days["until"])
    since = None if first is None else datetime.combine(first, time(), UTC)
    has_end = last is not None and last < date.max
    until = datetime.combine(last + timedelta(days=1), time(), UTC) if last and has_end else None
    return queries.audit_events(**filters, since=since, until=until)


def _exported(request: HttpRequest) -> "Iterator[AuditEvent]":
    filters, days = _asked(request)
    return _found(filters, days).order_by("id").iterator(chunk_size=ROWS_A_READ)


def _as_csv(rows: "Iterable[AuditEvent]") -> Iterator[str]:
    yield _line(COLUMNS)
    for row in rows:
        yield _line(_cell(value) for value in facts_of(row).values())


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(list(cells))
    return text.getvalue()


def _cell(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict) else str(value)
    if value is None:
        return ""
    return inert(text)


def _download(parts: Iterable[str], kind: str, name: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(parts, content_type=kind, headers=headers)
