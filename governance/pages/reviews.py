"""Pages of launch reviews: which there are, one review with what speaks against it, and who may block."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from analysis import queries as analysis
from governance import review_queries as queries
from governance import reviewing
from governance.models import ReviewState, SignOffAnswer
from governance.pages import findings
from governance.pages.acting import attempt
from governance.review_queries import Standing
from governance.services import reviews as services
from governance.services.conditions import meet_conditions
from ledger import queries as ledger
from ledger.forms import show_problems
from ledger.refusals import Refused
from organisation import queries as organisation
from organisation.roles import Discipline

ROWS_A_PAGE = 50
TONES = {"approved": "ok", "blocked": "fail", "in_review": "warn", "open": "warn", "withdrawn": "muted"}
ANSWERS = [("", "not answered"), ("yes", "Yes"), ("no", "No")]


class RiskForm(forms.Form):
    """The five questions."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for question in reviewing.QUESTIONS:
            names = ", ".join(question.disciplines)
            field = forms.ChoiceField(choices=ANSWERS, label=question.words, help_text=f"Yes asks {names}.")
            self.fields[question.key] = field


class SignForm(forms.Form):
    """One person's answer for one discipline, on the report that was shown."""

    discipline = forms.ChoiceField()
    answer = forms.ChoiceField(choices=[("", "not answered"), *SignOffAnswer.choices])
    note = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Conditions or reason",
        help_text="Needed for conditions, for a no, and to launch against the report.",
    )
    sha256 = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, disciplines: tuple[Discipline, ...], **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(each.value, each.value) for each in disciplines]
        self.fields["discipline"].choices = choices  # type: ignore[attr-defined]


def reviews(request: HttpRequest) -> HttpResponse:
    """Every review, and what waits for this reader."""
    state = request.GET.get("state", "")
    rows = Paginator(queries.reviews(state=state), ROWS_A_PAGE).get_page(request.GET.get("page"))
    for row in rows:
        row.tone = TONES[row.state]  # type: ignore[attr-defined]
    mine = queries.waiting_for(request.user.get_username())
    shown = {"rows": rows, "state": state, "states": ReviewState.choices, "mine": mine}
    return render(request, "governance/reviews.html", shown)


def review(request: HttpRequest, id: int) -> HttpResponse:
    found = queries.standing(queries.review(id))
    return _page(request, found, _risk_form(found), _sign_form(request, found))


@require_POST
def open_review(request: HttpRequest) -> HttpResponse:
    """The button on an experiment or a flag; an open review is shown instead of a second one."""
    asked = {name: request.POST.get(name, "") for name in ("experiment", "flag", "environment")}
    about: dict[str, Any] = {"experiment": asked["experiment"]} if asked["experiment"] else asked
    known = queries.review_of(**about)
    if known is None:
        known = services.open_review(**about, reason=request.POST.get("reason", ""), **_by(request))
        messages.success(request, "The review is open. Answer the five questions: they say who signs.")
    return redirect("review", id=known.id)


@require_POST
def answer(request: HttpRequest, id: int) -> HttpResponse:
    form = RiskForm(request.POST)
    if form.is_valid():
        answers = {key: value == "yes" for key, value in form.cleaned_data.items()}
        services.answer_risks(id=id, answers=answers, **_by(request))
        messages.success(request, "The answers are kept; the disciplines they ask for have to sign.")
        return redirect("review", id=id)
    found = queries.standing(queries.review(id))
    return _page(request, found, form, _sign_form(request, found), status=422)


@require_POST
def sign(request: HttpRequest, id: int) -> HttpResponse:
    found = queries.standing(queries.review(id))
    form = SignForm(request.POST, disciplines=found.required)
    if form.is_valid():
        try:
            services.sign(id=id, **form.cleaned_data, **_by(request))
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "Your answer is kept with the report it was given on.")
            return redirect("review", id=id)
    return _page(request, queries.standing(queries.review(id)), _risk_form(found), form, status=422)


