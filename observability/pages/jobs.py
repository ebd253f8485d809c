"""Background work: what waits, what runs, what died and why."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from ledger import jobs, queries

ROWS_A_PAGE = 50
STUCK_AFTER = timedelta(minutes=2)
"""Workers are woken at once, and by the sweeper every ten seconds."""
STATES = ("dead", "queued", "running", "succeeded")


def listing(request: HttpRequest) -> HttpResponse:
    """Dead jobs first among the states, because they wait for a person."""
    asked = request.GET.get("state", "")
    state = asked if asked in STATES else ""
    rows = Paginator(queries.jobs(state=state), ROWS_A_PAGE).get_page(request.GET.get("page"))
    counts = queries.job_counts()
    shown = [(name, counts.get(name, 0)) for name in STATES if name in counts or name == state]
    about = {"rows": rows, "counts": shown, "state": state, "stuck_since": stuck_since(now=timezone.now())}
    return render(request, "observability/jobs.html", about)


def stuck_since(*, now: datetime) -> datetime | None:
    """Since when nobody takes the jobs that are due; None while they are taken in good time."""
    since = queries.waiting_since(now=now)
    return since if since is not None and now - since > STUCK_AFTER else None


@require_POST
def retry(request: HttpRequest, job_id: int) -> HttpResponse:
    actor = request.user.get_username()
    if jobs.retry(job_id=job_id, actor=actor, now=timezone.now()):
        messages.success(request, "The job waits for a worker again.")
    else:
        messages.warning(request, "Only a dead job can be retried; this one is not dead any more.")
    return redirect("jobs")
