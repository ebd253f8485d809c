"""Pages of guardrail sets and of waivers."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from governance import policy_queries as queries
from governance.models import GuardrailSet, MarginUnit, WaiverState
from governance.pages.acting import attempt
from governance.services import guardrails, waivers
from ledger.forms import show_problems
from ledger.refusals import Refused
from metrics import queries as metrics
from metrics.words import amount
from organisation import queries as organisation
from organisation.roles import Discipline

ROWS = 6
BLOCKING = [("yes", "can hold a launch"), ("no", "raises the alarm only")]


class SetForm(forms.Form):
    """Whose set it is."""

    name = forms.CharField(max_length=100, help_text="For example: checkout stays fast.")
    scope = forms.ChoiceField(label="For", help_text="The more specific set speaks first.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        surfaces = [(f"surface:{row.key}", f"surface {row.name}") for row in organisation.surfaces()]
        teams = [(f"team:{row.key}", f"team {row.name}") for row in organisation.teams()]
        self.fields["scope"].choices = [("", "the whole organisation"), *teams, *surfaces]  # type: ignore[attr-defined]
        self.fields["scope"].required = False


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500, label="Why it changes")


class MemberForm(forms.Form):
    """One metric of a set; rows without a metric are left out."""

    metric = forms.ChoiceField(required=False)
    blocking = forms.ChoiceField(choices=BLOCKING, label="Its harm")
    margin = forms.FloatField(required=False, label="Largest loss accepted")
    margin_unit = forms.ChoiceField(choices=MarginUnit.choices, label="Counted", initial=MarginUnit.PERCENT)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        titles = [(key, f"{title} ({key})") for key, title in metrics.titles().items()]
        self.fields["metric"].choices = [("", "—"), *titles]  # type: ignore[attr-defined]


class WaiverForm(forms.Form):
    experiment = forms.CharField(max_length=63, help_text="Key of the experiment.")
    metric = forms.CharField(max_length=63, help_text="Key of the attached guardrail.")
    expires_on = forms.DateField(
        label="Until", widget=forms.DateInput(attrs={"type": "date"}), help_text="At most 90 days."
    )
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


Members = forms.formset_factory(MemberForm, extra=ROWS, max_num=30)


def guardrail_sets(request: HttpRequest) -> HttpResponse:
    """What is attached to whom, and the form of a new set."""
    form, members = SetForm(request.POST or None), Members(request.POST or None)
    if request.method == "POST" and form.is_valid() and members.is_valid():
        kind, _, key = form.cleaned_data["scope"].partition(":")
        scope = {kind: key} if key else {}
        try:
            guardrails.create_guardrail_set(
                name=form.cleaned_data["name"], members=_members(members), **scope, **_by(request)
            )
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "The set is in force: drafts get its guardrails with the next change.")
            return redirect("guardrails")
    return _page(request, form, members, WaiverForm(initial=_asked(request)))


def guardrail_set(request: HttpRequest, id: int) -> HttpResponse:
    """One set: its members, changed with a reason."""
    row = queries.guardrail_set(id)
    form = ReasonForm(request.POST or None)
    members = Members(request.POST or None, initial=[_initial(each) for each in row.members.all()])
    if request.method == "POST" and form.is_valid() and members.is_valid():
        try:
            guardrails.change_guardrail_set(
                id=id, members=_members(members), reason=form.cleaned_data["reason"], **_by(request)
            )
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "The set is changed. Locked plans keep what they were locked with.")
            return redirect("guardrail-set", id=id)
    shown = {**_row(row), "form": form, "member_forms": members}
    return render(request, "governance/guardrail_set.html", shown, status=422 if form.is_bound else 200)


@require_POST
def remove(request: HttpRequest, id: int) -> HttpResponse:
    words, reason = "The set attaches nothing from now on.", request.POST.get("reason", "")
    is_gone = attempt(request, words, guardrails.remove_guardrail_set, id=id, reason=reason)
    return redirect("guardrails") if is_gone else redirect("guardrail-set", id=id)


@require_POST
def ask_waiver(request: HttpRequest) -> HttpResponse:
    form = WaiverForm(request.POST)
    if form.is_valid():
        try:
            waivers.request_waiver(**form.cleaned_data, **_by(request))
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "The performance discipline was asked; the guardrail stays until then.")
            return redirect("guardrails")
    return _page(request, SetForm(), Members(), form)


@require_POST
def settle_waiver(request: HttpRequest, id: int, step: str) -> HttpResponse:
    words, service = WAIVER_STEPS[step]
    attempt(request, words, service, id=id, note=request.POST.get("note", ""))
    return redirect("guardrails")


WAIVER_STEPS: dict[str, tuple[str, Any]] = {
    "approve": ("The waiver holds until its day.", waivers.approve_waiver),
    "refuse": ("The waiver is refused.", waivers.refuse_waiver),
    "withdraw": ("The waiver is taken back; the guardrail is attached again.", waivers.withdraw_waiver),
}


def _page(request: HttpRequest, form: Any, members: Any, waiver: Any) -> HttpResponse:
    rows = [_row(row) for row in queries.guardrail_sets()]
    surfaces = [(row, queries.attached(surface=row.key)) for row in organisation.surfaces()]
    shown = {
        "rows": sorted(rows, key=lambda each: each["scope"]),
        "effective": [(row, found) for row, found in surfaces if found],
        "form": form,
        "member_forms": members,
        "waiver_form": waiver,
        "waivers": [_waiver(request, row) for row in queries.waivers()[:50]],
        "is_new_bound": form.is_bound,
    }
    is_refused = form.is_bound or waiver.is_bound
    return render(request, "governance/guardrails.html", shown, status=422 if is_refused else 200)


def _waiver(request: HttpRequest, row: Any) -> dict[str, Any]:
    """A waiver, and what this reader may do with it."""
    user, place = request.user.get_username(), row.experiment.environment
    answers = organisation.may_answer_for(user, Discipline.PERFORMANCE, place)
    is_theirs = user in (row.requested_by, row.experiment.owner)
    return {
        "row": row,
        "may_grant": row.state == WaiverState.REQUESTED and answers and not is_theirs,
        "may_withdraw": row.state in waivers.OPEN and (answers or is_theirs),
    }


def _row(row: GuardrailSet) -> dict[str, Any]:
    said = {each.metric: each for each in queries.members(row)}
    shown = [
        {
            "metric": each.metric,
            "blocking": each.blocking,
            "margin": _margin(row, each),
            "in_force": amount(said[each.metric].margin, metrics.version(each.metric).definition.unit),
            "is_unpriced": bool(said[each.metric].unpriced),
        }
        for each in row.members.all()
    ]
    return {
        "set": row,
        "scope": queries.scope_of(row),
        "scope_words": queries.scope_words(row),
        "members": shown,
    }


def _margin(row: GuardrailSet, member: Any) -> str:
    if member.margin is None:
        return "the metric's own"
    return f"{member.margin:g} {MarginUnit(member.margin_unit).label}"


def _members(formset: Any) -> list[dict[str, Any]]:
    return [
        {**each, "blocking": each["blocking"] == "yes"}
        for each in (form.cleaned_data for form in formset.forms)
        if each.get("metric")
    ]


def _initial(member: Any) -> dict[str, Any]:
    return {
        "metric": member.metric,
        "blocking": "yes" if member.blocking else "no",
        "margin": member.margin,
        "margin_unit": member.margin_unit,
    }


def _asked(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "") for name in ("experiment", "metric")}


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}
