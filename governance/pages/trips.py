"""Guardrail trips: all of them, and one with everything that happened to it and how to undo it."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analysis import queries as analysis
from analysis.report import differences
from flags import queries as flags
from governance.services.harm import money_at_risk
from ledger import queries as ledger
from organisation import queries as organisation
from organisation.roles import Discipline

ROWS_A_PAGE = 50
TONES = {"open": "harm", "acknowledged": "warn", "resolved": "ok", "waived": "muted"}
STATES = tuple(TONES)


def trips(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    found = analysis.trips()
    found = found.filter(state=state) if state in STATES else found
    rows = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    shown = [(row, TONES[row.state]) for row in rows]
    context = {"rows": rows, "shown": shown, "state": state, "states": STATES}
    return render(request, "governance/trips.html", context)


def trip(request: HttpRequest, id: int) -> HttpResponse:
    """The numbers that caused it, what was done by itself, and the way back."""
    row = analysis.trip(id)
    trail = ledger.audit_of(f"experiment:{row.experiment.key}").filter(
        action__regex=r"^(trip|review)\.", after__trip=id
    )
    definition, user = row.metric_version.definition, request.user.get_username()
    is_owner = user in (row.experiment.owner, row.experiment.created_by)
    place = row.experiment.environment
    shown = {
        "trip": row,
        "title": row.title,
        "effect": differences.in_words(definition, estimate=row.estimate, low=row.low, high=row.high),
        "limit": "" if row.margin is None else differences.amount(definition, row.margin),
        "tone": TONES[row.state],
        "money": money_at_risk(row, today=timezone.now().date()),
        "timeline": list(reversed(trail[:100])),
        "undo": _undo(row),
        "is_open": row.state in STATES[:2],
        "is_owner": is_owner,
        "may_waive": not is_owner and organisation.may_answer_for(user, Discipline.PERFORMANCE, place),
    }
    return render(request, "governance/trip.html", shown)


def _undo(row: Any) -> str:
    """How what was done by itself is undone, in words."""
    owner = row.experiment
    if row.acted_at is None or not owner.assigned_here:
        return "Nothing was done by itself, so nothing has to be undone."
    held = flags.holds_of(owner.flag, owner.environment).filter(id=row.hold_id).exists()
    hold = (
        "The hold on the flag is released when the trip is resolved or waived, with the reason you give."
        if held
        else "The hold on the flag is released."
    )
    if row.action != "roll_back":
        return hold
    return f"{hold} The experiment was stopped; to try again, follow on with a new one, which keeps its plan."
