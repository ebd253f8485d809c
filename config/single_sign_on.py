"""Logging in at a company's OpenID Connect provider: code flow with PKCE, state and nonce.

Authlib speaks the protocol and checks the token; here stands what its outcome means for accounts and roles.
"""

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET

from config import accounts
from config.environment import SingleSignOn
from ledger.refusals import Refused

BACKEND = "django.contrib.auth.backends.ModelBackend"
NEXT = "oidc-next"
TIMEOUT_S = 10
SIGNATURES = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures with the provider's private key: none with a shared secret, and never none at all."""
WHY = {
    "ExpiredTokenError": "it had run out; if it happens again, compare the clocks of both machines",
    "MismatchingStateError": "it belongs to a log-in that was begun in another browser, or too long ago",
    "BadSignatureError": "it is not signed with a key of the provider",
    "InvalidClaimError": "it was made for another site, by another provider or for another log-in",
    "MissingClaimError": "it does not say for which site it was made, by whom or when",
}
"""What stands behind an error of the protocol, for whoever could not log in."""
log = logging.getLogger(__name__)


@login_not_required
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Send the person to the provider."""
    found = _client()
    request.session[NEXT] = _inside(request, request.GET.get("next", ""))
    try:
        answer: HttpResponse = found.authorize_redirect(request, _callback())
    except Exception as problem:  # noqa: BLE001  whatever the provider's address answers
        return _refused(request, f"The provider cannot be asked: {type(problem).__name__}.", status=502)
    return answer


@login_not_required
@require_GET
def finish(request: HttpRequest) -> HttpResponse:
    """The person is back: check what the provider says and log them in."""
    found, at = _client(), timezone.now()
    try:
        claims = _claims(found, request)
        account = accounts.of_claims(claims, settings.HEADWAY_SINGLE_SIGN_ON, now=at)
    except Refused as refused:
        return _refused(request, str(refused.problems[0].reason) + ". " + refused.problems[0].fix)
    except Exception as problem:  # noqa: BLE001  a wrong state, a bad token, a provider that is away
        name = type(problem).__name__
        log.warning("single sign-on: %s: %s", name, problem)
        why = WHY.get(name, "it does not hold")
        return _refused(request, f"The provider's answer was not accepted: {why} ({name}).")
    there = request.session.pop(NEXT, "/")
    login(request, account, backend=BACKEND)
    return HttpResponseRedirect(there)


def _claims(found: Any, request: HttpRequest) -> Mapping[str, Any]:
    """What the signed token says. Raises whatever Authlib raises when it does not hold."""
    metadata = found.load_server_metadata()
    known = SIGNATURES & set(metadata.get("id_token_signing_alg_values_supported", ()))
    metadata["id_token_signing_alg_values_supported"] = sorted(known) or ["RS256"]
    told = {str(metadata["issuer"]), str(metadata["issuer"]).rstrip("/")}
    if settings.HEADWAY_SINGLE_SIGN_ON.issuer not in told:
        raise ValueError(f"the provider calls itself {metadata['issuer']}")
    options = {"iss": {"essential": True, "values": [metadata["issuer"]]}, "sub": {"essential": True}}
    claims: Mapping[str, Any] | None = found.authorize_access_token(request, claims_options=options).get(
        "userinfo"
    )
    if claims is None:
        raise ValueError("the answer holds no signed token")
    return claims


def _client() -> Any:
    site: SingleSignOn = settings.HEADWAY_SINGLE_SIGN_ON
    if not site.issuer:
        raise Http404("single sign-on is not set up")
    return _registered(site)


@lru_cache(maxsize=4)
def _registered(site: SingleSignOn) -> Any:
    """Loaded here, so that a site without a provider never loads the library."""
    from authlib.integrations.django_client import OAuth

    registry = OAuth()
    registry.register(
        "provider",
        client_id=site.client_id,
        client_secret=site.client_secret,
        server_metadata_url=f"{site.issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_S,
        },
    )
    return registry.create_client("provider")


def _callback() -> str:
    return f"{settings.HEADWAY_WEB_URL}{reverse('oidc-callback')}"


def _inside(request: HttpRequest, there: str) -> str:
    """Where to go after logging in: only to a page of this site."""
    is_ours = url_has_allowed_host_and_scheme(there, {request.get_host()}, require_https=request.is_secure())
    return there if is_ours else "/"


def _refused(request: HttpRequest, why: str, *, status: int = 403) -> HttpResponse:
    return render(request, "login_refused.html", {"why": why}, status=status)
