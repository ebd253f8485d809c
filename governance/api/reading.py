"""Values of bodies that are more than words: times, days, numbers. Each raises Refused with its field."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from rest_framework.request import Request

from flags.api.access import own_environment
from governance.models import Incident
from ledger.bodies import LARGEST
from ledger.refusals import refuse
from ledger.times import is_usual

ZONED = "Write the time with its zone, for example 2026-01-31T12:00:00Z."


def by(request: Request) -> dict[str, Any]:
    """Who acts and when."""
    return {"actor": request.user.get_username(), "now": timezone.now()}


def by_on(request: Request, row: Incident) -> dict[str, Any]:
    """The same; a key of another environment than the incident's is refused."""
    if row.environment:
        own_environment(request, row.environment)
    return by(request)


def moment(body: Mapping[str, Any], name: str) -> datetime | None:
    """A time with its zone; None when it is left out or empty."""
    if body.get(name) in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(body[name])
    except (TypeError, ValueError):
        raise refuse(name, body[name], "this is not a time", ZONED) from None
    if found.tzinfo is None:
        raise refuse(name, body[name], "the zone is missing", ZONED)
    if not is_usual(found.date()):
        raise refuse(name, body[name], "this is not a time since 1990", ZONED)
    return found


def day(body: Mapping[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(body[name])
    except (TypeError, ValueError):
        raise refuse(name, body[name], "this is not a day", "Write it like 2026-01-31.") from None


def number(body: Mapping[str, Any], name: str) -> float:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST <= value <= LARGEST:
        raise refuse(name, value, "this is not a number", "For example 30 or 0.05.")
    return float(value)
