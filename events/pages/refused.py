"""Refused events: which field, which value, why, what to do, and taking one in after all."""

from itertools import chain

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from events import queries, services
from events.diagnosis import ID_TAKEN
from events.models import RefusedEvent
from events.pages.overview import environments
from ledger.refusals import Refused

ROWS_A_PAGE = 50


def refused_events(request: HttpRequest) -> HttpResponse:
    filters = {name: request.GET.get(name, "").strip() for name in ("environment", "field")}
    rows = Paginator(queries.refused_events(**filters), ROWS_A_PAGE).get_page(request.GET.get("page"))
    waiting = [] if rows.has_previous() else queries.refused_in_inbox(**filters, limit=ROWS_A_PAGE)
    context = {
        "rows": rows,
        "events": list(chain(waiting, rows)),
        "filters": filters,
        "environments": environments(),
        "is_filtered": any(filters.values()),
    }
    return render(request, "events/refused.html", context)


def refused_event(request: HttpRequest, refused_id: int) -> HttpResponse:
    """One refused event; posting takes the event in, as it is or corrected."""
    event = queries.refused_event(refused_id)
    if request.method != "POST":
        return _shown(request, event, _text(event))
    text = request.POST.get("raw", "").strip()
    raw = None if text == _text(event) else text.encode("utf-8", "surrogatepass")
    actor = request.user.get_username()
    try:
        services.replay(refused_id=refused_id, raw=raw, actor=actor, now=timezone.now())
    except Refused as refused:
        return _shown(request, event, text, refused)
    messages.success(request, "The event was taken in. It is in the store within seconds.")
    return redirect("refused-event", refused_id=refused_id)


def _shown(
    request: HttpRequest, event: RefusedEvent, text: str, refused: Refused | None = None
) -> HttpResponse:
    context = {
        "event": event,
        "text": text,
        "problems": refused.problems if refused else (),
        "needs_editing": not event.is_whole or event.reason == ID_TAKEN,
    }
    return render(request, "events/refused_event.html", context, status=422 if refused else 200)


def _text(event: RefusedEvent) -> str:
    return bytes(event.raw).decode("utf-8", "backslashreplace").strip()
