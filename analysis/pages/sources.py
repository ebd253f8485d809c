"""Console pages of sources: a company's own tables, how they are described, and what their test saw."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from analysis import source_queries
from analysis.models import SourceVersion
from analysis.services import sourcing
from ledger.refusals import Refused

TEMPLATE = """\
key = ""
title = ""
kind = "postgres"                       # or "parquet"
connection = "HEADWAY_SOURCE_WAREHOUSE" # a variable of the worker that holds the address
# folder = "/data/warehouse"            # instead, for parquet

[exposures]                             # who is in which arm
table = "public.assignments"
unit = "user_id"                        # column: who was randomised
arm = "variant"                         # column: the arm
time = "assigned_at"                    # column: when
experiment = "test_name"                # column: the experiment's key; leave out if there is only one
[exposures.arms]                        # word in the column = variant of the plan; leave out if they agree
A = "off"
B = "on"
[exposures.dims]                        # what results are sliced by: dim = column
device = "platform"

[[events]]                              # what happened; once for each table
table = "public.orders"
unit = "user_id"
time = "paid_at"
event = "purchase"                      # every row is one; or event_column = "name"
value = "amount"                        # column of numbers, if there is one
"""


def listing(request: HttpRequest) -> HttpResponse:
    return render(request, "analysis/sources/list.html", {"sources": source_queries.sources()})


def source(request: HttpRequest, key: str) -> HttpResponse:
    return render(request, "analysis/sources/source.html", _shown(source_queries.source(key)))


def edit(request: HttpRequest, key: str = "") -> HttpResponse:
    """The editor: an example for a new source, the current text for a new version."""
    if request.method == "POST":
        return _save(request, key)
    text = source_queries.source(key).text if key else TEMPLATE
    return render(request, "analysis/sources/edit.html", {"key": key, "text": text})


@require_POST
def test(request: HttpRequest, key: str) -> HttpResponse:
    sourcing.request_test(key=key, actor=request.user.get_username(), now=timezone.now())
    return redirect("source", key=key)


def test_state(request: HttpRequest, key: str) -> HttpResponse:
    """The test under way, or its outcome once it is there; asked for every second meanwhile."""
    return render(request, "analysis/sources/test.html", _shown(source_queries.source(key)))


def _save(request: HttpRequest, key: str) -> HttpResponse:
    text = request.POST.get("text", "").replace("\r\n", "\n")
    actor, now = request.user.get_username(), timezone.now()
    try:
        version = sourcing.save_source(text=text, actor=actor, now=now, key=key)
    except Refused as refused:
        shown = {"key": key, "text": text, "problems": refused.problems}
        return render(request, "analysis/sources/edit.html", shown, status=422)
    sourcing.request_test(key=version.source.key, actor=actor, now=now)
    messages.success(
        request, f"Version {version.number} of {version.source.key} is the current one. Its test runs now."
    )
    return redirect("source", key=version.source.key)


def _shown(version: SourceVersion) -> dict[str, Any]:
    key = version.source.key
    return {
        "source": version.source,
        "version": version,
        "definition": version.definition,
        "test": source_queries.last_test(version),
        "is_testing": source_queries.is_being_tested(key),
        "versions": source_queries.versions(key),
    }
