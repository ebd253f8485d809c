"""Ticks of the clean-up checklist, and saved filters of the list of flags."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from flags import services
from flags.pages.context import by, chosen_environment


@require_POST
def tick(request: HttpRequest, key: str, step: str) -> HttpResponse:
    services.tick_clean_up(flag=key, step=step, **by(request))
    return redirect(f"{reverse('flag', args=[key])}?environment={chosen_environment(request).key}")


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep the filter that is on, and go on with it."""
    query = request.POST.get("query", "")
    made = services.save_filter(name=request.POST.get("name", ""), query=query, **by(request))
    messages.success(request, f"The filter “{made.name}” is saved for everybody.")
    return redirect(f"{reverse('flags')}?{made.query}")


@require_POST
def delete(request: HttpRequest, filter_id: int) -> HttpResponse:
    services.delete_filter(filter_id=filter_id, **by(request))
    messages.success(request, "The filter is gone.")
    return redirect("flags")
