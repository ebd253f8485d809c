"""What the views of this API share: who acts, what a body says, and the answer."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from rest_framework.request import Request
from rest_framework.response import Response

from experiments import queries
from experiments.api.serializers import DetailSerializer
from experiments.services.transitions import MAX_REASON
from flags.api.access import by, own_environment
from ledger.times import is_usual
from metrics.reading import Fields, body_fields


def detail(key: str, status: int = 200) -> Response:
    return Response(DetailSerializer(queries.experiment(key)).data, status=status)


def acting(request: Request, key: str = "") -> dict[str, Any]:
    """Who acts and when; a key of another environment than the experiment's is refused."""
    if key:
        own_environment(request, queries.experiment(key).environment)
    return by(request)


def reason_of(body: Fields) -> str:
    return body.text("reason", fix="Write one sentence for the history.", default="", limit=MAX_REASON)


def moment(body: Fields, name: str) -> datetime | None:
    """A time with its zone; None when the body does not name it."""
    fix = "Write the time with its zone, for example 2026-01-31T12:00:00Z."
    text = body.text(name, fix=fix, default="")
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        found = None
    if text and (found is None or found.tzinfo is None):
        body.refuse(name, "this is not a time with a zone", fix)
        return None
    if found is not None and not is_usual(found.date()):
        body.refuse(name, "this is not a time since 1990", fix)
        return None
    return found


def object_of(data: object) -> dict[str, Any]:
    """The body as a dict; the fields are judged by the service. Raises Refused when it is no object."""
    keys = data.keys() if isinstance(data, Mapping) else ("title",)
    return dict(cast("Mapping[str, Any]", body_fields(data, keys).values))


def day(body: Fields, name: str) -> date | None:
    """A day; None when the body does not name it."""
    fix = "Write the day like 2026-01-31."
    text = body.text(name, fix=fix, default="")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        body.refuse(name, "this is not a day", fix)
        return None


def coverage(body: Fields, default: int | None = None) -> int | None:
    """A share in parts per million."""
    fix = "Write parts per million, for example 250000 for 25 %."
    return body.whole("coverage_ppm", low=1, high=1_000_000, fix=fix, default=default)


def steps(body: Fields) -> list[Any] | None:
    """Steps of a ramp as they stand in the body; the service judges them."""
    listed = body.values.get("steps")
    if listed is not None and not isinstance(listed, list):
        body.refuse("steps", "this is not a list", 'For example [{"coverage_ppm": 10000}].')
    return listed if isinstance(listed, list) else None
