"""The page of holdouts: what is held back where, which flags name it, and planning, starting, ending one."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from flags import holdout_queries, queries, services, words
from flags.models import Holdout
from flags.pages.context import by
from flags.pages.steps import as_ppm
from ledger.refusals import Problem, Refused

NAMES = ("key", "title", "environment", "share", "unit_type", "owner")
DONE = {
    "start": "The holdout holds for experiments that begin from now on. What is served now stays.",
    "end": "The holdout is over: its units get what the rules say.",
}


def holdouts(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _shown(request, {"share": "5", "unit_type": "user"})
    typed: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in NAMES}
    typed["layers"] = request.POST.getlist("layers")
    try:
        content = {name: value for name, value in typed.items() if name != "share"}
        services.create_holdout(**content, share_ppm=as_ppm(typed["share"], "share"), **by(request))
    except Refused as refused:
        return _shown(request, typed, refused.problems)
    messages.success(
        request, "The holdout is planned. Start it when you are ready; until then it holds nothing."
    )
    return redirect("flag-holdouts")


@require_POST
def move(request: HttpRequest, key: str, *, name: str, service: Callable[..., Holdout]) -> HttpResponse:
    service(key=key, reason=request.POST.get("reason", ""), **by(request))
    messages.success(request, DONE[name])
    return redirect("flag-holdouts")


def _shown(request: HttpRequest, typed: dict[str, Any], problems: tuple[Problem, ...] = ()) -> HttpResponse:
    context = {
        "entries": [_entry(row) for row in queries.holdouts()],
        "environments": queries.environments(),
        "layers": queries.layers(),
        "typed": typed,
        "problems": problems,
    }
    return render(request, "flags/holdouts.html", context, status=422 if problems else 200)


def _entry(row: Holdout) -> dict[str, Any]:
    return {
        "row": row,
        "share": words.percent(row.share_ppm),
        "layers": ", ".join(row.layers) if row.layers else "all experiments",
        "flags": holdout_queries.flags_held_by(row),
    }
