"""API keys as DRF credentials: `Authorization: Bearer <key>` with scope admin (everything) or read (GET)."""

from dataclasses import dataclass
from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class KeyPrincipal:
    """Who acts when a key is used; quacks like a user as far as permissions go."""

    name: str
    scope: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False
    pk: None = None

    def get_username(self) -> str:
        return f"key:{self.name}"


class KeyAuthentication(BaseAuthentication):
    """Accept a live key with scope admin or read."""

    def authenticate(self, request: Request) -> tuple[KeyPrincipal, Any] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if not words or words[0].lower() != "bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("the header must read: Authorization: Bearer <key>")
        return self._principal(words[1], request.method or "GET"), words[1]

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def _principal(self, secret: str, method: str) -> KeyPrincipal:
        from flags import queries

        key = queries.key_by_secret(secret)
        if key is None:
            raise AuthenticationFailed("this key is unknown or revoked; make one on the page Flags > Keys")
        allowed = key.scope == "admin" or (key.scope == "read" and method in SAFE)
        if not allowed:
            raise PermissionDenied(f"a key with scope {key.scope!r} cannot do this; it needs scope 'admin'")
        return KeyPrincipal(name=key.name, scope=key.scope)
