"""The audit trail: who changed what, from what, to what and why."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ledger import audit, queries

ROWS_A_PAGE = 50
FILTERS = ("subject", "actor", "action")


def trail(request: HttpRequest) -> HttpResponse:
    filters = {name: request.GET.get(name, "").strip() for name in FILTERS}
    rows = Paginator(queries.audit_events(**filters), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "governance/audit.html", {"rows": rows, "filters": filters})


def verify(request: HttpRequest) -> HttpResponse:
    """Walk the whole chain and say whether it holds."""
    broken = audit.first_broken()
    return render(request, "governance/audit_verified.html", {"broken": broken})
