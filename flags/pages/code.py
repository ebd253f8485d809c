"""Where code names flags: all repositories, and the lines that name one flag."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from flags import references, services
from flags.pages.context import by, frame, here


def code(request: HttpRequest) -> HttpResponse:
    """Scanned repositories, lines that ask for flags that are gone, and flags that no line asks for."""
    context = {
        "repositories": references.repositories(),
        "groups": [
            ("unknown", "There is no such flag", references.unknown()),
            ("archived", "The flag is archived", references.archived()),
        ],
        "unreferenced": references.unreferenced(),
    }
    return render(request, "flags/code.html", context)


def of_flag(request: HttpRequest, key: str) -> HttpResponse:
    """The lines that name one flag."""
    found = here(request, key)
    context = {
        **frame(found, "code"),
        "references": references.of_flag(key),
        "repositories": references.repositories(),
    }
    return render(request, "flags/flag_code.html", context)


@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    """Drop a repository that is not scanned any more."""
    name = request.POST.get("repository", "")
    services.forget_repository(repository=name, **by(request))
    messages.success(request, f"{name} is forgotten.")
    return redirect("flag-code")
