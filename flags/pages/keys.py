"""The keys page: what keys there are, when each was last used, and making, rotating and revoking them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from flags import queries, services
from flags.keys import SCOPES
from flags.models import SdkKey
from flags.pages.context import by
from ledger.refusals import Problem, Refused

SCOPE_WORDS = {
    "server": "server: reads rules, sends events",
    "client": "client: values of client-side flags, events; for browsers and apps",
    "ingest": "ingest: sends events only",
    "admin": "admin: changes this environment through the API",
    "read": "read: reads through the API",
}
OVERLAPS = [(0, "not at all"), (1, "an hour"), (24, "24 hours"), (168, "7 days"), (720, "30 days")]


@never_cache
def keys(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _create(request)
    return _shown(request)


@require_POST
@never_cache
def rotate(request: HttpRequest, prefix: str) -> HttpResponse:
    hours = request.POST.get("overlap_hours", "24")
    overlap_hours = int(hours) if hours.isdigit() and len(hours) < 6 else -1
    key, secret = services.rotate_key(prefix=prefix, overlap_hours=overlap_hours, **by(request))
    return _shown(request, key, secret)


@require_POST
@never_cache
def signing_key(request: HttpRequest) -> HttpResponse:
    """Show what SDKs of an environment check signatures with."""
    environment = request.POST.get("environment", "")
    return _shown(request, signing=(environment, services.signing_key(environment=environment)))


@require_POST
def revoke(request: HttpRequest, prefix: str) -> HttpResponse:
    reason = request.POST.get("reason", "")
    services.revoke_key(prefix=prefix, actor=request.user.get_username(), now=timezone.now(), reason=reason)
    messages.success(request, f"The key {prefix} works no more.")
    return redirect("sdk-keys")


def _create(request: HttpRequest) -> HttpResponse:
    typed: dict[str, Any] = {
        name: request.POST.get(name, "").strip() for name in ("environment", "name", "scope")
    }
    typed["accepts_history"] = request.POST.get("accepts_history") == "on"
    try:
        key, secret = services.create_key(**typed, **by(request))
    except Refused as refused:
        return _shown(request, typed=typed, problems=refused.problems)
    return _shown(request, key, secret)


def _shown(
    request: HttpRequest,
    fresh: SdkKey | None = None,
    secret: str = "",
    signing: tuple[str, str] | None = None,
    *,
    typed: dict[str, Any] | None = None,
    problems: tuple[Problem, ...] = (),
) -> HttpResponse:
    context = {
        "typed": typed or {},
        "problems": problems,
        "keys": queries.sdk_keys(),
        "environments": queries.environments(),
        "scopes": [(scope, SCOPE_WORDS[scope]) for scope in SCOPES],
        "fresh": fresh,
        "secret": secret,
        "signing": signing,
        "overlaps": OVERLAPS,
        "now": timezone.now(),
    }
    return render(request, "flags/keys.html", context, status=422 if problems else 200)
