"""The tabs beside the report: health in full, every metric in every slice, and the state of a look."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analysis import queries, unblinding
from analysis.pages import history, reading
from analysis.report import explore as exploring
from analysis.report import page
from experiments import queries as experiments


def health(request: HttpRequest, key: str) -> HttpResponse:
    """Can the numbers be trusted: the checks in full, units by arm, and every look so far."""
    experiment = experiments.experiment(key)
    snapshot = queries.latest_snapshot(key)
    context = reading.around(request, experiment, "health")
    if snapshot is None:
        return render(request, "analysis/waiting.html", context | reading.before_first_look(experiment))
    shown = reading.health_of(snapshot)
    runs = queries.runs(key)[: reading.SHOWN_SNAPSHOTS]
    return render(request, "analysis/health.html", {**context, **shown, "runs": runs})


def explore(request: HttpRequest, key: str) -> HttpResponse:
    """All metrics in all slices; filters stay in the address, so that it can be shared."""
    experiment = experiments.experiment(key)
    snapshot = queries.latest_snapshot(key)
    context = reading.around(request, experiment, "explore")
    if snapshot is None:
        return render(request, "analysis/waiting.html", context | reading.before_first_look(experiment))
    document = reading.loaded(snapshot)
    viewer = request.user.get_username()
    context |= {
        "sha": snapshot.sha256,
        "report": document,
        "is_blind": unblinding.is_blind(document, experiment, viewer=viewer, now=timezone.now()),
        "asked": {name: request.GET.get(name, "") for name in ("metric", "dimension", "arm")},
        "choices": exploring.choices(document),
    }
    context["rows"] = exploring.rows(document, **context["asked"])
    if not (context["is_blind"] or document["effects_hidden"]) and document["results"]:
        context["over_time"] = _over_time(document, **context["asked"])
        context |= _distributions(document, **context["asked"])
    return render(request, "analysis/explore.html", context)


def _distributions(document: dict[str, Any], *, metric: str, arm: str, dimension: str) -> dict[str, Any]:
    """Curves and distributions of the metric and arm that were asked for, or of all."""
    shown = {"curves": page.curves(document), "histograms": page.histograms(document)}
    wanted = {
        name: [each for each in found if metric in ("", each["metric"]) and arm in ("", each["arm"])]
        for name, found in shown.items()
    }
    return {"is_multi_arm": len(document["experiment"]["treatments"]) > 1, **wanted}


def _over_time(document: dict[str, Any], *, metric: str, arm: str, dimension: str) -> dict[str, Any] | None:
    """Of the metric and arm that were asked for, else of the first of each."""
    chosen = metric or document["results"][0]["metric"]
    return history.over_looks(
        document["experiment"]["key"], metric=chosen, arm=arm or document["experiment"]["treatments"][0]
    )


def look_state(request: HttpRequest, key: str) -> HttpResponse:
    """The banner of the look under way; tells the page to load anew once it has ended."""
    experiment = experiments.experiment(key)
    context = reading.around(request, experiment, "report")
    response = render(request, "analysis/parts/looking.html", context)
    if not context["is_looking"]:
        response["HX-Refresh"] = "true"
    return response
