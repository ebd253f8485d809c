"""Pages of receivers and their delivery log."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from governance import queries, services
from governance.models import Receiver
from governance.outbound.formats import Kind
from governance.services.receivers import masked
from ledger.forms import show_problems
from ledger.refusals import Refused
from organisation import queries as organisation
from organisation.roles import Right

ROWS_A_PAGE = 50
KINDS = {
    Kind.WEBHOOK: "Webhook: signed JSON",
    Kind.SLACK: "Chat: Slack-compatible webhook",
    Kind.PAGERDUTY: "PagerDuty Events v2",
    Kind.ALERTMANAGER: "Alertmanager",
    Kind.MAIL: "Mail",
}
EVENTS_HELP = (
    "One a line; * stands for anything. For example guardrail.*, incident.*, experiment.decided, review.*"
)


class EventsField(forms.CharField):
    """Patterns, one a line."""

    widget = forms.Textarea(attrs={"rows": 4, "class": "mono"})

    def clean(self, value: Any) -> Any:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


class ReceiverForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="For example: on-call of checkout.")
    kind = forms.ChoiceField(choices=[(kind.value, words) for kind, words in KINDS.items()])
    address = forms.CharField(
        max_length=2000, required=False, help_text="A web address, or mail addresses with commas between."
    )
    secret = forms.CharField(
        max_length=200, required=False, label="Routing key", help_text="For PagerDuty only."
    )
    events = EventsField(initial="guardrail.*\nincident.*", help_text=EVENTS_HELP)
    surface = forms.ChoiceField(required=False, help_text="Only what concerns this surface; empty for all.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        surfaces = [(row.key, row.name) for row in organisation.surfaces()]
        self.fields["surface"].choices = [("", "all"), *surfaces]  # type: ignore[attr-defined]


class ChangeForm(ReceiverForm):
    """What of a receiver can change; an empty address or key stays as it is."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("name", "kind"):
            del self.fields[name]
        for name in ("address", "secret"):
            self.fields[name].help_text = "Leave it empty to keep the one that is stored."


def receivers(request: HttpRequest) -> HttpResponse:
    """Who is told of what, and the form of a new receiver."""
    form = ReceiverForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_receiver(**form.cleaned_data, **_by(request))
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "The receiver was made. Send it a test message.")
            return redirect("receiver", id=made.id)
    shown = {"rows": [_row(row) for row in queries.receivers()], "form": form}
    return render(request, "governance/receivers.html", shown, status=422 if form.is_bound else 200)


def receiver(request: HttpRequest, id: int) -> HttpResponse:
    """One receiver: its settings and what was sent to it."""
    row = queries.receiver(id)
    facts = {"events": "\n".join(row.events), "surface": row.surface.key if row.surface else ""}
    form = ChangeForm(request.POST or None, initial=facts)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_receiver(id=id, **form.cleaned_data, **_by(request))
        except Refused as refused:
            show_problems(form, refused)
        else:
            messages.success(request, "The receiver was changed.")
            return redirect("receiver", id=id)
    state = request.GET.get("state", "")
    log = Paginator(queries.deliveries(receiver_id=id, state=state), ROWS_A_PAGE)
    shown = {
        "row": _row(row),
        "form": form,
        "rows": log.get_page(request.GET.get("page")),
        "state": state,
        "signing_secret": _secret_for(request.user.get_username(), row),
    }
    return render(request, "governance/receiver.html", shown, status=422 if form.is_bound else 200)


def delivery(request: HttpRequest, id: UUID) -> HttpResponse:
    """One message: what was sent, and every try."""
    row = queries.delivery(id)
    return render(request, "governance/delivery.html", {"delivery": row, "log": row.log.all()})


@require_POST
def replay(request: HttpRequest, id: UUID) -> HttpResponse:
    services.replay(id=id, **_by(request))
    messages.success(request, "It is sent again, with the same id.")
    return redirect("delivery", id=id)


@require_POST
def act(request: HttpRequest, id: int, step: str) -> HttpResponse:
    """One of the buttons: test, pause, resume, renew the secret, remove."""
    words, service = STEPS[step]
    service(id=id, **_by(request))
    messages.success(request, words)
    return redirect("receivers") if step == "remove" else redirect("receiver", id=id)


STEPS: dict[str, tuple[str, Any]] = {
    "test": ("A test message is on its way; see the log below.", services.test_receiver),
    "pause": ("It hears of nothing new until it is resumed.", services.pause_receiver),
    "resume": ("It hears of what happens from now on.", services.resume_receiver),
    "renew": ("Messages are signed with the new secret from now on.", services.renew_secret),
    "remove": ("The receiver is gone; its log stays in the database.", services.remove_receiver),
}


def _secret_for(user: str, row: Receiver) -> str:
    """What a webhook is signed with, for who may change receivers: everybody else could sign in our name."""
    is_shown = row.kind == Kind.WEBHOOK and organisation.is_allowed(user, Right.ADMINISTER)
    return services.signing_secret(row) if is_shown else ""


def _row(row: Receiver) -> dict[str, Any]:
    return {"receiver": row, "address": masked(row), "kind": KINDS[Kind(row.kind)]}


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}
