"""Pages of postmortems: the list, and one that is read, written and reviewed."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from governance import incident_queries as queries
from governance import services
from governance.blameless import Remark
from governance.models import Postmortem
from governance.pages.acting import attempt, by
from governance.services.postmortems import SECTIONS, missing_to_review, remarks, remarks_on
from ledger.forms import show_problems
from ledger.refusals import Refused

ROWS_A_PAGE = 50
TONES = {"draft": "warn", "reviewed": "warn", "published": "ok"}
LABELS = {
    "summary": ("Summary", "What users noticed, in two sentences.", 3),
    "impact": ("Impact", "Who was hurt, how much, for how long, what it cost.", 4),
    "causes": ("Causes", "Conditions, designs and signals. There is no field for a person, on purpose.", 6),
    "factors": ("Contributing factors", "One a line: what made it more likely or longer.", 4),
    "detection": ("Detection", "How it was noticed, and what could have shown it sooner.", 4),
    "lessons": ("Lessons", "What others can use. May stay empty.", 4),
}


class PostmortemForm(forms.Form):
    """One text a section."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in SECTIONS:
            label, help_text, rows = LABELS[name]
            self.fields[name] = forms.CharField(
                required=False,
                max_length=20_000,
                label=label,
                help_text=help_text,
                widget=forms.Textarea(attrs={"rows": rows}),
            )


def postmortems(request: HttpRequest) -> HttpResponse:
    """What was learned."""
    state = request.GET.get("state", "")
    rows = Paginator(queries.postmortems(state=state), ROWS_A_PAGE).get_page(request.GET.get("page"))
    states = [("", "All"), ("draft", "Drafts"), ("reviewed", "Reviewed"), ("published", "Published")]
    shown = {"rows": rows, "state": state, "states": states, "tones": TONES, "current": "postmortems"}
    return render(request, "governance/postmortems.html", shown)


def postmortem(request: HttpRequest, id: int) -> HttpResponse:
    """Read it, or write it while it is not published."""
    row = queries.postmortem(id)
    texts = {name: getattr(row, name) for name in SECTIONS}
    form = PostmortemForm(request.POST or None, initial=texts)
    found = remarks(row)
    if request.method == "POST" and form.is_valid():
        found = remarks_on(form.cleaned_data)
        try:
            services.edit_postmortem(id=id, **form.cleaned_data, **by(request))
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "The postmortem was saved.")
            return redirect("postmortem", id=id)
    shown = {**_facts(row, found), "form": form}
    return render(request, "governance/postmortem.html", shown, status=422 if form.is_bound else 200)


@require_POST
def step(request: HttpRequest, id: int, step: str) -> HttpResponse:
    """Review or publish."""
    words, service = STEPS[step]
    attempt(request, words, service, id=id)
    return redirect("postmortem", id=id)


STEPS: dict[str, tuple[str, Any]] = {
    "review": ("You reviewed it.", services.review_postmortem),
    "publish": ("It is published, and does not change any more.", services.publish_postmortem),
}


def _facts(row: Postmortem, found: list[Remark]) -> dict[str, Any]:
    return {
        "row": row,
        "tone": TONES[row.state],
        "remarks": [(LABELS[each.section][0], each) for each in found],
        "missing": missing_to_review(row) if row.state == "draft" else [],
        "sections": [(LABELS[name][0], getattr(row, name)) for name in SECTIONS if getattr(row, name)],
        "actions": queries.actions(incident_id=row.incident_id),
        "current": "postmortems",
    }
