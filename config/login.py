"""Logging in: one answer for every wrong pair, and a pause after too many of them.

Counting lives in PostgreSQL, so that it holds over all web processes and survives a restart.
"""

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from config.models import LoginFailure

WINDOW = timedelta(minutes=15)
KEPT = timedelta(days=1)
MOST_BY_NAME = 10
MOST_BY_ADDRESS = 50
"""An office shares one address; a list of stolen passwords is longer than that."""
OWN_BITS = 64
"""How much of an IPv6 address its subscriber chooses."""


def must_wait(*, name: str, address: str | None, now: datetime) -> bool:
    """Whether this name or this address has failed too often lately."""
    recent = LoginFailure.objects.filter(at__gt=now - WINDOW)
    if recent.filter(name=name).count() >= MOST_BY_NAME:
        return True
    return address is not None and recent.filter(address=address).count() >= MOST_BY_ADDRESS


def note_failure(*, name: str, address: str | None, now: datetime) -> None:
    """Count one failure and forget the old ones."""
    LoginFailure.objects.filter(at__lt=now - KEPT).delete()
    LoginFailure.objects.create(name=name, address=address, at=now)


def note_success(*, name: str) -> None:
    """A right password clears the name; the address keeps its count, or one account would clear the way."""
    LoginFailure.objects.filter(name=name).delete()


class LoginForm(AuthenticationForm):
    """Django's form, with the pause before the password is even looked at."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "There is no account with this name and this password. Capital letters count.",
    }

    def clean(self) -> dict[str, Any]:
        name = str(self.cleaned_data.get("username", ""))[:150]
        address = _address(self.request)
        if must_wait(name=name, address=address, now=timezone.now()):
            minutes = int(WINDOW.total_seconds() // 60)
            raise ValidationError(f"Too many wrong passwords. Wait {minutes} minutes, then try again.")
        try:
            cleaned = super().clean()
        except ValidationError:
            note_failure(name=name, address=address, now=timezone.now())
            raise
        note_success(name=name)
        return cleaned


def _address(request: HttpRequest | None) -> str | None:
    """Where the request came from. Only a site behind TLS has a proxy, whose word (the last one) counts. What
    an IPv6 subscriber may choose is left out, or every try would come from another address."""
    if request is None:
        return None
    told = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.IS_TLS else ""
    found = told.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(found)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) >> OWN_BITS << OWN_BITS))
    return str(address)


class Login(LoginView):
    """The form, and the way to the single sign-on provider where there is one."""

    template_name = "login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        site = settings.HEADWAY_SINGLE_SIGN_ON
        title = site.title if site.issuer else ""
        return super().get_context_data(**kwargs) | {"single_sign_on": title}


login = Login.as_view()
