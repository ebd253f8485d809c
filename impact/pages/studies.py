"""Pages of ablation studies: the list, the planner, a proposal, one study with its kill switch."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from impact import caps, lasting, queries, services
from impact.caps import Approver
from impact.models import AblationStudy, StudyState
from impact.pages.study_forms import PlanForm, StudyForm
from impact.services.studies import as_proposal, variant_of
from ledger.forms import show_problems
from ledger.refusals import Refused
from organisation import queries as organisation

ROWS_A_PAGE = 50
APPROVERS = {
    Approver.SURFACE_OWNER: "owner of the surface",
    Approver.METRIC_OWNER: "owner of the outcome",
    Approver.SPONSOR: "sponsor",
    Approver.SECOND: "second sponsor, for delays above a second",
}
STATES = {
    StudyState.PROPOSED: ("waits for consents", "warn"),
    StudyState.APPROVED: ("may start", "ok"),
    StudyState.RUNNING: ("slows users down", "warn"),
    StudyState.FOLLOWED: ("over, measured on", "ok"),
    StudyState.CLOSED: ("closed", "ok"),
    StudyState.WITHDRAWN: ("withdrawn", "ok"),
}


def listed(request: HttpRequest) -> HttpResponse:
    """Every study, newest first."""
    rows = Paginator(queries.studies(), ROWS_A_PAGE).get_page(request.GET.get("page"))
    shown = {"rows": rows, "studies": [_line(row) for row in rows], "surfaces": organisation.surfaces()}
    return render(request, "impact/ablations.html", shown)


def planner(request: HttpRequest) -> HttpResponse:
    """What a study of some size would tell and cost; nothing is saved."""
    form = PlanForm(request.GET) if "doses_ms" in request.GET else PlanForm()
    plan = _plan(form) if form.is_bound and form.is_valid() else None
    status = 422 if form.is_bound and plan is None else 200
    shown = {"form": form, "plan": plan, "approvers": APPROVERS, "surfaces": organisation.surfaces()}
    return render(request, "impact/planner.html", shown, status=status)


def propose(request: HttpRequest) -> HttpResponse:
    """Propose a study. With `action=check` only the plan is worked out, as one types."""
    form = StudyForm(request.POST or None, initial=_initial(request))
    plan = None
    if request.method == "POST":
        plan = _plan(form) if form.is_valid() or _can_plan(form) else None
        if request.POST.get("action") != "check" and form.is_valid():
            try:
                made = services.propose_study(**form.facts(), **_by(request))
            except Refused as refused:
                _show(form, refused)
            else:
                messages.success(request, "Proposed. It starts when those who answer for it have consented.")
                return redirect("ablation", key=made.key)
    status = 422 if request.method == "POST" and request.POST.get("action") != "check" else 200
    shown = {"form": form, "plan": plan, "approvers": APPROVERS, "surfaces": organisation.surfaces()}
    return render(request, "impact/ablation_new.html", shown, status=status)


def study(request: HttpRequest, key: str) -> HttpResponse:
    """One study: what it does to whom, what it has cost, and the switch that ends it."""
    row, now, user = queries.study(key), timezone.now(), request.user.get_username()
    cost = services.cost_so_far(row, now) if row.began_at is not None else None
    weeks, arms = row.follow.get("weeks") or [], _arms(row)
    shown = {
        **_line(row),
        "approvals": _approvals(row, user),
        "arms": arms,
        "has_look": any(each["known"] for each in arms),
        "check": services.placebo_check(row) if row.began_at is not None else None,
        "cost": cost,
        "left": row.budget - row.spent,
        "spent_share": row.spent / row.budget,
        "steps": _steps(row, now),
        "weeks": weeks,
        "growth": lasting.growth(weeks),
        "lost_weeks": lasting.lost_weeks(weeks) if weeks else None,
        "recovery": lasting.recovery_words(weeks),
        "user_name": user,
        "may_withdraw": row.state in (StudyState.PROPOSED, StudyState.APPROVED),
    }
    return render(request, "impact/ablation.html", shown)


@require_POST
def approve(request: HttpRequest, key: str) -> HttpResponse:
    row = services.approve_study(key=key, capacity=request.POST.get("capacity", ""), **_by(request))
    is_last = row.state == StudyState.APPROVED
    messages.success(request, "Consent is noted. " + ("The study may start." if is_last else ""))
    return redirect("ablation", key=key)


@require_POST
def start(request: HttpRequest, key: str) -> HttpResponse:
    services.start_study(key=key, **_by(request))
    messages.success(request, "The study runs: its flag is live, and some users are slowed down from now on.")
    return redirect("ablation", key=key)


@require_POST
def end(request: HttpRequest, key: str) -> HttpResponse:
    reason = request.POST.get("reason", "").strip() or "ended by hand"
    services.end_study(key=key, reason=reason, **_by(request))
    messages.success(request, "Ended. No delay is granted any more; clients stop with their next refresh.")
    return redirect("ablation", key=key)


@require_POST
def withdraw(request: HttpRequest, key: str) -> HttpResponse:
    services.withdraw_study(key=key, reason=request.POST.get("reason", ""), **_by(request))
    messages.success(request, "Withdrawn. Nobody was slowed down.")
    return redirect("ablation", key=key)


def _plan(form: PlanForm) -> services.StudyPlan | None:
    """The plan of the form's numbers; what is wrong with them is put beside their fields."""
    given = form.cleaned_data
    try:
        return services.plan_study(
            surface=given["surface"],
            doses_ms=form.doses(),
            share_ppm=form.share_ppm(),
            days=given["days"],
            units_a_day=given["users_a_day"],
            slope=given["slope"] / 100,
        )
    except Refused as refused:
        _show(form, refused)
        return None


