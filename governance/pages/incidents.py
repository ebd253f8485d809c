"""Pages of incidents: the list, one incident with its timeline, and opening one by hand."""

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from experiments import queries as experiments
from governance import incident_queries as queries
from governance import services
from governance.models import BacktestState, Incident, RetroGuardrail
from governance.pages.acting import attempt, by
from governance.pages.actions import ActionForm
from governance.services.actions import today
from governance.services.backtesting import words_of
from governance.timeline import timeline
from ledger.forms import show_problems
from ledger.refusals import Refused
from metrics import queries as metrics
from organisation import queries as organisation

ROWS_A_PAGE = 50
STATES = {"": "All", "live": "Not closed", "open": "Open", "mitigated": "Mitigated", "closed": "Closed"}
TONES = {"open": "fail", "acknowledged": "warn", "mitigated": "warn", "closed": "ok"}


def text_area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class TimeField(forms.DateTimeField):
    """A time in the site's zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class IncidentForm(forms.Form):
    title = forms.CharField(max_length=200, help_text="What users noticed, in a few words.")
    began_at = TimeField(required=False, label="Since", help_text="UTC. Empty means now.")
    surface = forms.ChoiceField(required=False)
    experiment = forms.ChoiceField(required=False, help_text="When a running experiment may be the cause.")
    metric = forms.ChoiceField(required=False, help_text="The metric that should have shown it.")
    direction = forms.ChoiceField(
        required=False, label="It should have gone", choices=[("", "-"), ("up", "up"), ("down", "down")]
    )
    summary = forms.CharField(required=False, max_length=5000, widget=text_area(3))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        running = [(row.key, row.title) for row in experiments.running()]
        self._offer("surface", [(row.key, row.name) for row in organisation.surfaces()])
        self._offer("experiment", running)
        self._offer("metric", sorted(metrics.titles().items(), key=lambda pair: pair[1]))

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = [("", "-"), *choices]  # type: ignore[attr-defined]


class GuardrailForm(forms.Form):
    """A guardrail that would have stopped this."""

    metric = forms.ChoiceField()
    margin = forms.FloatField(
        min_value=0, label="Largest loss", help_text="In the metric's unit, or in % of the usual value."
    )
    is_relative = forms.ChoiceField(
        label="Counted",
        choices=[("", "in the metric's unit"), ("yes", "in % of the usual value")],
        required=False,
    )
    window_days = forms.IntegerField(
        min_value=1, max_value=14, initial=1, label="Days judged together", help_text="1 to 14."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = sorted(metrics.titles().items(), key=lambda pair: pair[1])
        self.fields["metric"].choices = choices  # type: ignore[attr-defined]

    def given(self) -> dict[str, Any]:
        is_relative = bool(self.cleaned_data["is_relative"])
        margin = self.cleaned_data["margin"] / (100 if is_relative else 1)
        return {**self.cleaned_data, "is_relative": is_relative, "margin": margin}


class AcceptForm(forms.Form):
    """Why a guardrail counts that would not have tripped on the incident."""

    guardrail = forms.TypedChoiceField(coerce=int)
    reason = forms.CharField(max_length=2000, widget=text_area(2), label="Why it counts all the same")

    def __init__(self, *args: Any, missed: list[RetroGuardrail], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["guardrail"].choices = [(each.id, words_of(each)) for each in missed]  # type: ignore[attr-defined]


class NoteForm(forms.Form):
    text = forms.CharField(max_length=5000, widget=text_area(2), label="What happened")
    at = TimeField(required=False, label="When", help_text="UTC. Empty means now.")


FORMS: dict[str, tuple[str, type[forms.Form], Any]] = {
    "guardrail": ("A worker replays it on the last 90 days.", GuardrailForm, services.propose_guardrail),
    "accept": ("It counts, with your reason.", AcceptForm, services.accept_guardrail),
    "note": ("The note stands in the timeline.", NoteForm, services.add_note),
    "action": ("The action item is open.", ActionForm, services.open_action),
}


def incidents(request: HttpRequest) -> HttpResponse:
    """What hurts users now, and what did."""
    state = request.GET.get("state", "live")
    found = queries.incidents(state=state)
    rows = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    shown = {
        "rows": rows,
        "tones": TONES,
        "state": state,
        "states": STATES.items(),
        "current": "incidents",
        "has_any": bool(queries.counts()),
    }
    return render(request, "governance/incidents.html", shown)


def open_incident(request: HttpRequest) -> HttpResponse:
    """The form of an incident that a person noticed."""
    form = IncidentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.open_incident(**form.cleaned_data, **by(request))
        except Refused as refused:
            show_problems(form, refused)
        else:
            return redirect("incident", key=made.id)
    shown = {"form": form, "current": "incidents"}
    return render(request, "governance/incident_open.html", shown, status=422 if form.is_bound else 200)


def incident(request: HttpRequest, key: int) -> HttpResponse:
    """One incident; a form that was refused comes back with what was typed."""
    row = queries.incident(key)
    kept: dict[str, forms.Form] = {}
    if request.method == "POST":
        name = request.POST.get("form", "")
        if name in FORMS:
            words, form_class, service = FORMS[name]
            kept[name] = _filled(form_class, request, row)
            if _do(request, key, kept[name], words, service):
                return redirect("incident", key=key)
    shown = {**_facts(row), "forms": _forms(row, kept)}
    return render(request, "governance/incident.html", shown, status=422 if kept else 200)


def _filled(form_class: type[forms.Form], request: HttpRequest, row: Incident) -> forms.Form:
    if form_class is AcceptForm:
        return AcceptForm(request.POST, missed=_missed(row))
    return form_class(request.POST)


def _do(request: HttpRequest, key: int, form: forms.Form, words: str, service: Any) -> bool:
    """Whether the form was accepted; a refusal stands beside its fields."""
    if not form.is_valid():
        return False
    given = form.given() if isinstance(form, GuardrailForm) else form.cleaned_data
    try:
        service(id=key, **given, **by(request))
    except Refused as refused:
        show_problems(form, refused)
        return False
    from django.contrib import messages

    messages.success(request, words)
    return True


@require_POST
def step(request: HttpRequest, key: int, step: str) -> HttpResponse:
    """One of the buttons: acknowledge, mitigate, close."""
    words, service = STEPS[step]
    given = {} if step == "acknowledge" else {"reason": request.POST.get("reason", "")}
    attempt(request, words, service, id=key, **given)
    return redirect("incident", key=key)


STEPS: dict[str, tuple[str, Any]] = {
    "acknowledge": ("You look after it now.", services.acknowledge_incident),
    "mitigate": ("Users are no longer hurt.", services.mitigate_incident),
    "close": ("The incident is closed.", services.close_incident),
}


def _facts(row: Incident) -> dict[str, Any]:
    now = timezone.now()
    day = today(now)
    return {
        "row": row,
        "tone": TONES[row.state],
        "timeline": timeline(row, now=now),
        "guardrails": [(each, words_of(each), queries.on_itself(each)) for each in _guardrails(row)],
        "actions": [
            (each, each.state == "open" and each.due_on < day) for each in queries.actions(incident_id=row.id)
        ],
        "missing": [] if row.closed_at else queries.missing_to_close(row),
        "acknowledged_after": _after(row, row.acknowledged_at),
        "mitigated_after": _after(row, row.mitigated_at),
        "current": "incidents",
    }


def _guardrails(row: Incident) -> list[RetroGuardrail]:
    return list(queries.guardrails(row.id).select_related("incident"))


def _missed(row: Incident) -> list[RetroGuardrail]:
    """Those that were replayed and do not count."""
    replayed = [each for each in _guardrails(row) if each.state == BacktestState.DONE]
    return [each for each in replayed if not queries.counts_for_closing(each)]


def _after(row: Incident, at: Any) -> Any:
    return None if at is None else at - row.opened_at


def _forms(row: Incident, kept: dict[str, forms.Form]) -> dict[str, forms.Form]:
    """Fresh forms with different ids, but for the one that was refused."""
    fresh = {
        "guardrail": GuardrailForm(initial={"metric": row.metric, "window_days": 1}, auto_id="guardrail-%s"),
        "accept": AcceptForm(missed=_missed(row), auto_id="accept-%s"),
        "note": NoteForm(auto_id="note-%s"),
        "action": ActionForm(auto_id="action-%s"),
    }
    for name, form in kept.items():
        form.auto_id = f"{name}-%s"
    return {**fresh, **kept}
