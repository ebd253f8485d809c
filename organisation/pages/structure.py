"""Pages of teams and surfaces."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from organisation import ownership, queries, services
from organisation.pages.editing import answer, by, done, saved
from organisation.pages.forms import SurfaceForm, TeamForm, surface_facts, team_facts


def teams(request: HttpRequest) -> HttpResponse:
    """Every team with its surfaces, and the form of a new one."""
    form = TeamForm(request.POST or None)
    if request.method == "POST" and saved(form, services.create_team, **by(request)):
        return done(request, "The team was made.", "team", key=form.cleaned_data["key"])
    shown = {"teams": queries.teams().prefetch_related("surfaces"), "away": queries.away(now=timezone.now())}
    return answer(request, form, "organisation/teams.html", shown)


def team(request: HttpRequest, key: str) -> HttpResponse:
    row = queries.team(key)
    form = _fixed(TeamForm(request.POST or None, initial=team_facts(row)), key)
    if request.method == "POST" and saved(form, services.change_team, key=key, **by(request)):
        return done(request, "The team was changed.", "team", key=key)
    shown = {"thing": row, "kind": "team", "surfaces": queries.surfaces().filter(team=row)}
    return answer(request, form, "organisation/thing.html", shown)


def surfaces(request: HttpRequest) -> HttpResponse:
    """Every surface with its team and owner, and the form of a new one."""
    form = SurfaceForm(request.POST or None)
    if request.method == "POST" and saved(form, services.create_surface, **by(request)):
        return done(request, "The surface was made.", "surface", key=form.cleaned_data["key"])
    shown = {"surfaces": queries.surfaces(), "has_teams": queries.teams().exists()}
    return answer(request, form, "organisation/surfaces.html", shown)


def surface(request: HttpRequest, key: str) -> HttpResponse:
    row = queries.surface(key)
    form = _fixed(SurfaceForm(request.POST or None, initial=surface_facts(row)), key)
    if request.method == "POST" and saved(form, services.change_surface, key=key, **by(request)):
        return done(request, "The surface was changed.", "surface", key=key)
    return answer(request, form, "organisation/thing.html", {"thing": row, "kind": "surface"})


@require_POST
def archive(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    services.archive(kind=kind, key=key, reason=request.POST.get("reason", ""), **by(request))
    return done(request, f"The {kind} is archived; what refers to it keeps it.", f"{kind}s")


def orphans(request: HttpRequest) -> HttpResponse:
    """What nobody answers for, because its owner is missing, unknown or away."""
    now = timezone.now()
    shown = {"orphans": queries.orphans(now=now), "count": len(ownership.everything())}
    return render(request, "organisation/orphans.html", shown)


def _fixed(form: forms.Form, key: str) -> forms.Form:
    """A form whose key cannot change."""
    del form.fields["key"]
    return form
