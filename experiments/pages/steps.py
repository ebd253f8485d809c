"""The buttons of an experiment: each posts here and does one step; refused, its form comes again."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from experiments import services
from experiments.pages import detail, rollout
from experiments.pages.acting import by, moment, ppm
from experiments.pages.again import shown_again
from experiments.pages.forms import BindForm
from ledger.refusals import Problem, Refused
from metrics import queries as metric_queries


@require_POST
@shown_again(detail.plan, but={"experiment-rollout": rollout.page})
def step(
    request: HttpRequest,
    key: str,
    *,
    service: Callable[..., object],
    done: str,
    back: str = "experiment-plan",
) -> HttpResponse:
    """A step that only needs a reason; `back` names the page it was asked on."""
    service(key=key, reason=request.POST.get("reason", ""), **by(request))
    messages.success(request, done)
    return redirect(back, key=key)


@require_POST
@shown_again(detail.plan)
def start(request: HttpRequest, key: str) -> HttpResponse:
    """`began_at` and its reason are for data of the past."""
    coverage_ppm = ppm(request.POST.get("coverage", "100"))
    past: dict[str, Any] = {"began_at": moment(request, "began_at"), "reason": request.POST.get("reason", "")}
    services.start(key=key, coverage_ppm=coverage_ppm, **past, **by(request))
    messages.success(request, "The plan is locked and the experiment runs.")
    return redirect("experiment", key=key)


@require_POST
@shown_again(detail.plan)
def stop(request: HttpRequest, key: str) -> HttpResponse:
    """`ended_at` is for data of the past."""
    ended_at, reason = moment(request, "ended_at"), request.POST.get("reason", "")
    services.stop(key=key, reason=reason, ended_at=ended_at, **by(request))
    messages.success(request, "The experiment stopped. Look again now for the last data, then decide.")
    return redirect("experiment-report", key=key)


@require_POST
@shown_again(detail.plan)
def coverage(request: HttpRequest, key: str) -> HttpResponse:
    coverage_ppm = ppm(request.POST.get("coverage", ""))
    services.raise_coverage(
        key=key, coverage_ppm=coverage_ppm, reason=request.POST.get("reason", ""), **by(request)
    )
    messages.success(request, "More units take part; nobody changes arm.")
    return redirect("experiment-plan", key=key)


@require_POST
@shown_again(detail.decide)
def decide(request: HttpRequest, key: str) -> HttpResponse:
    asked = {
        name: request.POST.get(name, "").strip() for name in ("taken", "snapshot_sha256", "reason", "arm")
    }
    at_once = request.POST.get("how", "at_once") == "at_once"
    services.decide(key=key, at_once=at_once, **{**asked, **by(request)})
    messages.success(request, "The decision was recorded.")
    return redirect("experiment-rollout" if asked["taken"] == "ship" else "experiment-history", key=key)


@require_POST
@shown_again(detail.plan)
def bind(request: HttpRequest, key: str) -> HttpResponse:
    form = BindForm(request.POST, titles=metric_queries.titles())
    if not form.is_valid():
        raise Refused(*_problems(form))
    services.bind_metric(key=key, content=form.content(), **by(request))
    messages.success(request, "The metric was bound.")
    return redirect("experiment-plan", key=key)


@require_POST
@shown_again(detail.plan)
def unbind(request: HttpRequest, key: str, metric: str) -> HttpResponse:
    services.unbind_metric(key=key, metric=metric, **by(request))
    messages.success(request, "The metric was taken out of the plan.")
    return redirect("experiment-plan", key=key)


def _problems(form: BindForm) -> list[Problem]:
    return [
        Problem(
            field=name, value=repr(form.data.get(name, "")), reason=" ".join(map(str, errors)).rstrip(".")
        )
        for name, errors in form.errors.items()
    ]
