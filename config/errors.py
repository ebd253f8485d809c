"""The one table from domain error to HTTP answer.

The console shows a page, the API answers problem+json (RFC 9457) with one entry per problem.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from ledger.refusals import Conflict, NotFound, Refused

STATUS: dict[type[Refused], int] = {NotFound: 404, Conflict: 409, Refused: 422}
TITLES = {404: "Not found", 409: "Not possible in this state", 422: "Not accepted"}


def status_of(refused: Refused) -> int:
    """The status of the closest class in the table."""
    return next(STATUS[kind] for kind in type(refused).__mro__ if kind in STATUS)


def as_problem(refused: Refused) -> dict[str, Any]:
    """The body of a problem+json answer."""
    status = status_of(refused)
    return {
        "type": "about:blank",
        "title": TITLES[status],
        "status": status,
        "detail": str(refused),
        "problems": [problem.to_dict() for problem in refused.problems],
    }


def api_exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: refusals and DRF's own errors become problem+json."""
    if isinstance(exception, Refused):
        body = as_problem(exception)
        return Response(body, status=body["status"], content_type="application/problem+json")
    response = exception_handler(exception, context)
    if response is not None and isinstance(exception, APIException):
        body = {
            "type": "about:blank",
            "title": exception.default_detail,
            "status": response.status_code,
            "detail": exception.detail,
        }
        response.data = body
        response.content_type = "application/problem+json"
    return response


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
        return JsonResponse(body, status=body["status"], content_type="application/problem+json")
    return render(request, "refused.html", {"problem": body}, status=body["status"])