def _show(form: PlanForm, refused: Refused) -> None:
    """Problems beside their fields; the share is asked for in per cent."""
    fields = {"share_ppm": "share", "units_a_day": "users_a_day"}
    named = [replace(each, field=fields.get(each.field, each.field)) for each in refused.problems]
    show_problems(form, Refused(*named))


def _can_plan(form: PlanForm) -> bool:
    """The numbers of the plan are there, whatever else is missing."""
    return all(name in form.cleaned_data for name in PlanForm.base_fields)


def _initial(request: HttpRequest) -> dict[str, Any]:
    """What the planner was asked, so that a proposal begins with it."""
    return {name: request.GET[name] for name in PlanForm.base_fields if name in request.GET}


def _line(row: AblationStudy) -> dict[str, Any]:
    words, tone = STATES[StudyState(row.state)]
    return {"study": row, "words": words, "tone": tone, "proposal": as_proposal(row)}


def _approvals(row: AblationStudy, user: str) -> list[dict[str, Any]]:
    """Every consent that is needed, with who gave it and whether this person may."""
    given = {each.capacity: each for each in row.approvals.all()}
    has_consented = any(each.by == user for each in given.values())
    found = []
    for capacity in caps.needed_approvals(as_proposal(row)):
        allowed = services.who_may_consent(row, capacity)
        is_one = not allowed or user in allowed
        may = row.state == StudyState.PROPOSED and user != row.created_by and not has_consented and is_one
        found.append(
            {
                "capacity": capacity.value,
                "words": APPROVERS[capacity],
                "given": given.get(capacity.value),
                "who": ", ".join(sorted(allowed)) or "anybody but the proposer",
                "may": may,
            }
        )
    return found


def _arms(row: AblationStudy) -> list[dict[str, Any]]:
    """Doses with what reached users, as far as a look has told."""
    try:
        known = {arm.dose_ms: arm for arm in services.arms_of(row)}
    except Refused:
        known = {}
    return [
        {"dose_ms": dose, "arm": variant_of(dose), "known": known.get(dose)} for dose in (0, *row.doses_ms)
    ]


def _steps(row: AblationStudy, now: datetime) -> list[tuple[str, datetime, str]]:
    """What happened and what will, in order."""
    steps = [("proposed", row.created_at, f"by {row.created_by}")]
    steps += [
        (f"consent: {APPROVERS[Approver(each.capacity)]}", each.at, each.by) for each in row.approvals.all()
    ]
    if row.began_at is not None:
        steps.append(("began", row.began_at, ""))
    if row.ended_at is not None:
        steps.append(("ended" if row.began_at else "withdrawn", row.ended_at, row.end_reason))
    elif row.ends_at is not None:
        steps.append(("will end by itself", row.ends_at, ""))
    if row.follow_until is not None:
        is_over = now >= row.follow_until
        steps.append(("was measured until" if is_over else "is measured until", row.follow_until, ""))
    return steps


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}
