"""Pages of people: the roles they hold and what they own."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from organisation import ownership, queries, services
from organisation.pages.editing import answer, by, done, saved
from organisation.pages.forms import GrantForm, HandOverForm


def people(request: HttpRequest) -> HttpResponse:
    """Everybody with an account, the roles they hold, and the form to give one."""
    form = GrantForm(request.POST or None)
    if request.method == "POST" and saved(form, services.grant, **by(request)):
        return done(request, f"{form.cleaned_data['user']} holds the role now.", "people")
    held: dict[str, list[object]] = {}
    for row in queries.grants():
        held.setdefault(row.user, []).append(row)
    rows = [{"person": person, "roles": held.get(person.get_username(), [])} for person in queries.people()]
    shown = {"rows": rows, "is_open": not queries.roles_hold(), "away": queries.away(now=timezone.now())}
    return answer(request, form, "organisation/people.html", shown)


@require_POST
def revoke(request: HttpRequest, id: int) -> HttpResponse:
    row = services.revoke(id=id, **by(request))
    return done(request, f"{row.user} holds the role {row.role} no more.", "people")


def person(request: HttpRequest, name: str) -> HttpResponse:
    """What one person owns, and the form to hand all of it over."""
    form = HandOverForm(request.POST or None)
    if request.method == "POST" and saved(form, services.hand_over_everything, from_user=name, **by(request)):
        return done(request, f"Everything belongs to {form.cleaned_data['to_user']} now.", "people")
    shown = {"name": name, "things": ownership.of(name), "roles": queries.grants(name)}
    return answer(request, form, "organisation/person.html", shown)
