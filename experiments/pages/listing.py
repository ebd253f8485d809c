"""The list of experiments and the way into one."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from experiments import lifecycle, queries, status
from experiments.lifecycle import State

ROWS_A_PAGE = 50


def experiments(request: HttpRequest) -> HttpResponse:
    filters = {name: request.GET.get(name, "").strip() for name in ("search", "state")}
    rows = Paginator(queries.experiments(**filters), ROWS_A_PAGE).get_page(request.GET.get("page"))
    pills = status.pills((row.key, row.lifecycle_state) for row in rows)
    for row in rows:
        row.pill = pills[row.key]  # type: ignore[attr-defined]
    shown = {"rows": rows, "filters": filters, "states": list(State)}
    return render(request, "experiments/list.html", shown)


def experiment(request: HttpRequest, key: str) -> HttpResponse:
    """The report once there can be one, the plan before."""
    has_started = queries.experiment(key).lifecycle_state in lifecycle.STARTED
    return redirect("experiment-report" if has_started else "experiment-plan", key=key)
