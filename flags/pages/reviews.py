"""The buttons of a review: submit, approve, reject, withdraw."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from flags import services
from flags.models import FlagVersion
from flags.pages.context import by, chosen_environment

DONE = {
    "submit": "It waits for somebody else's approval. Until it is withdrawn it cannot be edited.",
    "approve": "It is approved and can be published as it stands.",
    "reject": "It is rejected. What it says can still be read and taken up again.",
    "withdraw": "It is a draft again.",
    "require": "From now on somebody else has to approve what opens a flag here.",
    "lift": "Changes here need no approval any more.",
}


@require_POST
def step(
    request: HttpRequest, key: str, number: int, *, name: str, service: Callable[..., FlagVersion]
) -> HttpResponse:
    environment = chosen_environment(request).key
    reason = request.POST.get("reason", "")
    service(flag=key, environment=environment, version=number, reason=reason, **by(request))
    messages.success(request, DONE[name])
    return redirect(f"{reverse('flag', args=[key])}?environment={environment}")


@require_POST
def require(request: HttpRequest, key: str, *, is_required: bool) -> HttpResponse:
    """Switch the requirement of an environment."""
    reason = request.POST.get("reason", "")
    services.require_review(environment=key, is_required=is_required, reason=reason, **by(request))
    messages.success(request, DONE["require" if is_required else "lift"])
    return redirect("flag-environments")
