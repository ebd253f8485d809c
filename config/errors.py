"""The one table from domain error to HTTP answer.

The console shows a page, the API answers problem+json (RFC 9457) with one entry per problem.
"""

import sys
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from config import problems
from ledger.refusals import Conflict, NotFound, Refused

STATUS: dict[type[Refused], int] = {NotFound: 404, Conflict: 409, Refused: 422}
RETRY_AFTER_S = 5


def status_of(refused: Refused) -> int:
    """The status of the closest class in the table."""
    return next(STATUS[kind] for kind in type(refused).__mro__ if kind in STATUS)


def as_problem(refused: Refused) -> dict[str, Any]:
    """The body of a problem+json answer."""
    status = status_of(refused)
    return problems.body(status, str(refused), problems=[problem.to_dict() for problem in refused.problems])


def api_exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: refusals and DRF's own errors become problem+json."""
    if isinstance(exception, Refused):
        body = as_problem(exception)
        return Response(body, status=body["status"], content_type=problems.CONTENT_TYPE)
    response = exception_handler(exception, context)
    if response is not None:
        response.data = problems.body(response.status_code, _detail(exception))
        response.content_type = problems.CONTENT_TYPE
    return response


def _detail(exception: Exception) -> Any:
    if isinstance(exception, APIException):
        return exception.detail
    fallback = {Http404: "there is nothing here", PermissionDenied: "your account may not do this"}
    return str(exception) or fallback.get(type(exception), "this is not possible")


def domain_errors(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: a refusal that no page caught becomes a readable page (or problem+json)."""

    def respond(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_exception(request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return refusal_page(request, exception) if isinstance(exception, Refused) else None

    respond.process_exception = process_exception  # type: ignore[attr-defined]
    return respond


def refusal_page(request: HttpRequest, refused: Refused) -> HttpResponse:
    body = as_problem(refused)
    if request.path.startswith("/api/"):
        return JsonResponse(body, status=body["status"], content_type=problems.CONTENT_TYPE)
    return render(request, "refused.html", {"problem": body}, status=body["status"])


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400, str(exception))


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403, str(exception))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(request, 403, reason)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404, f"there is nothing at {request.path}")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this while the error is being handled: a database that is away gets its own answer."""
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return _answer(request, 500, "the error was logged and nothing was changed")
    answer = _answer(request, 503, "nothing was changed; try again shortly")
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _answer(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """problem+json for the API; for people a page, without the menu where its questions could fail again."""
    problem = problems.body(status, detail)
    if request.path.startswith("/api/"):
        return problems.answer(status, detail)
    asks = request if hasattr(request, "user") and status < 500 else None
    return HttpResponse(render_to_string(f"{status}.html", {"problem": problem}, asks), status=status)
