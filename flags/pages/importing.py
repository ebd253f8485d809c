"""The page that takes flags over from another product: paste a document, look, make drafts."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from flags import importers, queries, services
from flags.pages.context import by, chosen_environment
from flags.reading import read_json
from flags.services.importing import REBUCKETED, Imported
from ledger.refusals import Refused, refuse

MOST_BYTES = 5_000_000


def page(request: HttpRequest) -> HttpResponse:
    """The form; "Look" tells what would come, "Make drafts" makes them. What was typed stays."""
    if not queries.environments().exists():
        return render(request, "flags/import.html", {"environments": None})
    if request.method != "POST":
        return _shown(request, {"source": request.GET.get("source", "flagd")})
    typed = {name: request.POST.get(name, "") for name in ("source", "place", "content")}
    try:
        typed["content"] = _uploaded(request) or typed["content"]
        found = _imported(request, typed)
    except Refused as refused:
        return _shown(request, typed, problems=refused.problems, status=422)
    return _shown(request, typed, found=found)


def _imported(request: HttpRequest, typed: dict[str, str]) -> Imported:
    if not typed["content"].strip():
        raise refuse("content", "", "there is nothing to read", "Choose a file or paste a document.")
    is_trial = request.POST.get("action") != "import"
    found = services.import_flags(
        environment=chosen_environment(request).key,
        source=typed["source"],
        content=read_json("content", typed["content"], empty=None),
        place=typed["place"].strip(),
        is_trial=is_trial,
        **by(request),
    )
    if not is_trial:
        messages.success(
            request, f"{found.count('draft')} drafts are made. Publish each when you have looked at it."
        )
    return found


def _uploaded(request: HttpRequest) -> str:
    file = request.FILES.get("file")
    if file is None:
        return ""
    size = file.size or 0
    if size > MOST_BYTES:
        raise refuse("file", f"{size:,} bytes", f"at most {MOST_BYTES:,} are possible", "Split the file.")
    try:
        return str(file.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise refuse("file", f"byte {error.start}", "this is not UTF-8", "Save it as UTF-8.") from None


def _shown(request: HttpRequest, typed: dict[str, str], *, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        "environments": queries.environments(),
        "environment": chosen_environment(request),
        "sources": importers.TITLES.items(),
        "typed": typed,
        "rebucketed": REBUCKETED,
        "is_trial": request.POST.get("action") != "import",
        **more,
    }
    return render(request, "flags/import.html", context, status=status)
