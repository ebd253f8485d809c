"""Ramps: the templates, and the buttons of the strip on a flag's page."""

from collections.abc import Callable, Collection
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from flags import queries, ramp, services
from flags.models import RampRun
from flags.pages.context import by, chosen_environment
from flags.ramp import OnTrip, State, Step
from flags.reading import read_json
from ledger.refusals import Problem, Refused

EXAMPLE = """[
  {"coverage_ppm": 10000, "hold_minutes": 60, "on_trip": "roll_back"},
  {"coverage_ppm": 100000, "hold_minutes": 1440, "min_units": 1000, "on_trip": "roll_back"},
  {"coverage_ppm": 500000, "hold_minutes": 1440, "needs_approval": true},
  {"coverage_ppm": 1000000}
]"""
DONE = {
    "pause": "The ramp is paused; the coverage stays.",
    "resume": "The ramp goes on; the current step is held anew.",
    "end": "The ramp is over; the coverage stays.",
    "roll-back": "The coverage is what it was before the ramp.",
}


def plans(request: HttpRequest) -> HttpResponse:
    typed: dict[str, Any] = {name: request.POST.get(name, "") for name in ("key", "title", "steps")}
    problems: tuple[Problem, ...] = ()
    if request.method == "POST":
        try:
            steps = read_json("steps", typed["steps"], empty=[])
            named = {name: typed[name].strip() for name in ("key", "title")}
            services.create_ramp_plan(**named, steps=steps, **by(request))
            messages.success(request, "The plan is made; flags can be ramped by it.")
            return redirect("flag-ramps")
        except Refused as refused:
            problems = refused.problems
    entries = [{"plan": plan, "steps": strip(ramp.of_rows(plan.steps))} for plan in queries.ramp_plans()]
    context = {"entries": entries, "typed": typed, "problems": problems, "example": EXAMPLE}
    return render(request, "flags/ramps.html", context, status=422 if problems else 200)


@require_POST
def start(request: HttpRequest, key: str) -> HttpResponse:
    services.start_ramp(
        flag=key,
        environment=chosen_environment(request).key,
        plan=request.POST.get("plan", ""),
        rule=request.POST.get("rule") or None,
        reason=request.POST.get("reason", ""),
        **by(request),
    )
    messages.success(request, "The ramp began. It moves by itself and stops when something objects.")
    return redirect(f"{reverse('flag', args=[key])}?environment={chosen_environment(request).key}")


@require_POST
def act(request: HttpRequest, ramp_id: int, *, name: str, service: Callable[..., RampRun]) -> HttpResponse:
    run = service(ramp_id=ramp_id, reason=request.POST.get("reason", ""), **by(request))
    messages.success(request, DONE[name])
    return _back(run)


@require_POST
def to_step(
    request: HttpRequest, ramp_id: int, step: int, *, service: Callable[..., RampRun]
) -> HttpResponse:
    """Approve a step, or go to it."""
    run = service(ramp_id=ramp_id, step=step, reason=request.POST.get("reason", ""), **by(request))
    messages.success(request, f"Step {step + 1} of the ramp: done.")
    return _back(run)


def shown(run: RampRun) -> dict[str, Any]:
    """A ramp for the page: its strip, what it waits for, what can be done, its history."""
    steps, events = ramp.of_rows(run.steps), list(run.events.all())
    approved = {event.step for event in events if event.kind == "approved"}
    return {
        "run": run,
        "steps": strip(steps, run.step, approved),
        "events": events[::-1],
        "is_paused": run.state == State.PAUSED,
        "is_moving": run.state != State.PAUSED,
        "previous": run.step - 1 if run.step > 0 else None,
        "to_approve": next((n for n in _awaiting(steps, run.step) if n not in approved), None),
        "last": len(steps) - 1,
    }


def strip(steps: tuple[Step, ...], current: int = -1, approved: Collection[int] = ()) -> list[dict[str, Any]]:
    """One entry for each step: done, current or coming, and in words what it asks for."""
    return [
        {
            "index": index,
            "number": index + 1,
            "coverage_ppm": step.coverage_ppm,
            "place": "done" if index < current else "current" if index == current else "coming",
            "words": _asks(step, index in approved),
        }
        for index, step in enumerate(steps)
    ]


def _asks(step: Step, is_approved: bool) -> str:
    parts = [f"held {_span(step.hold_minutes)}"] if step.hold_minutes else []
    if step.min_units:
        parts.append(f"{step.min_units:,} units")
    if step.needs_approval:
        parts.append("approved" if is_approved else "needs approval")
    parts.append("rolls back on a trip" if step.on_trip is OnTrip.ROLL_BACK else "holds on a trip")
    return ", ".join(parts)


def _span(minutes: int) -> str:
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    named = [(days, "d"), (hours, "h"), (left, "min")]
    return " ".join(f"{amount} {unit}" for amount, unit in named if amount)


def _awaiting(steps: tuple[Step, ...], current: int) -> list[int]:
    return [index for index, step in enumerate(steps) if index > current and step.needs_approval]


def _back(run: RampRun) -> HttpResponse:
    return redirect(f"{reverse('flag', args=[run.flag.key])}?environment={run.environment.key}")
