"""API keys as DRF credentials: `Authorization: Bearer <key>` with scope admin (everything) or read (GET)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from flags import queries
from flags.keys import ACTOR
from flags.services import keys

SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class KeyPrincipal:
    """Who acts when a key is used; quacks like a user as far as permissions go.

    `environment` is the only one whose flags the key may change.
    """

    name: str
    scope: str
    environment: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False
    is_staff: bool = False
    is_superuser: bool = False
    pk: None = None

    def get_username(self) -> str:
        return f"{ACTOR}{self.name}"


class KeyAuthentication(BaseAuthentication):
    """Accept a live key with scope admin or read."""

    def authenticate(self, request: Request) -> tuple[KeyPrincipal, Any] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if not words or words[0].lower() != "bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("the header must read: Authorization: Bearer <key>")
        return principal(words[1], request.method or "GET", now=timezone.now()), words[1]

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def principal(secret: str, method: str, *, now: datetime) -> KeyPrincipal:
    """Whoever holds this key, if it may use this method."""
    key = queries.key_by_secret(secret, now=now)
    if key is None:
        raise AuthenticationFailed("this key is unknown, revoked or expired; the page Flags > Keys makes one")
    if not (key.scope == "admin" or (key.scope == "read" and method in SAFE)):
        raise PermissionDenied(f"a key with scope {key.scope!r} cannot do this; it needs scope 'admin'")
    keys.note_use(key=key, now=now)
    return KeyPrincipal(name=key.name, scope=key.scope, environment=key.environment.key)