@require_POST
def conditions_met(request: HttpRequest, id: int) -> HttpResponse:
    given = {name: request.POST.get(name, "") for name in ("discipline", "note")}
    attempt(request, "The conditions are met; your words stand beside them.", meet_conditions, id=id, **given)
    return redirect("review", id=id)


@require_POST
def withdraw(request: HttpRequest, id: int) -> HttpResponse:
    words = "The review is withdrawn. A new one begins from the start."
    reason = request.POST.get("reason", "")
    attempt(request, words, services.withdraw_review, id=id, reason=reason)
    return redirect("review", id=id)


def blockers(request: HttpRequest) -> HttpResponse:
    """Who may block a launch, and when did they last do it?"""
    last: dict[tuple[str, str], Any] = {}
    for row in queries.rejections():
        last.setdefault((row.discipline, row.by), row)
    shown = {
        "disciplines": [_discipline(each, last) for each in Discipline],
        "is_open": not organisation.roles_hold(),
        "last_trip": analysis.trips().filter(acted_at__isnull=False).order_by("-acted_at").first(),
        "held": ledger.audit_events(action="flag.held")[:10],
    }
    return render(request, "governance/blockers.html", shown)


def _discipline(each: Discipline, last: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """Who may say no now and where, and who did before and may no longer."""
    now = organisation.reviewers_by_place(each)
    before = [by for name, by in last if name == each.value and by not in now]
    people = [
        {"name": name, "places": ", ".join(places), "last": last.get((each.value, name))}
        for name, places in now.items()
    ]
    gone = [{"name": by, "is_past": True, "last": last[each.value, by]} for by in before]
    return {"name": each.value, "people": [*people, *gone], "is_empty": not now}


def _page(
    request: HttpRequest, found: Standing, risk: RiskForm, sign: SignForm | None, *, status: int = 200
) -> HttpResponse:
    row = found.review
    subject = f"experiment:{row.experiment_id}" if row.experiment_id else f"flag:{row.flag}"
    shown = {
        "review": row,
        "found": found,
        "tone": TONES[found.state],
        "findings": findings.linked(found),
        "state": ReviewState(found.state).label,
        "risk": risk,
        "sign": sign,
        "questions": [(each.words, row.answers.get(each.key)) for each in reviewing.QUESTIONS],
        "is_advocate": request.user.get_username() in queries.advocates(row),
        "may_meet": _may_meet(request, found),
        "timeline": ledger.audit_of(subject).filter(after__review=row.id)[:50],
        "raised": queries.raised(row.id),
    }
    return render(request, "governance/review.html", shown, status=status)


def _risk_form(found: Standing) -> RiskForm:
    said = {key: "yes" if value else "no" for key, value in found.review.answers.items()}
    return RiskForm(initial=said)


def _sign_form(request: HttpRequest, found: Standing) -> SignForm | None:
    """None for who cannot sign: the requester, and whoever answers for none of the disciplines."""
    if found.signed is None:
        return None
    mine = tuple(each for each in _mine(request, found) if each in found.required)
    return SignForm(disciplines=mine, initial={"sha256": found.signed.sha256}) if mine else None


def _mine(request: HttpRequest, found: Standing) -> list[Discipline]:
    """Disciplines for which the reader may answer in this review; none for who wants the launch."""
    user, row = request.user.get_username(), found.review
    if user in queries.advocates(row):
        return []
    return [each for each in Discipline if organisation.may_answer_for(user, each, row.environment)]


def _may_meet(request: HttpRequest, found: Standing) -> list[str]:
    """Disciplines with open conditions which the reader may call met."""
    is_open = {
        each.discipline
        for each in found.valid
        if each.answer == SignOffAnswer.CONDITIONAL and not each.met_at
    }
    return [each.value for each in _mine(request, found) if each.value in is_open] if is_open else []


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}
