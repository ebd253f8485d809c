"""Pages of what flags live in: environments and layers."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from flags import queries, services, slots
from flags.models import BucketRange, Layer


def environments(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        services.create_environment(
            key=request.POST.get("key", "").strip(),
            is_production=request.POST.get("is_production") == "on",
            actor=request.user.get_username(),
            now=timezone.now(),
        )
        messages.success(request, "The environment was made. Its SDKs need a key of their own.")
        return redirect("flag-environments")
    return render(request, "flags/environments.html", {"environments": queries.environments_with_documents()})


def layers(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        services.create_layer(
            key=request.POST.get("key", "").strip(),
            unit_type=request.POST.get("unit_type", "").strip(),
            actor=request.user.get_username(),
            now=timezone.now(),
        )
        messages.success(request, "The layer was made.")
        return redirect("flag-layers")
    return render(request, "flags/layers.html", {"rows": [_row(layer) for layer in queries.layers()]})


def _row(layer: Layer) -> dict[str, object]:
    return {
        "layer": layer,
        "free_ppm": sum(gap.share_ppm for gap in queries.free_slots(layer)),
        "ranges": [_range(row) for row in queries.reserved(layer)],
    }


def _range(row: BucketRange) -> dict[str, object]:
    part: slots.Slots = queries.as_slots(row)
    return {"row": row, "low_ppm": part.low, "high_ppm": part.high, "share_ppm": part.share_ppm}
