"""What these pages share: who acts, and a step whose refusal becomes a message."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone

from ledger.refusals import Refused


def by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}


def attempt(request: HttpRequest, words: str, service: Callable[..., Any], **given: Any) -> bool:
    """Do it and say so, or say in words why not; whether it was done."""
    try:
        service(**given, **by(request))
    except Refused as refused:
        for each in refused.problems:
            said = each.reason if each.reason.endswith((".", "?")) else f"{each.reason}."
            messages.error(request, f"{said[:1].upper()}{said[1:]} {each.fix}".strip())
        return False
    messages.success(request, words)
    return True
