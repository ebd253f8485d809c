"""The buttons on a report: each posts here, does one step and goes back. Refusals become a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from analysis import queries, services, unblinding
from analysis.pages.reading import REVEALED, loaded
from analysis.pages.report import snapshot_of
from ledger.refusals import NotFound, problem

TRIP_STEPS: dict[str, tuple[Callable[..., object], str]] = {
    "acknowledge": (
        services.acknowledge_trip,
        "You look at the trip. It goes on blocking until it is settled.",
    ),
    "resolve": (services.resolve_trip, "The trip is resolved and no longer blocks."),
    "waive": (services.waive_trip, "The harm is accepted and no longer blocks."),
}


@require_POST
def look(request: HttpRequest, key: str) -> HttpResponse:
    """Ask for a look at all data until now."""
    services.request_look(experiment=key, trigger="manual", **_by(request))
    messages.success(request, "A look was asked for; the report renews itself when it is there.")
    return redirect("experiment-report", key=key)


@require_POST
def settle(request: HttpRequest, key: str, trip_id: int, step: str) -> HttpResponse:
    """Acknowledge, resolve or waive a trip of this experiment."""
    if queries.trip(trip_id).experiment.key != key:
        raise NotFound(
            problem("trip", trip_id, f'"{key}" has no such trip', "Trips are listed on the report.")
        )
    service, done = TRIP_STEPS[step]
    service(trip_id=trip_id, reason=request.POST.get("reason", ""), **_by(request))
    messages.success(request, done)
    return redirect("experiment-report", key=key)


@require_POST
def unblind(request: HttpRequest, key: str, sha256: str) -> HttpResponse:
    """The owner opens the results to everybody before the minimum duration."""
    version = loaded(snapshot_of(key, sha256))["experiment"]["plan_version"]
    reason = request.POST.get("reason", "")
    unblinding.unblind(key=key, plan_version=version, reason=reason, **_by(request))
    messages.success(request, "Everybody sees the results now. This was logged.")
    return redirect("experiment-report", key=key)


@require_POST
def reveal(request: HttpRequest, key: str, sha256: str) -> HttpResponse:
    """Show this viewer the effects of a report whose data cannot be trusted."""
    snapshot = snapshot_of(key, sha256)
    unblinding.reveal(key=key, sha256=snapshot.sha256, **_by(request))
    request.session[REVEALED] = [*request.session.get(REVEALED, []), snapshot.sha256][-50:]
    return redirect("experiment-snapshot", key=key, sha256=snapshot.sha256[:12])


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}
