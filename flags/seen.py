"""When product code last asked for a flag, and what it was given. Those who know register when ready."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

LastSeen = Callable[[str, Sequence[str]], Mapping[str, datetime]]
Since = Callable[[str], datetime | None]


@dataclass(frozen=True, slots=True)
class DayCount:
    """Exposures to one variant on one day (UTC)."""

    day: date
    variant: str
    count: int


Daily = Callable[[str, str, date], Sequence[DayCount]]
_providers: list[tuple[LastSeen, Since]] = []
_daily: list[Daily] = []


def register(last_seen: LastSeen, since: Since) -> None:
    """Ask `last_seen(environment, flags)` when each flag was last asked for; unknown ones are left out.

    `since(environment)` is when counting began there, None before anything was heard.
    """
    if (last_seen, since) not in _providers:
        _providers.append((last_seen, since))


def register_daily(daily: Daily) -> None:
    """Ask `daily(environment, flag, since)` for exposures per variant and day."""
    if daily not in _daily:
        _daily.append(daily)


def is_known() -> bool:
    """Whether anybody can say when a flag was last asked for."""
    return bool(_providers)


def counted_since(environment: str) -> datetime | None:
    """Since when it would be known that a flag is asked for; None while nothing was heard at all."""
    began = [at for _, since in _providers if (at := since(environment)) is not None]
    return min(began, default=None)


def last_seen(environment: str, flags: Sequence[str]) -> dict[str, datetime]:
    """Flag → the newest evaluation or exposure anybody knows of."""
    newest: dict[str, datetime] = {}
    for provider, _ in _providers if flags else ():
        for flag, at in provider(environment, flags).items():
            newest[flag] = max(at, newest.get(flag, at))
    return newest


def daily(environment: str, flag: str, since: date) -> list[DayCount]:
    """Exposures per variant and day from a day on, in the order of days and variants."""
    found = [each for provider in _daily for each in provider(environment, flag, since)]
    return sorted(found, key=lambda each: (each.day, each.variant))
