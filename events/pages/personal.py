"""Personal data: ids that look like some, whose data were deleted, and how long events stay."""

from datetime import UTC, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from events import services
from events import upkeep_queries as queries
from events.pages.overview import environments
from ledger.refusals import Refused, refuse

ROWS_A_PAGE = 50
WARNED_DAYS = 30
ERASE, RETAIN = (
    ("environment", "unit_type", "unit", "reason"),
    ("environment", "raw_days", "count_days", "reason"),
)
FIRST = {"unit_type": "user"}


def personal_data(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
def erase(request: HttpRequest) -> HttpResponse:
    sent = {name: request.POST.get(name, "").strip() for name in ERASE}
    try:
        made = services.erase_unit(**sent, actor=request.user.get_username(), now=timezone.now())
    except Refused as refused:
        return _page(request, erase=sent, refused=refused)
    messages.success(request, f"Deletion {made.id} has begun. Late events of this unit are left out already.")
    return redirect("personal-data")


@require_POST
def retain(request: HttpRequest) -> HttpResponse:
    sent = {name: request.POST.get(name, "").strip() for name in RETAIN}
    try:
        services.set_retention(
            environment=sent["environment"],
            raw_days=_days("raw_days", sent["raw_days"]),
            count_days=_days("count_days", sent["count_days"]),
            reason=sent["reason"],
            actor=request.user.get_username(),
            now=timezone.now(),
        )
    except Refused as refused:
        return _page(request, retain=sent, refused=refused)
    messages.success(request, f"{sent['environment']}: this holds from tonight on.")
    return redirect("personal-data")


def _days(name: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise refuse(name, text, "this is no number of days", "Leave it empty to keep events for ever.")
    return int(text)


def _page(
    request: HttpRequest,
    *,
    erase: dict[str, Any] | None = None,
    retain: dict[str, Any] | None = None,
    refused: Refused | None = None,
) -> HttpResponse:
    since = (timezone.now() - timedelta(days=WARNED_DAYS)).astimezone(UTC).date()
    context = {
        "rows": Paginator(queries.erasures(), ROWS_A_PAGE).get_page(request.GET.get("page")),
        "kept": queries.kept_in(environments()),
        "personal": queries.personal_units(since=since),
        "warned_days": WARNED_DAYS,
        "environments": environments(),
        "erase": erase or FIRST,
        "retain": retain or {},
        "problems": refused.problems if refused else (),
    }
    return render(request, "events/personal.html", context, status=422 if refused else 200)
