"""The buttons of an experiment: each posts here, does one step and goes back. Refusals become a page."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from experiments import services
from experiments.pages.forms import BindForm
from experiments.plan import WHOLE_PPM
from ledger.refusals import Problem, Refused, refuse
from metrics import queries as metric_queries


@require_POST
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
def start(request: HttpRequest, key: str) -> HttpResponse:
    coverage_ppm = ppm(request.POST.get("coverage", "100"))
    services.start(key=key, coverage_ppm=coverage_ppm, **by(request))
    messages.success(request, "The plan is locked and the experiment runs.")
    return redirect("experiment", key=key)


@require_POST
def coverage(request: HttpRequest, key: str) -> HttpResponse:
    coverage_ppm = ppm(request.POST.get("coverage", ""))
    services.raise_coverage(
        key=key, coverage_ppm=coverage_ppm, reason=request.POST.get("reason", ""), **by(request)
    )
    messages.success(request, "More units take part; nobody changes arm.")
    return redirect("experiment-plan", key=key)


@require_POST
def decide(request: HttpRequest, key: str) -> HttpResponse:
    asked = {
        name: request.POST.get(name, "").strip() for name in ("taken", "snapshot_sha256", "reason", "arm")
    }
    at_once = request.POST.get("how", "at_once") == "at_once"
    services.decide(key=key, at_once=at_once, **{**asked, **by(request)})
    messages.success(request, "The decision was recorded.")
    return redirect("experiment-rollout" if asked["taken"] == "ship" else "experiment-history", key=key)


@require_POST
def bind(request: HttpRequest, key: str) -> HttpResponse:
    form = BindForm(request.POST, titles=metric_queries.titles())
    if not form.is_valid():
        raise Refused(*_problems(form))
    services.bind_metric(key=key, content=form.content(), **by(request))
    messages.success(request, "The metric was bound.")
    return redirect("experiment-plan", key=key)


@require_POST
def unbind(request: HttpRequest, key: str, metric: str) -> HttpResponse:
    services.unbind_metric(key=key, metric=metric, **by(request))
    messages.success(request, "The metric was taken out of the plan.")
    return redirect("experiment-plan", key=key)


def by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}


def ppm(percent: str) -> int:
    """Parts per million from what stands in the form, for example 12.5."""
    try:
        return int(Decimal(percent) * (WHOLE_PPM // 100))
    except (ArithmeticError, ValueError):
        raise refuse("coverage", percent, "this is not a percentage", "Write a number like 12.5.") from None


def _problems(form: BindForm) -> list[Problem]:
    return [
        Problem(
            field=name, value=repr(form.data.get(name, "")), reason=" ".join(map(str, errors)).rstrip(".")
        )
        for name, errors in form.errors.items()
    ]
