"""The planning pages. What is asked stands in the address, so that an answer can be shared."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from analysis.planning import answers, asking, history, splitting
from analysis.stats.results import InvalidInput
from experiments import lifecycle, queries
from experiments.pages.detail import frame
from experiments.plan import WHOLE_PPM
from ledger.refusals import Problem, Refused, refuse
from metrics import queries as metric_queries


def duration(request: HttpRequest) -> HttpResponse:
    """How long does it take to find this effect?"""
    typed = _typed(request, asking.DEFAULTS if request.GET else {**asking.DEFAULTS, **history.usual()})
    titles = metric_queries.titles()
    context: dict[str, Any] = {
        "typed": typed,
        "metrics": [(key, titles.get(key, key)) for key in history.measured_metrics()],
        "experiments": history.looked_at(),
    }
    problems: tuple[Problem, ...] = ()
    if request.GET or typed["metric"]:
        try:
            asked = asking.question(typed)
            context |= {"asked": asked, "answer": answered(asked)}
            context["unit"] = _unit(typed["metric"])
            context |= _shown(context["answer"], asked, context["unit"])
        except Refused as refused:
            problems = refused.problems if request.GET else ()
    context["problems"] = problems
    return render(request, "analysis/planning/duration.html", context, status=422 if problems else 200)


def split(request: HttpRequest) -> HttpResponse:
    """What does an uneven split cost, and how wrong may it be before anybody notices?"""
    typed = _typed(request, asking.SPLIT_DEFAULTS)
    context: dict[str, Any] = {"typed": typed}
    problems: tuple[Problem, ...] = ()
    try:
        control, treatments, units = asking.split(typed)
        context["costs"] = splitting.costs(control, treatments, units=units)
        context["best"] = splitting.best_control_share(len(treatments))
    except Refused as refused:
        problems = refused.problems
    context["problems"] = problems
    return render(request, "analysis/planning/split.html", context, status=422 if problems else 200)


def sizing(request: HttpRequest, key: str) -> HttpResponse:
    """Can this plan find what it looks for, and what would waiting buy?"""
    experiment = queries.experiment(key)
    context = {**frame(experiment, "sizing"), **sizing_of(key)}
    return render(request, "analysis/planning/sizing.html", context)


def sizing_of(key: str) -> dict[str, Any]:
    """The plan in force, else the draft; a running one with what waiting buys."""
    experiment = queries.experiment(key)
    is_running = experiment.lifecycle_state in lifecycle.EXPOSING
    plan = (
        queries.plan(key) if is_running else queries.candidate(experiment, queries.newest_version(experiment))
    )
    phase = queries.open_phase(key)
    share = phase.coverage_ppm / WHOLE_PPM if phase and phase.coverage_ppm else 1.0
    found = answers.sizing_of(plan, coverage_share=share, running=is_running)
    costs = []
    if plan.treatments and plan.control and found.planned_total:
        arms = [(arm.key, arm.share) for arm in plan.treatments]
        costs = splitting.costs(plan.arm(plan.control).share, arms, units=found.planned_total)
    return {"plan": plan, "sizing": found, "costs": costs, "coverage_share": share}


def answered(asked: answers.Question) -> answers.Answer:
    """The answer; what the statistics cannot plan with is refused in words."""
    try:
        return answers.answer(asked)
    except InvalidInput as invalid:
        raise refuse("effect", asked.effect, str(invalid), "Change what is typed.") from None


def _shown(answer: answers.Answer, asked: answers.Question, unit: str) -> dict[str, Any]:
    """What the template cannot compute: effects in the scale that was asked in, units for the plan."""
    smaller = min(asked.shape.control_share, asked.shape.treatment_share)
    rows = [
        {"day": each.day, "units": each.units, "shown": _effect(each.effect, asked, unit)}
        for each in answer.reach
    ]
    return {"reach": rows, "planned_units": round((answer.size.units or 0) * smaller)}


def _effect(effect: float | None, asked: answers.Question, unit: str) -> str:
    if effect is None:
        return "none"
    if asked.is_relative and asked.baseline.value:
        return f"{100 * effect / abs(asked.baseline.value):.2g} %"
    return f"{effect:.4g} {unit}".strip()


def _typed(request: HttpRequest, defaults: dict[str, str]) -> dict[str, str]:
    return {name: request.GET.get(name, default) for name, default in defaults.items()}


def _unit(metric: str) -> str:
    return metric_queries.version(metric).definition.unit if metric else ""
