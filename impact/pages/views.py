"""Pages: the price tag, one surface, findings, the published studies."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from impact import drawing, onepager, queries, reference, services
from impact.grades import Design, Grade, Kind, doubts, missing_for_b
from impact.models import Evidence, EvidenceState
from impact.pages.forms import AskForm, BudgetForm, FindingForm, ValueForm
from impact.pages.sheet import sheet
from impact.pricing import DIGITS
from impact.typesetting import pdf
from ledger.forms import show_problems
from ledger.refusals import Refused
from organisation import queries as organisation

ROWS_A_PAGE = 50


def price_tag(request: HttpRequest) -> HttpResponse:
    """What 100 ms are worth on each surface, and the question asked for any number of them."""
    today = timezone.now().date()
    form = AskForm(request.GET) if "ms" in request.GET else AskForm()
    answer, status = None, 200
    if form.is_bound and form.is_valid():
        try:
            answer = services.ask(**form.cleaned_data, today=today)
        except Refused as refused:
            show_problems(form, refused)
            status = 422
    rows = [_tag(surface, today) for surface in organisation.surfaces()]
    shown = {"rows": rows, "form": form, "answer": answer, "is_answer": isinstance(answer, services.Answer)}
    return render(request, "impact/price_tag.html", shown, status=status)


def surface(request: HttpRequest, key: str) -> HttpResponse:
    """One surface: its ratio, the curve, the findings behind it, what it brings in."""
    row, today = organisation.surface(key), timezone.now().date()
    current = queries.current_ratio(key, today=today)
    findings = list(queries.findings(surface=key)[:ROWS_A_PAGE])
    shown = {
        "surface": row,
        "current": current,
        "answer": services.ask(surface=key, ms=100, today=today),
        "draft": queries.draft_ratio(key),
        "ratios": queries.ratios(key)[:20],
        "findings": [_shown_finding(each) for each in findings],
        "value": queries.value_model(key),
        "history": queries.natural_experiments(key)[:ROWS_A_PAGE],
        "curve": _newest_curve(findings),
        "user_name": request.user.get_username(),
        **_budget(request, key, current, today),
    }
    return render(request, "impact/surface.html", shown, status=422 if shown["budget_is_wrong"] else 200)


def _budget(request: HttpRequest, key: str, ratio: Any, today: date) -> dict[str, Any]:
    """How slow the surface may be before it costs more than is put up with."""
    form = BudgetForm(request.GET if "tolerance" in request.GET else None)
    shown: dict[str, Any] = {"budget_form": form, "budget_is_wrong": form.is_bound and not form.is_valid()}
    if ratio is None or not form.is_bound or not form.is_valid():
        return shown
    minor = form.cleaned_data["tolerance"] * 10 ** DIGITS.get(ratio.currency, 2)
    asked: dict[str, Any] = {"surface": key, "today": today}
    return shown | {
        "tolerance_minor": minor,
        "more_ms": services.milliseconds_worth(amount_minor=minor, **asked),
        "budget_ms": services.budget_of(tolerance_minor=minor, **asked),
    }


def value(request: HttpRequest, key: str) -> HttpResponse:
    """The form of what the surface brings in; each save is a new version."""
    row = organisation.surface(key)
    form = ValueForm(request.POST or None, initial=_value_facts(key))
    if request.method == "POST" and form.is_valid():
        try:
            services.set_value(surface=key, **form.facts(), **_by(request))
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "Saved as a new version. Draft a new ratio to use it.")
            return redirect("impact-surface", key=key)
    shown = {"surface": row, "form": form, "versions": queries.value_models(key)}
    return render(request, "impact/value.html", shown, status=422 if form.is_bound else 200)


@require_POST
def mine(request: HttpRequest, key: str) -> HttpResponse:
    services.request_mining(surface=key, **_by(request))
    messages.success(request, "The history is being looked through; what is found appears below.")
    return redirect("impact-surface", key=key)


@require_POST
def draft(request: HttpRequest, key: str) -> HttpResponse:
    services.draft_ratio(surface=key, **_by(request))
    messages.success(request, "A draft stands below. Somebody else has to publish it.")
    return redirect("impact-surface", key=key)


@require_POST
def publish(request: HttpRequest, key: str, number: int) -> HttpResponse:
    services.publish_ratio(surface=key, number=number, reason=request.POST.get("reason", ""), **_by(request))
    messages.success(request, "This is the ratio of the surface from now on.")
    return redirect("impact-surface", key=key)


@require_POST
def discard(request: HttpRequest, key: str, number: int) -> HttpResponse:
    services.discard_ratio(surface=key, number=number, reason=request.POST.get("reason", ""), **_by(request))
    messages.success(request, "The draft is rejected; it stays in the list with your reason.")
    return redirect("impact-surface", key=key)


def one_pager(request: HttpRequest, key: str) -> HttpResponse:
    """The page for the budget meeting."""
    return render(request, "impact/one_pager.html", {"sheet": _sheet(key), "key": key})


def one_pager_pdf(request: HttpRequest, key: str) -> HttpResponse:
    answer = HttpResponse(pdf(_sheet(key)), content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="latency-{key}.pdf"'
    return answer


def evidence(request: HttpRequest) -> HttpResponse:
    """Every finding, accepted, waiting and rejected."""
    filters = {name: request.GET.get(name, "").strip() for name in ("surface", "state")}
    rows = Paginator(queries.findings(**filters), ROWS_A_PAGE).get_page(request.GET.get("page"))
    shown = {
        "rows": rows,
        "filters": filters,
        "states": EvidenceState.values,
        "surfaces": organisation.surfaces(),
    }
    return render(request, "impact/evidence.html", shown)


def finding(request: HttpRequest, id: int) -> HttpResponse:
    """One finding with its curve and its checks, and the two buttons."""
    row = queries.finding(id)
    shown = _shown_finding(row) | {
        "curve": drawing.curve(row.details),
        "user_name": request.user.get_username(),
    }
    shown["knee"] = onepager.knee_words(row.details.get("knee"))
    return render(request, "impact/finding.html", shown)


@require_POST
def judge(request: HttpRequest, id: int, step: str) -> HttpResponse:
    service = services.accept if step == "accept" else services.reject
    row = service(id=id, reason=request.POST.get("reason", ""), **_by(request))
    messages.success(request, f"The finding is {row.state}.")
    return redirect("impact-finding", id=id)


def enter(request: HttpRequest, key: str) -> HttpResponse:
    """Enter a figure that no study of Headway's made."""
    row = organisation.surface(key)
    form = FindingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = _enter(form.cleaned_data, key, request)
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "The finding waits for somebody to accept or reject it.")
            return HttpResponseRedirect(reverse("impact-finding", kwargs={"id": made.id}))
    return render(
        request, "impact/enter.html", {"surface": row, "form": form}, status=422 if form.is_bound else 200
    )


