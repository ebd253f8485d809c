"""The schedule of one flag: what is to happen when, what came of it, and planning another change."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from flags import definitions, queries, services, words
from flags.models import ScheduledChange
from flags.pages.context import Here, by, frame, here
from flags.pages.steps import as_ppm
from ledger.refusals import Problem, Refused, refuse

SHOWN = 30
NAMES = ("kind", "run_at", "coverage", "rule", "reason")
KINDS = [
    ("publish", "publish the draft"),
    ("coverage", "set the coverage"),
    ("switch_on", "switch on"),
    ("switch_off", "switch off"),
]


def schedule(request: HttpRequest, key: str) -> HttpResponse:
    found = here(request, key)
    if request.method != "POST":
        return _shown(request, found, {"kind": "publish" if found.draft else "coverage"})
    typed = {name: request.POST.get(name, "").strip() for name in NAMES}
    try:
        services.schedule_change(**found.keys, **_asked(found, typed), **by(request))
    except Refused as refused:
        return _shown(request, found, typed, refused.problems)
    messages.success(request, "It is scheduled. Whatever objects is asked when the time has come.")
    return redirect(f"{reverse('flag-schedule', args=[key])}?environment={found.environment.key}")


@require_POST
def settle(
    request: HttpRequest, change_id: int, *, done: str, service: Callable[..., ScheduledChange]
) -> HttpResponse:
    """Cancel it, or agree to it."""
    row = service(change_id=change_id, reason=request.POST.get("reason", ""), **by(request))
    messages.success(request, done)
    return redirect(f"{reverse('flag-schedule', args=[row.flag.key])}?environment={row.environment.key}")


def shown(row: ScheduledChange) -> dict[str, Any]:
    """A change for the page."""
    what = words.scheduled(row.kind, row.version.number if row.version else None, row.coverage_ppm)
    needs_approval = row.is_pending and row.environment.requires_review and row.kind != "publish"
    return {
        "row": row,
        "what": what[:1].upper() + what[1:],
        "needs_approval": needs_approval and not row.approved_by and row.kind != "switch_off",
    }


def _asked(found: Here, typed: dict[str, str]) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "kind": typed["kind"],
        "run_at": _time(typed["run_at"]),
        "reason": typed["reason"],
    }
    if typed["kind"] == "publish":
        asked["version"] = found.draft.number if found.draft else None
    if typed["kind"] == "coverage":
        asked |= {"coverage_ppm": as_ppm(typed["coverage"]), "rule": typed["rule"]}
    return asked


def _time(text: str) -> datetime:
    """What a field of type datetime-local holds, read as UTC as its label says."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise refuse("run_at", text, "this is no time", "For example 2026-11-23T10:00, in UTC.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _shown(
    request: HttpRequest, found: Here, typed: dict[str, str], problems: tuple[Problem, ...] = ()
) -> HttpResponse:
    rows = queries.scheduled_changes(found.flag, found.environment)
    context = {
        **frame(found, "schedule"),
        "pending": [shown(row) for row in rows.filter(state="pending")],
        "past": [shown(row) for row in rows.exclude(state="pending").order_by("-settled_at")[:SHOWN]],
        "kinds": [(kind, text) for kind, text in KINDS if kind != "publish" or found.draft],
        "splits": [rule["id"] for rule in definitions.splits(found.live.definition)] if found.live else [],
        "typed": typed,
        "problems": problems,
    }
    return render(request, "flags/schedule.html", context, status=422 if problems else 200)
