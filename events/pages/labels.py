"""Labelled events: the list, writing one down, and saying when one ended."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from events import queries, services
from events.labels import LabelKind, read_label
from ledger.refusals import Refused, refuse
from metrics import queries as metric_queries

ROWS_A_PAGE = 50
FORM_FIELDS = ("kind", "title", "started_at", "ended_at", "slices", "expected", "link")


def labels(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    rows = Paginator(queries.labels(kind=kind), ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {"rows": rows, "kind": kind, "kinds": list(LabelKind)}
    return render(request, "events/labels.html", context)


def add(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _form(request, {"kind": LabelKind.DEPLOY})
    sent = {name: request.POST.get(name, "").strip() for name in FORM_FIELDS}
    try:
        label = read_label(_body(sent))
        services.add_label(label=label, actor=request.user.get_username(), now=timezone.now())
    except Refused as refused:
        return _form(request, sent, refused)
    messages.success(request, "Written down.")
    return redirect("labelled-events")


@require_POST
def end(request: HttpRequest, label_id: int) -> HttpResponse:
    """It is over now."""
    now = timezone.now()
    services.end_label(label_id=label_id, ended_at=now, actor=request.user.get_username(), now=now)
    messages.success(request, "The end was written down.")
    return redirect("labelled-events")


def _form(request: HttpRequest, values: dict[str, Any], refused: Refused | None = None) -> HttpResponse:
    context = {
        "values": values,
        "kinds": list(LabelKind),
        "metrics": sorted(metric_queries.titles().items()),
        "problems": refused.problems if refused else (),
    }
    return render(request, "events/label_new.html", context, status=422 if refused else 200)


def _body(sent: dict[str, str]) -> dict[str, Any]:
    """What the API would be sent: times in UTC, two fields written line by line."""
    body: dict[str, Any] = {name: value for name, value in sent.items() if value}
    for name in ("started_at", "ended_at"):
        if name in body:
            body[name] = f"{body[name]}Z" if body[name][-1:].isdigit() and "T" in body[name] else body[name]
    if "slices" in body:
        body["slices"] = {
            name: [level.strip() for level in levels.split(",")]
            for name, levels in _lines("slices", body["slices"]).items()
        }
    if "expected" in body:
        body["expected"] = _lines("expected", body["expected"])
    return body


def _lines(field: str, text: str) -> dict[str, str]:
    """`name = value`, one a line."""
    found = {}
    for line in text.splitlines():
        name, sign, value = (part.strip() for part in line.partition("="))
        if line.strip() and not (name and sign and value):
            raise refuse(field, line, "this line does not read name = value", "Write one pair a line.")
        if name:
            found[name] = value
    return found
