"""The page of two experiments that meet: does one change what the other does?"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from analysis import interaction_queries, pairs
from analysis.portfolio import interacting
from analysis.services import interactions as services
from experiments import queries as experiments


def pair(request: HttpRequest, one: str, other: str) -> HttpResponse:
    """The newest estimate, or what is missing for one."""
    return render(request, "analysis/portfolio/interaction.html", _shown(request, one, other))


def state(request: HttpRequest, one: str, other: str) -> HttpResponse:
    """The estimate under way; tells the page to load anew once it has ended."""
    context = _shown(request, one, other)
    response = render(request, "analysis/portfolio/interaction_state.html", context)
    if not context["state"].is_busy:
        response["HX-Refresh"] = "true"
    return response


@require_POST
def estimate(request: HttpRequest, one: str, other: str) -> HttpResponse:
    """Ask for an estimate on all data until now."""
    actor = request.user.get_username()
    services.request_interaction(one=one, other=other, actor=actor, now=timezone.now())
    messages.success(request, "An estimate was asked for; the page renews itself when it is there.")
    return redirect("portfolio-interaction", *pairs.in_order(one, other))


def _shown(request: HttpRequest, one: str, other: str) -> dict[str, Any]:
    keys, now = pairs.in_order(one, other), timezone.now()
    owners = [experiments.experiment(key) for key in keys]
    why_not = services.why_not(*keys, now=now)
    state = interacting.states([keys], viewer=request.user.get_username(), now=now)[keys]
    return {
        "one": owners[0],
        "other": owners[1],
        "state": state,
        "why_not": why_not,
        "earlier": interaction_queries.readings(*keys)[1:11],
    }