def studies(request: HttpRequest) -> HttpResponse:
    """What others have measured: a band to compare with, never money."""
    rows = [
        {
            "study": study,
            "percent": study.percent_per_100_ms,
            "doubts": bool(doubts(study.percent_per_100_ms / 100)),
        }
        for study in reference.studies()
    ]
    return render(request, "impact/studies.html", {"rows": rows})


def _tag(surface: Any, today: date) -> dict[str, Any]:
    answer = services.ask(surface=surface.key, ms=100, today=today)
    waiting = queries.findings(surface=surface.key, state=EvidenceState.CANDIDATE).count()
    return {
        "surface": surface,
        "answer": answer,
        "has_amount": isinstance(answer, services.Answer),
        "waiting": waiting,
    }


def _sheet(key: str) -> dict[str, Any]:
    """What the one-pager says. Raises Refused when the surface has no ratio to print."""
    return sheet(key, today=timezone.now().date())


def _shown_finding(row: Evidence) -> dict[str, Any]:
    design = Design(
        Kind(row.kind),
        has_comparison=bool(row.details.get("has_comparison")),
        placebos=int(row.details.get("placebos", 0)),
        was_parallel=bool(row.details.get("was_parallel")),
    )
    return {
        "finding": row,
        "percent": row.per_100_ms * 100,
        "low": row.per_100_ms - 1.645 * row.standard_error,
        "high": row.per_100_ms + 1.645 * row.standard_error,
        "words": Grade(row.grade).words,
        "lacks": missing_for_b(design) if row.kind == Kind.NATURAL else [],
        "doubts": doubts(row.per_100_ms),
    }


def _newest_curve(findings: list[Evidence]) -> dict[str, Any] | None:
    for row in findings:
        if row.state != EvidenceState.REJECTED and (svg := drawing.curve(row.details)):
            return {"svg": svg, "finding": row, "knee": onepager.knee_words(row.details.get("knee"))}
    return None


def _enter(given: dict[str, Any], key: str, request: HttpRequest) -> Evidence:
    return services.record(
        surface=key,
        title=given["title"],
        outcome=given["outcome"],
        design=Design(Kind(given["kind"])),
        per_100_ms=given["change"] / 100,
        standard_error=given["error"] / 100,
        began_on=given["began_on"],
        ended_on=given["ended_on"],
        units=given["units"] or 0,
        method="entered by hand",
        link=given["link"],
        **_by(request),
    )


def _value_facts(key: str) -> dict[str, Any]:
    model = queries.value_model(key)
    if model is None:
        return {}

    return {
        "currency": model.currency,
        "revenue": model.revenue_minor / 10 ** DIGITS.get(model.currency, 2),
        "revenue_error": model.revenue_error * 100,
        "surface_share": model.surface_share * 100,
        "share_error": model.share_error * 100,
        "outcome": model.outcome,
        "outcome_level": None if model.outcome_level is None else model.outcome_level * 100,
        "link": model.link,
        "link_error": model.link_error * 100,
        "latency_metric": model.latency_metric,
        "source": model.source,
    }


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}
