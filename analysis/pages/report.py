"""The report of an experiment: the newest one, one pinned by its hash, and its exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analysis import queries, unblinding
from analysis.pages import reading
from analysis.report import exports
from experiments import queries as experiments
from ledger.refusals import NotFound, problem

if TYPE_CHECKING:
    from analysis.models import ReportSnapshot


def latest(request: HttpRequest, key: str) -> HttpResponse:
    """The live address: whatever snapshot is the newest."""
    experiment = experiments.experiment(key)
    snapshot = queries.latest_snapshot(key)
    context = reading.around(request, experiment, "report")
    if snapshot is None:
        return render(request, "analysis/waiting.html", context | reading.before_first_look(experiment))
    context |= reading.of_snapshot(request, experiment, snapshot, is_pinned=False)
    return render(request, "analysis/report.html", context)


def pinned(request: HttpRequest, key: str, sha256: str) -> HttpResponse:
    """The permalink: this snapshot and no other."""
    experiment, snapshot = experiments.experiment(key), snapshot_of(key, sha256)
    context = reading.around(request, experiment, "report")
    context |= reading.of_snapshot(request, experiment, snapshot, is_pinned=True)
    return render(request, "analysis/report.html", context)


def export(request: HttpRequest, key: str, sha256: str, form: str) -> HttpResponse:
    """One snapshot as JSON (the stored text itself), Markdown or CSV."""
    experiment, snapshot = experiments.experiment(key), snapshot_of(key, sha256)
    viewer = request.user.get_username()
    unblinding.raise_if_blind(reading.loaded(snapshot), experiment, viewer=viewer, now=timezone.now())
    return exported(snapshot, form)


def exported(snapshot: ReportSnapshot, form: str) -> HttpResponse:
    """The file, named after experiment, look and hash."""
    document = reading.loaded(snapshot)
    kind, write = FORMS[form]
    text = snapshot.document if form == "json" else write(document, snapshot.sha256)
    response = HttpResponse(text, content_type=kind)
    name = f"{document['experiment']['key']}-look-{document['look']['number']}-{snapshot.sha256[:12]}.{form}"
    response["Content-Disposition"] = f'inline; filename="{name}"'
    response["ETag"] = f'"{snapshot.sha256}"'
    return response


def snapshot_of(key: str, sha256: str) -> ReportSnapshot:
    """The snapshot, or NotFound when it belongs to another experiment."""
    snapshot = queries.snapshot(sha256)
    if snapshot.experiment.key != key:
        fix = "The snapshots of an experiment are listed on its report."
        raise NotFound(problem("sha256", sha256, f'"{key}" has no report with this hash', fix))
    return snapshot


FORMS: dict[str, tuple[str, Callable[..., str]]] = {
    "json": ("application/json; charset=utf-8", exports.markdown),
    "md": ("text/markdown; charset=utf-8", exports.markdown),
    "csv": ("text/csv; charset=utf-8", exports.tidy),
}
