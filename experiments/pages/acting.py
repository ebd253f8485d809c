"""What the buttons of an experiment share: who acts, and shares as they are typed."""

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
