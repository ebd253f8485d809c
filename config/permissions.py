"""Who may change what: every address that changes something asks for a right.

One table from the beginning of an address to the right that a change there needs. Reading is open to
everybody who is logged in. What no line names needs the right to administer, so a new address is closed
until somebody thinks about it. Keys are not judged here: their scopes are (`flags.api.authentication`).
Finer rules, such as that a waiver is signed by the performance discipline, stand beside what they guard.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from config.places import concerned
from organisation import queries
from organisation.roles import MEANINGS, RIGHTS, Right, Role

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")

RULES: tuple[tuple[str, Right], ...] = (
    ("login", Right.LOOK),
    ("logout", Right.LOOK),
    ("health", Right.LOOK),
    ("shared/", Right.LOOK),
    ("find/", Right.LOOK),
    ("help/", Right.LOOK),
    ("learn/", Right.LOOK),
    ("oidc/", Right.LOOK),
    ("flags/keys/", Right.ADMINISTER),
    ("flags/environments/", Right.ADMINISTER),
    ("flags/", Right.EXPERIMENT),
    ("experiments/", Right.EXPERIMENT),
    ("events/personal-data/", Right.ADMINISTER),
    ("events/", Right.EXPERIMENT),
    ("impact/", Right.EXPERIMENT),
    ("metrics/", Right.DEFINE_METRICS),
    ("reviews/receivers/", Right.ADMINISTER),
    ("reviews/deliveries/", Right.ADMINISTER),
    ("reviews/guardrails/", Right.REVIEW),
    ("reviews/waivers/ask/", Right.EXPERIMENT),
    ("reviews/waivers/", Right.LOOK),
    ("reviews/budgets/", Right.EXPERIMENT),
    ("reviews/", Right.LOOK),
    ("organisation/", Right.ADMINISTER),
    ("sources/", Right.ADMINISTER),
    ("watch/jobs/", Right.ADMINISTER),
    ("watch/", Right.EXPERIMENT),
    ("api/v1/keys", Right.ADMINISTER),
    ("api/v1/flags", Right.EXPERIMENT),
    ("api/v1/holds", Right.EXPERIMENT),
    ("api/v1/ramps", Right.EXPERIMENT),
    ("api/v1/ramp-plans", Right.EXPERIMENT),
    ("api/v1/layers", Right.EXPERIMENT),
    ("api/v1/segments", Right.EXPERIMENT),
    ("api/v1/holdouts", Right.EXPERIMENT),
    ("api/v1/scheduled", Right.EXPERIMENT),
    ("api/v1/code-references", Right.EXPERIMENT),
    ("api/v1/environments/", Right.EXPERIMENT),
    ("api/v1/environments", Right.ADMINISTER),
    ("api/v1/experiments", Right.EXPERIMENT),
    ("api/v1/portfolio", Right.EXPERIMENT),
    ("api/v1/planning", Right.LOOK),
    ("api/v1/trips", Right.EXPERIMENT),
    ("api/v1/impact", Right.EXPERIMENT),
    ("api/v1/ablations", Right.EXPERIMENT),
    ("api/v1/unit-erasures", Right.ADMINISTER),
    ("api/v1/retention", Right.ADMINISTER),
    ("api/v1/refused-events", Right.EXPERIMENT),
    ("api/v1/event-imports", Right.EXPERIMENT),
    ("api/v1/labelled-events", Right.EXPERIMENT),
    ("api/v1/metrics", Right.DEFINE_METRICS),
    ("api/v1/guardrail-sets", Right.REVIEW),
    ("api/v1/waivers/", Right.LOOK),
    ("api/v1/waivers", Right.EXPERIMENT),
    ("api/v1/audit", Right.LOOK),
    ("api/v1/budget-waivers", Right.EXPERIMENT),
    ("api/v1/reviews", Right.LOOK),
    ("api/v1/incidents", Right.LOOK),
    ("api/v1/postmortems", Right.LOOK),
    ("api/v1/action-items", Right.LOOK),
    ("api/v1/design-documents", Right.LOOK),
    ("api/v1/digests", Right.LOOK),
    ("api/v1/sources", Right.ADMINISTER),
    ("api/v1/receivers", Right.ADMINISTER),
    ("api/v1/deliveries", Right.ADMINISTER),
    ("api/v1/teams", Right.ADMINISTER),
    ("api/v1/surfaces", Right.ADMINISTER),
    ("api/v1/roles", Right.ADMINISTER),
)
"""The first line whose beginning fits counts, so longer beginnings stand first. `LOOK` means that the finer
rule stands with what it guards: who signs a review is asked for a discipline there."""


def named_right(route: str) -> Right | None:
    """The right that a change at this address needs, None when no line names it."""
    return next((right for beginning, right in RULES if route.startswith(beginning)), None)


def roles(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: refuse changes that none of a person's roles allows."""

    def respond(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        if request.method not in SAFE and request.user.is_authenticated:
            _check(request, kwargs)

    respond.process_view = process_view  # type: ignore[attr-defined]
    return respond


def _check(request: HttpRequest, where: dict[str, Any]) -> None:
    match = request.resolver_match
    route = match.route if match is not None else ""
    right = named_right(route) or Right.ADMINISTER
    for environment in concerned(request, where):
        _check_there(request.user.get_username(), right, environment)


def _check_there(user: str, right: Right, environment: str) -> None:
    """Raise PermissionDenied when none of the person's roles gives the right there."""
    if not queries.is_allowed(user, right, environment):
        place = f" in {environment}" if environment else ""
        fix = "Roles are given on the page People and roles."
        raise PermissionDenied(f"This needs one of the roles {_roles_with(right)}{place}. {fix}")


def _roles_with(right: Right) -> str:
    return ", ".join(role.value for role in Role if right in RIGHTS[role] and role in MEANINGS)
