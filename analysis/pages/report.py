"""The report of an experiment: the newest one, one pinned by its hash, and its exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analysis import answering, queries, unblinding
from analysis.pages import reading
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
    """One snapshot as a file: JSON (the stored text itself), PDF, Markdown, CSV, or a message."""
    snapshot = _readable(request, key, sha256)
    return answering.file(snapshot, form)


def chart(request: HttpRequest, key: str, sha256: str, name: str, form: str) -> HttpResponse:
    """One picture of a snapshot as SVG or PNG."""
    return answering.picture(_readable(request, key, sha256), name, form)


def _readable(request: HttpRequest, key: str, sha256: str) -> ReportSnapshot:
    """The snapshot, unless its results are hidden from this viewer."""
    experiment, snapshot = experiments.experiment(key), snapshot_of(key, sha256)
    viewer = request.user.get_username()
    unblinding.raise_if_blind(reading.loaded(snapshot), experiment, viewer=viewer, now=timezone.now())
    return snapshot


def snapshot_of(key: str, sha256: str) -> ReportSnapshot:
    """The snapshot, or NotFound when it belongs to another experiment."""
    snapshot = queries.snapshot(sha256)
    if snapshot.experiment.key != key:
        fix = "The snapshots of an experiment are listed on its report."
        raise NotFound(problem("sha256", sha256, f'"{key}" has no report with this hash', fix))
    return snapshot
