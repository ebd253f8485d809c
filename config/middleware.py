"""Middleware of the whole site."""

from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Charts are SVG with classes and presentation attributes: neither inline style nor script is needed.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Collected files where there are any; a checkout serves them from where they lie."""

    def add_files(self, root: str, prefix: str | None = None) -> None:
        if Path(root).is_dir():
            super().add_files(root, prefix)


class HashedNames(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Collected files carry the hash of their content in their name and may be kept for ever.

    A checkout has collected nothing: there files keep their names.
    """

    def stored_name(self, name: str) -> str:
        return str(super().stored_name(name)) if self.hashed_files else name


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """No request of a page leaves this site, and no inline script runs."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return respond


def storable_addresses(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Addresses with a NUL character, which PostgreSQL cannot hold, are refused before any look-up."""

    def respond(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("the address holds a NUL character (%00)")
        return get_response(request)

    return respond
