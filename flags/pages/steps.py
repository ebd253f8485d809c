"""The buttons of a flag: each posts here, does one step and goes back. Refusals become a page."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from flags import folding, queries, services
from flags.definitions import WHOLE_PPM
from flags.pages.context import by, chosen_environment, here
from ledger.refusals import refuse


@require_POST
def coverage(request: HttpRequest, key: str) -> HttpResponse:
    services.set_coverage(
        **_where(request, key),
        coverage_ppm=as_ppm(request.POST.get("coverage", "")),
        rule=request.POST.get("rule") or None,
        reason=request.POST.get("reason", ""),
        seen=_seen_number(request),
        **by(request),
    )
    return _done(request, key, "The coverage is changed; SDKs are told at once. Nobody changes arm.")


@require_POST
def switch(request: HttpRequest, key: str, *, on: bool) -> HttpResponse:
    change = services.switch_on if on else services.switch_off
    change(
        **_where(request, key),
        reason=request.POST.get("reason", ""),
        seen=_seen_number(request) if on else None,
        **by(request),
    )
    words = "The rules decide again." if on else "The flag is off: everybody gets its off variant."
    return _done(request, key, words)


@require_POST
def hold(request: HttpRequest, key: str) -> HttpResponse:
    services.hold(**_where(request, key), reason=request.POST.get("reason", "").strip(), **by(request))
    return _done(request, key, "The flag is held: it can close, but not open further.")


@require_POST
def release(request: HttpRequest, key: str, hold_id: int) -> HttpResponse:
    services.release_hold(hold_id=hold_id, reason=request.POST.get("reason", "").strip(), **by(request))
    return _done(request, key, "The hold is released.")


@require_POST
def publish(request: HttpRequest, key: str) -> HttpResponse:
    where = _where(request, key)
    draft = queries.draft(queries.flag(key), queries.environment(where["environment"]))
    if draft is None:
        raise refuse("draft", key, "there is no draft any more", "Somebody published or dropped it.")
    services.publish(
        **where,
        version=draft.number,
        seen=request.POST.get("seen") or None,
        reason=request.POST.get("reason", ""),
        **by(request),
    )
    return _done(request, key, f"Version {draft.number} is live.")


@require_POST
def fold(request: HttpRequest, key: str) -> HttpResponse:
    """Prepare a draft in which the default says what a rule says that gives one variant to everybody."""
    found = here(request, key)
    holding = queries.holding(found.environment).values_list("key", flat=True)
    definition = folding.folded(found.live.definition, holding) if found.live else None
    if definition is None or found.draft is not None:
        why = "there is a draft already" if found.draft else "no rule gives one variant to everybody"
        raise refuse("rules", key, why, "Edit the rules instead.")
    services.save_draft(**_where(request, key), definition=definition, **by(request))
    return _done(request, key, "The draft says the same with the default alone. Look at it and publish it.")


@require_POST
def discard(request: HttpRequest, key: str) -> HttpResponse:
    services.discard_draft(**_where(request, key), reason=request.POST.get("reason", ""), **by(request))
    return _done(request, key, "The draft is dropped; what is live stays.")


@require_POST
def revert(request: HttpRequest, key: str, number: int) -> HttpResponse:
    made = services.revert(
        **_where(request, key),
        version=number,
        reason=request.POST.get("reason", ""),
        seen=_seen_number(request),
        **by(request),
    )
    return _done(request, key, f"Version {made.number} is live and says what version {number} said.")


@require_POST
def archive(request: HttpRequest, key: str) -> HttpResponse:
    services.archive(flag=key, reason=request.POST.get("reason", ""), **by(request))
    messages.success(request, "The flag is archived: product code gets the default written in it.")
    return redirect("flag", key=key)


@require_POST
def unarchive(request: HttpRequest, key: str) -> HttpResponse:
    services.unarchive(flag=key, reason=request.POST.get("reason", ""), **by(request))
    messages.success(request, "The flag is back and serves what it served.")
    return redirect("flag", key=key)


def as_ppm(percent: str, field: str = "coverage") -> int:
    """Parts per million from what stands in the form, for example 12.5 or 12,5 %."""
    text = percent.strip().rstrip("%").strip().replace(",", ".")
    try:
        ppm = Decimal(text) * (WHOLE_PPM // 100)
        if ppm == int(ppm) and 0 <= ppm <= WHOLE_PPM:
            return int(ppm)
    except (ArithmeticError, ValueError, OverflowError):
        pass
    fix = "Write a number from 0 to 100 with at most four decimals, like 12.5."
    raise refuse(field, percent, "this is not a percentage", fix)


def _where(request: HttpRequest, key: str) -> dict[str, Any]:
    return {"flag": key, "environment": chosen_environment(request).key}


def _seen_number(request: HttpRequest) -> int | None:
    text = request.POST.get("seen", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _done(request: HttpRequest, key: str, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect(f"{reverse('flag', args=[key])}?environment={chosen_environment(request).key}")
