"""The page of action items, and the form of a new one."""

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from governance import incident_queries as queries
from governance import services
from governance.pages.acting import attempt
from governance.services.actions import today
from organisation import queries as organisation

ROWS_A_PAGE = 100
STATES = {"open": "Open", "overdue": "Overdue", "done": "Done", "dropped": "Dropped", "": "All"}


class ActionForm(forms.Form):
    title = forms.CharField(max_length=300, label="What will be different", help_text="A result, not a duty.")
    owner = forms.ChoiceField(help_text="One person with an account.")
    due_on = forms.DateField(label="Due", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        people = list(organisation.people().values_list("username", flat=True))
        self.fields["owner"].choices = [(name, name) for name in people]  # type: ignore[attr-defined]


def actions(request: HttpRequest) -> HttpResponse:
    """What has to be done, by whom, until when."""
    day = today(timezone.now())
    state, owner = request.GET.get("state", "open"), request.GET.get("owner", "")
    found = Paginator(queries.actions(state=state, owner=owner, today=day), ROWS_A_PAGE)
    shown = {
        "rows": found.get_page(request.GET.get("page")),
        "today": day,
        "state": state,
        "owner": owner,
        "states": STATES.items(),
        "overdue": queries.overdue_count(day),
        "current": "actions",
        "people": organisation.people().values_list("username", flat=True),
    }
    return render(request, "governance/actions.html", shown)


@require_POST
def settle(request: HttpRequest, id: int, step: str) -> HttpResponse:
    """Done, or dropped with a reason."""
    words, service = STEPS[step]
    attempt(request, words, service, id=id, note=request.POST.get("note", ""))
    return redirect("actions")


@require_POST
def hand_over(request: HttpRequest, id: int) -> HttpResponse:
    """Somebody else does it."""
    given = {name: request.POST.get(name, "") for name in ("owner", "reason")}
    words = f"{given['owner']} does it now, and is told by mail."
    attempt(request, words, services.hand_over_action, id=id, **given)
    return redirect("actions")


STEPS: dict[str, tuple[str, Any]] = {
    "finish": ("The action is done.", services.finish_action),
    "drop": ("The action is dropped.", services.drop_action),
}
