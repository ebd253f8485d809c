"""The buttons of what moves: schedule, changes under review, ramps, the next question."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from experiments import services
from experiments.pages import detail
from experiments.pages.acting import by, moment, needed_moment, ppm
from experiments.pages.again import shown_again


@require_POST
@shown_again(detail.plan)
def schedule(request: HttpRequest, key: str) -> HttpResponse:
    services.schedule(
        key=key,
        start_at=needed_moment(request, "start_at"),
        stop_at=moment(request, "stop_at"),
        coverage_ppm=ppm(request.POST.get("coverage", "100")),
        reason=request.POST.get("reason", ""),
        **by(request),
    )
    messages.success(request, "It starts by itself at that time, unless something objects.")
    return redirect("experiment-plan", key=key)


@require_POST
@shown_again(detail.plan)
def schedule_stop(request: HttpRequest, key: str) -> HttpResponse:
    reason = request.POST.get("reason", "")
    services.schedule_stop(key=key, stop_at=needed_moment(request, "stop_at"), reason=reason, **by(request))
    messages.success(request, "It stops by itself at that time.")
    return redirect("experiment-plan", key=key)


@require_POST
@shown_again(detail.plan)
def request_change(request: HttpRequest, key: str) -> HttpResponse:
    asked = request.POST.get("coverage", "")
    coverage_ppm = ppm(asked) if asked else None
    reason = request.POST.get("reason", "")
    services.request_change(key=key, coverage_ppm=coverage_ppm, reason=reason, **by(request))
    messages.success(request, "Somebody else has to agree; the experiment runs on meanwhile.")
    return redirect("experiment-plan", key=key)


@require_POST
@shown_again(detail.plan)
def start_ramp(request: HttpRequest, key: str) -> HttpResponse:
    plan, reason = request.POST.get("plan", ""), request.POST.get("reason", "")
    services.start_ramp(key=key, plan=plan, reason=reason, **by(request))
    messages.success(request, "The coverage grows by itself and stops when something objects.")
    return redirect("experiment-plan", key=key)


@require_POST
@shown_again(detail.plan)
def approve_ramp_step(request: HttpRequest, key: str, step: int) -> HttpResponse:
    reason = request.POST.get("reason", "")
    services.approve_ramp_step(key=key, step=step, reason=reason, **by(request))
    messages.success(request, f"Step {step + 1} is approved.")
    return redirect("experiment-plan", key=key)


@require_POST
@shown_again(detail.plan)
def follow_on(request: HttpRequest, key: str) -> HttpResponse:
    new_key = request.POST.get("new_key", "").strip()
    services.follow_on(key=key, new_key=new_key, title=request.POST.get("title", ""), **by(request))
    messages.success(request, "This is a new draft with the same plan.")
    return redirect("experiment-plan", key=new_key)
