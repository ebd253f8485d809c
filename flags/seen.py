"""When product code last asked for a flag; those who store exposures register here when they are ready."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

LastSeen = Callable[[str, Sequence[str]], Mapping[str, datetime]]
_providers: list[LastSeen] = []


def register(last_seen: LastSeen) -> None:
    """Ask `last_seen(environment, flags)` for the newest exposure of each flag; unknown ones are left out."""
    if last_seen not in _providers:
        _providers.append(last_seen)


def is_known() -> bool:
    """Whether anybody can say when a flag was last asked for."""
    return bool(_providers)


def last_seen(environment: str, flags: Sequence[str]) -> dict[str, datetime]:
    """Flag → the newest exposure anybody knows of."""
    newest: dict[str, datetime] = {}
    for provider in _providers if flags else ():
        for flag, at in provider(environment, flags).items():
            newest[flag] = max(at, newest.get(flag, at))
    return newest
