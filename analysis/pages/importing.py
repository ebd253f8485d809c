"""Bringing numbers that were computed elsewhere: choose a CSV file, see it as it was understood, store.

Nothing is stored by the preview; storing reads the same text again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from analysis import aggregate_files, imported
from analysis.imported import Aggregate
from analysis.pages import reading
from analysis.services import importing, requests
from experiments import queries as experiments
from experiments.plan import LockedPlan
from ledger.refusals import Conflict, Problem, Refused, refuse


def bring(request: HttpRequest, key: str) -> HttpResponse:
    """The form; its preview; and the look, once the preview was confirmed."""
    experiment = experiments.experiment(key)
    context = reading.around(request, experiment, "report") | {"columns": imported.FIELDS}
    try:
        context["plan"] = locked = experiments.plan(key)
    except Conflict as conflict:
        return render(request, "analysis/import.html", context | {"not_yet": conflict.problems})
    if request.method != "POST":
        return render(request, "analysis/import.html", context)
    try:
        context |= _typed(request)
        read = _read(locked, context)
        if request.POST.get("step") == "store":
            return _stored(request, key, context)
    except Refused as refused:
        shown: dict[str, Any] = {"problems": refused.problems}
        return render(request, "analysis/import.html", context | shown, status=422)
    return render(request, "analysis/import.html", context | {"read": read})


def _typed(request: HttpRequest) -> dict[str, Any]:
    """What stands in the form; a chosen file takes the place of the text."""
    chosen = request.FILES.get("file")
    if isinstance(chosen, UploadedFile):
        if chosen.size is not None and chosen.size > aggregate_files.MAX_BYTES:
            raise refuse(
                "file", f"{chosen.size:,} bytes", "it is larger than 10 MB", "Aggregate the rows first."
            )
        raw = chosen.read()
    else:
        raw = request.POST.get("text", "").replace("\r\n", "\n").encode("utf-8", "surrogateescape")
    return {
        "raw": raw,
        "text": raw.decode("utf-8-sig", "replace"),
        "until": request.POST.get("until", "").strip(),
    }


def _read(locked: LockedPlan, typed: dict[str, Any]) -> tuple[Aggregate, ...]:
    """The rows as they would be stored. Raises Refused with everything that is wrong."""
    problems: list[Problem] = []
    read: tuple[Aggregate, ...] = ()
    try:
        requests.raise_if_outside(locked, _moment(typed["until"]), timezone.now())
    except Refused as refused:
        problems += refused.problems
    try:
        read = imported.read(
            locked, aggregate_files.rows_of(typed["raw"]), first_line=aggregate_files.FIRST_LINE
        )
    except Refused as refused:
        problems += refused.problems
    if problems:
        raise Refused(*problems)
    importing.raise_if_unfit(locked, read, _moment(typed["until"]))
    return read


def _stored(request: HttpRequest, key: str, typed: dict[str, Any]) -> HttpResponse:
    run = importing.import_look(
        experiment=key,
        rows=aggregate_files.rows_of(typed["raw"]),
        first_line=aggregate_files.FIRST_LINE,
        until=_moment(typed["until"]),
        actor=request.user.get_username(),
        now=timezone.now(),
    )
    messages.success(request, f"The numbers are look {run.look}.")
    return redirect("experiment-report", key=key)


def _moment(text: str) -> datetime:
    """The time of the form's field, in UTC when it names no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise refuse("until", text, "this is not a time", "Choose day and time in UTC.") from None
    return found if found.tzinfo else found.replace(tzinfo=timezone.get_default_timezone())
