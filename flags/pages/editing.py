"""The form of a new flag, of its settings and of its rules."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from flags import changes, queries, services
from flags.models import FlagVersion, ValueType
from flags.pages.context import Here, by, frame, here
from flags.pages.detail import described
from flags.pages.forms import FlagForm, RulesForm, SettingsForm, as_text, initial
from ledger.forms import show_problems
from ledger.refusals import Conflict, Refused, problem


def create(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _new(request, FlagForm(initial={"owner": request.user.get_username(), "unit_type": "user"}))
    form = FlagForm(request.POST)
    try:
        made = services.create_flag(**form.content(), **by(request))
    except Refused as refused:
        show_problems(form, refused)
        return _new(request, form, status=422)
    messages.success(request, "The flag is made and serves its default to everybody. Write its rules next.")
    return redirect("flag", key=made.key)


def settings(request: HttpRequest, key: str) -> HttpResponse:
    found = here(request, key)
    has_json = found.flag.value_type == ValueType.JSON
    if request.method != "POST":
        flag = found.flag
        day = flag.expires_on.isoformat() if flag.expires_on else ""
        shown: dict[str, Any] = {"title": flag.title, "owner": flag.owner, "kind": flag.kind}
        shown |= {"expires_on": day, "is_client_side": flag.is_client_side, "backup": flag.backup}
        shown |= {"team": flag.team.key if flag.team else "", "json_schema": as_text(flag.json_schema)}
        return _settings(request, found, SettingsForm(initial=shown, has_json=has_json))
    form = SettingsForm(request.POST, has_json=has_json)
    try:
        services.edit_flag(flag=key, content=form.content(), **by(request))
    except Refused as refused:
        show_problems(form, refused)
        return _settings(request, found, form, status=422)
    messages.success(request, "The settings are saved.")
    return redirect("flag-settings", key=key)


def rules(request: HttpRequest, key: str) -> HttpResponse:
    """Write a draft. "Check" says what would be refused and what would change, and saves nothing."""
    found = here(request, key)
    started_from = found.draft or _named(request, found) or found.live
    if started_from is None:
        why = f"this flag is not served in {found.environment.key}"
        raise Conflict(problem("environment", found.environment.key, why, "Serve it there first."))
    if request.method != "POST":
        form = RulesForm(initial=initial(started_from.definition), base=started_from.definition)
        seen = (found.draft or found.live or started_from).checksum
        return _editor(request, found, form, seen=seen, said=_said(found, started_from.definition))
    form = RulesForm(request.POST, base=started_from.definition)
    if request.POST.get("action") == "check":
        return _checked(request, found, form)
    return _saved(request, found, form)


def _named(request: HttpRequest, found: Here) -> FlagVersion | None:
    """The earlier or rejected version that `?from=` names."""
    number = request.GET.get("from", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    return queries.version(found.flag, found.environment, int(number))


@require_POST
def serve(request: HttpRequest, key: str) -> HttpResponse:
    """Make the first version in an environment that was made after the flag."""
    found = here(request, key)
    services.serve_default(**found.keys, **by(request))
    messages.success(request, f"The flag serves its default in {found.environment.key}.")
    return redirect(f"{reverse('flag', args=[key])}?environment={found.environment.key}")


def _saved(request: HttpRequest, found: Here, form: RulesForm) -> HttpResponse:
    seen = request.POST.get("seen", "")
    try:
        services.save_draft(**found.keys, definition=form.definition(), seen=seen or None, **by(request))
    except Refused as refused:
        show_problems(form, refused)
        return _editor(request, found, form, seen=seen, status=422)
    messages.success(request, "The draft is saved. Nothing is served differently until it is published.")
    return redirect(f"{reverse('flag', args=[found.flag.key])}?environment={found.environment.key}")


def _checked(request: HttpRequest, found: Here, form: RulesForm) -> HttpResponse:
    seen = request.POST.get("seen", "")
    try:
        checked = services.checked_definition(**found.keys, definition=form.definition(), **by(request))
    except Refused as refused:
        show_problems(form, refused)
        return _editor(request, found, form, seen=seen, status=422)
    form.full_clean()
    return _editor(request, found, form, seen=seen, said={**_said(found, checked), "is_checked": True})


def _said(found: Here, definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition in plain words, and what it would change."""
    before = found.live.definition if found.live else None
    return {"definition": described(definition), "changes": changes.between(before, definition)}


def _editor(
    request: HttpRequest,
    found: Here,
    form: RulesForm,
    *,
    seen: str,
    said: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        **frame(found, "edit"),
        "form": form,
        "seen": seen,
        "said": said,
        "segments": queries.segments(),
        "layers": queries.layers(),
    }
    return render(request, "flags/edit.html", context, status=status)


def _new(request: HttpRequest, form: FlagForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "environments": queries.environments()}
    return render(request, "flags/new.html", context, status=status)


def _settings(request: HttpRequest, found: Here, form: SettingsForm, status: int = 200) -> HttpResponse:
    return render(request, "flags/settings.html", {**frame(found, "settings"), "form": form}, status=status)
