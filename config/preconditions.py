"""`ETag` and `If-Match`: nobody writes over what somebody else changed meanwhile.

The tag of an address is the hash of what GET answers there. A change with `If-Match` is carried out when the
tag still fits; looking and changing are one transaction under a lock of that address.
"""

import copy
import hashlib
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags

from config import problems
from config.formats import moment
from ledger import queries

View = Callable[..., HttpResponseBase]
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
KINDS = {
    "flags": "flag",
    "experiments": "experiment",
    "metrics": "metric",
    "segments": "segment",
    "layers": "layer",
    "holdouts": "holdout",
    "teams": "team",
    "surfaces": "surface",
    "sources": "source",
    "receivers": "receiver",
}
"""First part of an address → the kind in the audit trail, which knows who changed the thing."""


def preconditions(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: tags what GET answers over the API, and checks tags before a change."""

    def respond(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        is_read = request.method in ("GET", "HEAD") and request.path.startswith("/api/")
        return _tagged(request, answer) if is_read and answer.status_code == 200 else answer

    def process_view(
        request: HttpRequest, view: View, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        is_asked = "If-Match" in request.headers and request.method in CHANGES
        is_ours = is_asked and request.path.startswith("/api/")
        return checked(request, view, args, kwargs) if is_ours else None

    respond.process_view = process_view  # type: ignore[attr-defined]
    return respond


def checked(request: HttpRequest, view: View, args: Any, kwargs: dict[str, Any]) -> HttpResponseBase:
    """The view's answer, or 412 where `If-Match` names another tag than the address has now."""
    wanted = request.headers.get("If-Match")
    if wanted is None:
        return view(request, *args, **kwargs)
    # A tag turns weak where the answer was compressed on the way.
    tags = [tag.removeprefix("W/") for tag in parse_etags(wanted)]
    return _if_unchanged(request, view, args, kwargs, tags)


def tag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _tagged(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """With its ETag; 304 when the caller has it already."""
    if answer.streaming:
        return answer
    if not answer.has_header("ETag"):
        answer.headers["ETag"] = tag_of(answer.content)
        answer.headers.setdefault("Cache-Control", "private, no-cache")
    return get_conditional_response(request, etag=answer.headers["ETag"], response=answer) or answer


def _if_unchanged(
    request: HttpRequest, view: View, args: Any, kwargs: dict[str, Any], wanted: list[str]
) -> HttpResponseBase:
    with transaction.atomic():
        _lock(request.path)
        now_there = _read(request, view, args, kwargs)
        if now_there is None:
            return problems.answer(412, "there is nothing at this address whose ETag could be compared")
        if wanted != ["*"] and now_there not in wanted:
            return _changed(request, now_there)
        answer = view(request, *args, **kwargs)
        render = getattr(answer, "render", None)
        return render() if callable(render) else answer


def _lock(path: str) -> None:
    """Wait for whoever changes the same address with a condition; held until the transaction ends."""
    number = int.from_bytes(hashlib.sha256(f"if-match {path}".encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _read(request: HttpRequest, view: View, args: Any, kwargs: dict[str, Any]) -> str | None:
    """The tag of what GET answers here now, None where it answers nothing."""
    asked = copy.copy(request)
    asked.method = "GET"
    asked.META = {**request.META, "REQUEST_METHOD": "GET"}
    answer = view(asked, *args, **kwargs)
    render = getattr(answer, "render", None)
    found: Any = render() if callable(render) else answer
    if found.status_code != 200 or found.streaming:
        return None
    return str(found.headers.get("ETag") or tag_of(found.content))


def _changed(request: HttpRequest, tag: str) -> HttpResponse:
    """412 with who changed the thing last and when, and the tag it has now."""
    parts = request.path.strip("/").split("/")[2:]
    kind = KINDS.get(parts[0], "") if len(parts) > 1 else ""
    last = queries.audit_of(f"{kind}:{parts[1]}").first() if kind else None
    who = {} if last is None else {"changed_by": last.actor, "changed_at": last.at.isoformat()}
    by = "" if last is None else f" by {last.actor} at {moment(last.at)}"
    answer = problems.answer(
        412, f"this was changed{by}; read it again and decide anew. Nothing was changed now.", **who
    )
    answer.headers["ETag"] = tag
    return answer
