"""A small form that was refused comes again on its page, with the reason and with what was typed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from ledger.refusals import Conflict, Problem, Refused

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Again:
    """`at` is the address that the refused form posts to, so that its fields find what was typed."""

    at: str
    typed: Mapping[str, str]
    problems: tuple[Problem, ...]


def shown_again(page: View, *, but: Mapping[str, View] | None = None) -> Callable[[View], View]:
    """Let `page` answer, told as `again` what was typed, when the step is refused.

    `but` names other pages for steps whose `back` says that they are asked there.
    """

    def wrap(view: View) -> View:
        @wraps(view)
        def respond(request: HttpRequest, key: str, **rest: Any) -> HttpResponse:
            try:
                return view(request, key, **rest)
            except Refused as refused:
                shown = (but or {}).get(rest.get("back", ""), page)
                again = Again(request.path, request.POST.dict(), refused.problems)
                response = shown(request, key, again=again)
                response.status_code = 409 if isinstance(refused, Conflict) else 422
                return response

        return respond

    return wrap
