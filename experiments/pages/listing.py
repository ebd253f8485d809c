"""The list of experiments with its filters, and the way into one."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from experiments import lifecycle, listing, queries, services
from experiments.lifecycle import State
from experiments.pages.acting import by


def experiments(request: HttpRequest) -> HttpResponse:
    asked = {name: request.GET.get(name, "").strip() for name in listing.ASKED}
    rows = listing.page(asked, request.GET.get("page"), now=timezone.now())
    saved = [{"filter": each, "query": urlencode(each.filters)} for each in listing.saved()]
    narrowed = {name: value for name, value in asked.items() if value}
    shown = {
        "rows": rows,
        "filters": asked,
        "narrowed": narrowed,
        "saved": saved,
        "states": list(State),
        "choices": listing.choices(),
        "orders": listing.ORDERS,
    }
    return render(request, "experiments/list.html", shown)


@require_POST
def save_filter(request: HttpRequest) -> HttpResponse:
    filters = {name: request.POST.get(name, "") for name in listing.ASKED}
    found = services.save_filter(name=request.POST.get("name", ""), filters=filters, **by(request))
    messages.success(request, "The filter was saved; everybody sees it.")
    return redirect(f"{reverse('experiments')}?{urlencode(found.filters)}")


@require_POST
def forget_filter(request: HttpRequest, filter_id: int) -> HttpResponse:
    services.forget_filter(filter_id=filter_id, **by(request))
    messages.success(request, "The filter was dropped.")
    return redirect("experiments")


def experiment(request: HttpRequest, key: str) -> HttpResponse:
    """The report once there can be one, the plan before."""
    has_started = queries.experiment(key).lifecycle_state in lifecycle.STARTED
    return redirect("experiment-report" if has_started else "experiment-plan", key=key)
