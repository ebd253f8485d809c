"""Pages of design documents and of weekly digests."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from governance import digest_queries, documents, services
from governance.models import DesignDocument
from governance.pages.acting import by
from governance.performance_section import TEMPLATE
from ledger.forms import show_problems
from ledger.refusals import Refused

ROWS_A_PAGE = 50
TONES = {"pass": "ok", "incomplete": "fail", "link only": "warn"}


class DocumentForm(forms.Form):
    title = forms.CharField(max_length=200)
    experiment = forms.CharField(required=False, max_length=63, help_text="Its key; or a flag.")
    flag = forms.CharField(required=False, max_length=63)
    link = forms.CharField(required=False, max_length=500, help_text="Where people discuss it.")
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=200_000,
        label="Markdown",
        help_text="Only pasted text can be checked.",
        widget=forms.Textarea(attrs={"rows": 14, "class": "mono"}),
    )


def design_documents(request: HttpRequest) -> HttpResponse:
    """Which designs are written down, and what they lack."""
    found = Paginator(documents.documents(), ROWS_A_PAGE)
    rows = found.get_page(request.GET.get("page"))
    checked = [_checked(row) for row in rows]
    shown = {"rows": rows, "checked": checked, "current": "documents"}
    return render(request, "governance/documents.html", shown)


def register(request: HttpRequest) -> HttpResponse:
    """The form of a new document, or of a new version."""
    given = {name: request.GET.get(name, "") for name in ("experiment", "flag", "title")}
    form = DocumentForm(request.POST or None, initial=given)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.register_document(**form.cleaned_data, **by(request))
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "The document is registered.")
            return redirect("design-document", id=made.id)
    shown = {"form": form, "template": TEMPLATE, "current": "documents"}
    return render(request, "governance/document_new.html", shown, status=422 if form.is_bound else 200)


def design_document(request: HttpRequest, id: int) -> HttpResponse:
    """One version, and what its section on performance lacks."""
    row = documents.document(id)
    versions = documents.versions(experiment=row.experiment_id or "", flag=row.flag)
    shown = {**_checked(row), "versions": versions, "current": "documents"}
    return render(request, "governance/document.html", shown)


def template(request: HttpRequest) -> HttpResponse:
    """The template as a file."""
    headers = {"Content-Disposition": 'attachment; filename="design-document.md"'}
    return HttpResponse(TEMPLATE, content_type="text/markdown; charset=utf-8", headers=headers)


def digests(request: HttpRequest) -> HttpResponse:
    """The newest digest with the weeks before it."""
    newest = digest_queries.digests().first()
    if newest is None:
        return render(request, "governance/digest.html", {"current": "digests", "weeks": []})
    return _digest(request, newest.week)


def digest(request: HttpRequest, week: str) -> HttpResponse:
    return _digest(request, week)


def _digest(request: HttpRequest, week: str) -> HttpResponse:
    row = digest_queries.digest(week)
    content = digest_queries.content(row)
    shown = {
        "row": row,
        "content": content,
        "nothing": [each["title"].lower() for each in content["sections"] if not each["rows"]],
        "is_intact": digest_queries.is_intact(row),
        "weeks": digest_queries.digests()[:26],
        "current": "digests",
    }
    return render(request, "governance/digest.html", shown)


def _checked(row: DesignDocument) -> dict[str, Any]:
    found = documents.checked(row)
    return {"row": row, "found": found, "tone": TONES.get(found.state, "warn")}
