"""What a key may change: its own environment and nothing that several environments share."""

from typing import Any

from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from flags.api.authentication import KeyPrincipal


def by(request: Request) -> dict[str, Any]:
    """Who acts and when."""
    return {"actor": request.user.get_username(), "now": timezone.now()}


def own_environment(request: Request, environment: str) -> None:
    """Raise PermissionDenied when a key of another environment asks for a change. People may change all."""
    principal = request.user
    if isinstance(principal, KeyPrincipal) and principal.environment != environment:
        own = principal.environment
        raise PermissionDenied(f"this key belongs to {own} and cannot change {environment}")


def people_only(request: Request, what: str) -> None:
    """Raise PermissionDenied when a key asks for a change that several environments would feel."""
    if isinstance(request.user, KeyPrincipal):
        raise PermissionDenied(f"{what} concerns every environment, so a person has to do it")


def a_person(request: Request, what: str) -> None:
    """Raise PermissionDenied when a key asks: behind a key may stand whoever asked for the approval."""
    if isinstance(request.user, KeyPrincipal):
        raise PermissionDenied(f"{what} takes a second person, which a key is not")


def places_to_start_in(request: Request) -> list[str] | None:
    """Where a new flag is served at first: everywhere, or only in the key's environment."""
    principal = request.user
    return [principal.environment] if isinstance(principal, KeyPrincipal) else None
