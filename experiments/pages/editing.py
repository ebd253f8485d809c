"""The form of a new experiment and of a draft plan."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from experiments import queries, services
from experiments.drafts import ExperimentKind
from experiments.pages.forms import NEW_ARMS, ArmRows, Places, PlanForm, initial, initial_arms, name_of
from flags import queries as flag_queries
from ledger.forms import show_problems
from ledger.refusals import Refused
from metrics import queries as metric_queries
from organisation import queries as organisation_queries


def create(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _save(request, "")
    form = PlanForm(**_offered(), initial={"owner": request.user.get_username(), **_started_with(request)})
    return _shown(request, form, ArmRows(prefix="arms", initial=NEW_ARMS, form_kwargs=_doses("")))


def edit(request: HttpRequest, key: str) -> HttpResponse:
    experiment = queries.experiment(key)
    draft = queries.draft(experiment, queries.draft_version(experiment))
    if request.method == "POST":
        return _save(request, key)
    form = PlanForm(**_offered(), initial=initial(key, draft))
    rows = ArmRows(prefix="arms", initial=initial_arms(draft), form_kwargs=_doses(draft.kind))
    return _shown(request, form, rows, key)


def _save(request: HttpRequest, key: str) -> HttpResponse:
    form = PlanForm(request.POST, **_offered())
    arms = ArmRows(request.POST, prefix="arms", form_kwargs=_doses(request.POST.get("kind", "")))
    if not (form.is_valid() and arms.is_valid()):
        return _shown(request, form, arms, key, status=422)
    try:
        saved = _store(request, form, arms, key)
    except Refused as refused:
        show_problems(form, refused, name_of)
        return _shown(request, form, arms, key, status=422)
    messages.success(request, "The plan was saved.")
    return redirect("experiment-plan", key=saved)


def _store(request: HttpRequest, form: PlanForm, arms: Any, key: str) -> str:
    rows = [row.content() for row in arms.forms]
    content = {**form.content(), "arms": [row for row in rows if row is not None]}
    by: dict[str, Any] = {"actor": request.user.get_username(), "now": timezone.now()}
    if key:
        return services.edit(key=key, content=content, **by).key
    return services.create(key=form.cleaned_data["key"], content=content, **by).key


def _doses(kind: str) -> dict[str, bool]:
    """Only the arms of an ablation carry a delay; elsewhere the column would say nothing."""
    return {"has_dose": kind == ExperimentKind.ABLATION}


def _offered() -> dict[str, Any]:
    """What there is to choose from."""
    teams = organisation_queries.teams().values_list("key", flat=True)
    surfaces = organisation_queries.surfaces().values_list("key", flat=True)
    layers = flag_queries.layers().values_list("key", flat=True)
    places = Places(tuple(teams), tuple(surfaces), tuple(layers))
    return {"titles": metric_queries.titles(), "places": places}


def _started_with(request: HttpRequest) -> dict[str, Any]:
    """What a link to the empty form fills in, for example the metric of a calculator."""
    return {name: request.GET[name] for name in ("metric", "flag", "planned_units") if name in request.GET}


def _shown(request: HttpRequest, form: PlanForm, arms: Any, key: str = "", status: int = 200) -> HttpResponse:
    context = {"form": form, "arms": arms, "key": key}
    return render(request, "experiments/edit.html", context, status=status)
