"""Pages of what flags live in: environments and layers."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from flags import queries, services, slots
from flags.models import BucketRange, Layer
from flags.pages.context import by
from ledger.refusals import Problem, Refused


def environments(request: HttpRequest) -> HttpResponse:
    typed: dict[str, Any] = {
        "key": request.POST.get("key", "").strip(),
        "is_production": request.POST.get("is_production") == "on",
        "requires_review": request.POST.get("requires_review") == "on",
    }
    problems: tuple[Problem, ...] = ()
    if request.method == "POST":
        try:
            services.create_environment(**typed, **by(request))
            messages.success(request, "The environment was made. Its SDKs need a key of their own.")
            return redirect("flag-environments")
        except Refused as refused:
            problems = refused.problems
    context = {
        "environments": queries.environments_with_documents(),
        "typed": typed,
        "problems": problems,
    }
    return render(request, "flags/environments.html", context, status=422 if problems else 200)


def layers(request: HttpRequest) -> HttpResponse:
    typed: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in ("key", "unit_type")}
    problems: tuple[Problem, ...] = ()
    if request.method == "POST":
        try:
            services.create_layer(**typed, **by(request))
            messages.success(request, "The layer was made.")
            return redirect("flag-layers")
        except Refused as refused:
            problems = refused.problems
    rows = [_row(layer) for layer in queries.layers()]
    context = {"rows": rows, "typed": typed, "problems": problems}
    return render(request, "flags/layers.html", context, status=422 if problems else 200)


def _row(layer: Layer) -> dict[str, object]:
    return {
        "layer": layer,
        "free_ppm": sum(gap.share_ppm for gap in queries.free_slots(layer)),
        "ranges": [_range(row) for row in queries.reserved(layer)],
    }


def _range(row: BucketRange) -> dict[str, object]:
    part: slots.Slots = queries.as_slots(row)
    return {"row": row, "low_ppm": part.low, "high_ppm": part.high, "share_ppm": part.share_ppm}
