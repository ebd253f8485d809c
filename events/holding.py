"""Who still needs stored events, and who else keeps something of a unit. Upper apps register when ready."""

from collections.abc import Callable
from datetime import date, datetime

Needed = Callable[[str], date | None]
Forget = Callable[[datetime], int]
_needed: list[Needed] = []
_forget: list[Forget] = []


def needs(since: Needed) -> None:
    """Ask `since(environment)` from which day on events are still read; None for no need."""
    if since not in _needed:
        _needed.append(since)


def keeps(forget: Forget) -> None:
    """Call `forget(now)` when events of a unit were taken out of the store: it drops what was derived from
    events of single units, and returns of how many things."""
    if forget not in _forget:
        _forget.append(forget)


def needed_since(environment: str) -> date | None:
    """The earliest day that somebody still reads."""
    return min((day for ask in _needed if (day := ask(environment)) is not None), default=None)


def forget_derived(now: datetime) -> int:
    """Everything derived from events of single units is gone when this returns."""
    return sum(forget(now) for forget in _forget)
