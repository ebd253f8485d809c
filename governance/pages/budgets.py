"""The page of performance budgets that builds were let over."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from governance import budgets, services
from governance.models import BudgetWaiver
from governance.pages.acting import attempt, by
from ledger.forms import show_problems
from ledger.refusals import Refused

ROWS_A_PAGE = 50
TONES = {"waived": "warn", "run out": "fail", "ended": "muted"}


class BudgetForm(forms.Form):
    """What a build would have told by itself."""

    budget = forms.CharField(max_length=200, help_text="For example: bundle size of checkout.")
    limit = forms.FloatField(label="Allowed")
    measured = forms.FloatField()
    unit = forms.CharField(max_length=20, help_text="kB, ms, queries.")
    surface = forms.CharField(required=False, max_length=63, help_text="Its key: of one of the three.")
    experiment = forms.CharField(required=False, max_length=63, help_text="Its key.")
    flag = forms.CharField(required=False, max_length=63, help_text="Its key.")
    waived_by = forms.CharField(max_length=150, help_text="Who let it pass.")
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    link = forms.CharField(required=False, max_length=500, help_text="The build, or the change.")
    expires_on = forms.DateField(
        label="Until", help_text="At most 90 days ahead.", widget=forms.DateInput(attrs={"type": "date"})
    )


def budget_waivers(request: HttpRequest) -> HttpResponse:
    """Which budgets are waived, and until when; and the form that records one by hand."""
    form = BudgetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.waive_budget(**form.cleaned_data, **by(request))
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "It is recorded; the launch review shows it.")
            return redirect("budget-waivers")
    about, today = request.GET.get("about", ""), timezone.now().date()
    rows = Paginator(budgets.waivers(about=about), ROWS_A_PAGE).get_page(request.GET.get("page"))
    shown = {
        "rows": rows,
        "entries": [_entry(row, budgets.state_of(row, today=today)) for row in rows],
        "form": form,
        "about": about,
        "current": "budgets",
    }
    return render(request, "governance/budgets.html", shown, status=422 if form.is_bound else 200)


def _entry(row: BudgetWaiver, state: str) -> dict[str, Any]:
    """One line of the table, with a link to what the budget is about."""
    kind, key = budgets.subject_of(row).split(":", 1)
    return {
        "row": row,
        "state": state,
        "tone": TONES[state],
        "measured": f"{row.measured:,.6g} {row.unit}",
        "over": f"{budgets.over_percent(row):.0f}\u00a0% over the {row.limit:,.6g} allowed",
        "about": key,
        "kind": kind,
        "address": reverse(kind, args=[key]),
    }


@require_POST
def end(request: HttpRequest, id: int) -> HttpResponse:
    reason = request.POST.get("reason", "")
    attempt(
        request, "It is ended; reviews show it no more.", services.end_budget_waiver, id=id, reason=reason
    )
    return redirect("budget-waivers")
