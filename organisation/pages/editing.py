"""One way to show a form, call a service with what was typed, and keep it when the service refuses."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from ledger.forms import show_problems
from ledger.refusals import Refused


def by(request: HttpRequest) -> dict[str, Any]:
    """Who acts and when."""
    return {"actor": request.user.get_username(), "now": timezone.now()}


def saved(form: forms.Form, save: Callable[..., object], **more: Any) -> bool:
    """Whether the form was good and the service took it; else its problems stand beside the fields."""
    if not form.is_valid():
        return False
    try:
        save(**form.cleaned_data, **more)
    except Refused as refused:
        show_problems(form, refused)
        return False
    return True


def answer(
    request: HttpRequest, form: forms.Form, template: str, shown: dict[str, Any] | None = None
) -> HttpResponse:
    """The page with the form: 422 when it came back with problems."""
    status = 422 if form.is_bound else 200
    return render(request, template, {"form": form, **(shown or {})}, status=status)


def done(request: HttpRequest, words: str, page: str, **where: str) -> HttpResponse:
    messages.success(request, words)
    return HttpResponseRedirect(reverse(page, kwargs=where))
