"""How many units a flag has decided for; those who count exposures register here when they are ready."""

from collections.abc import Callable
from datetime import datetime

Units = Callable[[str, str, datetime], int | None]
_providers: list[Units] = []


def register(units: Units) -> None:
    """Ask `units(environment, flag, since)` for the number of units; None when it cannot say."""
    if units not in _providers:
        _providers.append(units)


def units_since(environment: str, flag: str, since: datetime) -> int | None:
    """The largest number anybody counted, None when nobody can say."""
    counted = [found for ask in _providers if (found := ask(environment, flag, since)) is not None]
    return max(counted, default=None)
