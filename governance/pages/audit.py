"""The audit trail: who changed what, from what, to what and why."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from ledger import audit, queries

ROWS_A_PAGE = 50
FILTERS = ("subject", "actor", "action")
PAGES = ("flag", "experiment", "metric")
"""Kinds of objects with a page of the same name, addressed by key."""


def trail(request: HttpRequest) -> HttpResponse:
    filters = {name: request.GET.get(name, "").strip() for name in FILTERS}
    rows = Paginator(queries.audit_events(**filters), ROWS_A_PAGE).get_page(request.GET.get("page"))
    for row in rows:
        row.page = page_of(row.subject)  # type: ignore[attr-defined]
    shown = {"rows": rows, "filters": filters, "is_filtered": any(filters.values())}
    return render(request, "governance/audit.html", shown)


def page_of(subject: str) -> str:
    """Where `flag:checkout` is shown; empty for objects without a page."""
    kind, _, key = subject.partition(":")
    try:
        return reverse(kind, kwargs={"key": key}) if kind in PAGES else ""
    except NoReverseMatch:
        return ""


def verify(request: HttpRequest) -> HttpResponse:
    """Walk the whole chain and say whether it holds."""
    shown = {"broken": audit.first_broken(), "count": queries.audit_events().count()}
    return render(request, "governance/audit_verified.html", shown)
