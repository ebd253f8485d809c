"""Answers as problem+json (RFC 9457), for what is refused before or around a view of the API."""

from typing import Any

from django.http import HttpResponse, JsonResponse

CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: "Not understood",
    401: "Who are you",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    406: "No such form",
    409: "Not possible in this state",
    412: "Changed meanwhile",
    413: "Too long",
    415: "No such kind of body",
    422: "Not accepted",
    429: "Too many requests",
    500: "Something broke on our side",
    503: "The database is not available",
}


def body(status: int, detail: Any, *, title: str = "", **more: Any) -> dict[str, Any]:
    """The members of a problem; `more` are our own beside those of the RFC."""
    named = title or TITLES.get(status, "Not possible")
    return {"type": "about:blank", "title": named, "status": status, "detail": detail, **more}


def answer(status: int, detail: str, *, title: str = "", **more: Any) -> HttpResponse:
    return JsonResponse(body(status, detail, title=title, **more), status=status, content_type=CONTENT_TYPE)
