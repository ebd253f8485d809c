"""What the buttons of an experiment share: who acts, and shares as they are typed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from experiments.plan import WHOLE_PPM
from ledger.refusals import refuse


def by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}


def ppm(percent: str) -> int:
    """Parts per million from what stands in the form, for example 12.5."""
    try:
        return int(Decimal(percent) * (WHOLE_PPM // 100))
    except (ArithmeticError, ValueError):
        raise refuse("coverage", percent, "this is not a percentage", "Write a number like 12.5.") from None


def moment(request: HttpRequest, name: str) -> datetime | None:
    """A time in UTC as the browser's field gives it; None when it is empty."""
    text = request.POST.get(name, "")
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise refuse(name, text, "this is not a time", "Choose a day and a time (UTC).") from None


def needed_moment(request: HttpRequest, name: str) -> datetime:
    """The same where there has to be one."""
    found = moment(request, name)
    if found is None:
        raise refuse(name, "", "this is not a time", "Choose a day and a time (UTC).")
    return found
