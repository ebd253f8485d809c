"""`Idempotency-Key`: a POST that is sent again, because its answer was lost, is carried out once.

Handling the request and storing its answer are one transaction, so there is no moment at which the change is
made and the answer forgotten. An advisory lock, not a row, says that a request is under way: it ends with
the transaction, whatever ends the process. Refusals changed nothing and are not stored.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import APIException

from config import problems
from config.models import StoredAnswer
from config.preconditions import checked
from flags.api.authentication import principal

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
FORM = re.compile(r"[\x21-\x7e]{1,255}")
LARGEST_STORED = 1_000_000
SHOWN_ONCE = {
    "api-keys",
    "api-key-rotate",
    "api-environment-signing-key",
    "api-receivers",
    "api-receiver-renew",
}
"""Addresses whose answer holds a secret: it is not stored, so a second request is told so instead."""

View = Callable[..., HttpResponseBase]


def idempotency(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware whose `process_view` calls the view itself, so those of others have to run before it."""

    def respond(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(
        request: HttpRequest, view: View, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST" or not request.path.startswith("/api/"):
            return None
        if not FORM.fullmatch(key):
            return problems.answer(400, f"{HEADER} has 1 to 255 visible ASCII characters; a UUID is good")
        owner = _owner(request)
        if owner is None:
            return None
        return _once(request, key, owner, lambda: checked(request, view, args, kwargs))

    respond.process_view = process_view  # type: ignore[attr-defined]
    return respond


def _owner(request: HttpRequest) -> str | None:
    """Whose keys these are; None for nobody, whom the view itself turns away."""
    words = request.headers.get("Authorization", "").split()
    if words:
        return _of_key(words)
    return f"user:{request.user.pk}" if request.user.is_authenticated else None


def _of_key(words: list[str]) -> str | None:
    try:
        principal(words[-1], "POST", now=timezone.now())
    except APIException:
        return None
    return f"key:{hashlib.sha256(words[-1].encode()).hexdigest()}"


def _once(
    request: HttpRequest, key: str, owner: str, handle: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    try:
        fingerprint = _fingerprint(request)
    except RequestDataTooBig:
        return problems.answer(413, f"the body is too long for a request with an {HEADER}")
    name, now = hashlib.sha256(f"{owner}\n{key}".encode()).hexdigest(), timezone.now()
    with transaction.atomic():
        if not _lock(name):
            return _under_way()
        stored = StoredAnswer.objects.filter(name=name, at__gt=now - KEPT).first()
        if stored is not None:
            return _again(stored, fingerprint)
        answer = _rendered(handle())
        _keep(request, answer, name=name, fingerprint=fingerprint, now=now)
        return answer


def _fingerprint(request: HttpRequest) -> str:
    """What makes two requests the same: address and body."""
    return hashlib.sha256(request.get_full_path().encode() + b"\n" + request.body).hexdigest()


def _lock(name: str) -> bool:
    """Whether nobody else handles this key; held until the transaction ends."""
    number = int.from_bytes(bytes.fromhex(name[:16]), "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return bool(cursor.fetchone()[0])


def _under_way() -> HttpResponse:
    answer = problems.answer(
        409, f"a request with this {HEADER} is being handled; ask again for its answer", title="Under way"
    )
    answer.headers["Retry-After"] = "1"
    return answer


def _again(stored: StoredAnswer, fingerprint: str) -> HttpResponse:
    """The answer that was given before, or why there is none."""
    if stored.fingerprint != fingerprint:
        return problems.answer(
            422, f"this {HEADER} was used with another address or body; use a new one for a new request"
        )
    if stored.body is None:
        return problems.answer(
            409, "this was done already; its answer was not kept, because it held a secret or was too long"
        )
    answer = HttpResponse(bytes(stored.body), status=stored.status, content_type=stored.content_type)
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _rendered(answer: HttpResponseBase) -> HttpResponseBase:
    render = getattr(answer, "render", None)
    return render() if callable(render) and not getattr(answer, "is_rendered", False) else answer


def _keep(
    request: HttpRequest, answer: HttpResponseBase, *, name: str, fingerprint: str, now: datetime
) -> None:
    """Store what changed something; an answer of ours that broke takes its change back."""
    if answer.status_code >= 500:
        transaction.set_rollback(True)
    if not 200 <= answer.status_code < 300:
        return
    StoredAnswer.objects.filter(at__lte=now - KEPT).delete()
    StoredAnswer.objects.create(
        name=name,
        fingerprint=fingerprint,
        status=answer.status_code,
        content_type=answer.headers.get("Content-Type", ""),
        body=_storable(request, answer),
        at=now,
    )


def _storable(request: HttpRequest, answer: HttpResponseBase) -> bytes | None:
    match = request.resolver_match
    is_secret = match is not None and match.url_name in SHOWN_ONCE
    body = None if is_secret or answer.streaming else getattr(answer, "content", None)
    return body if body is not None and len(body) <= LARGEST_STORED else None
