"""Who uses a metric: the apps above register a function, because this app must not know them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a metric is used; `version` is the metric version that counts there."""

    title: str
    url: str
    role: str
    state: str
    version: int


UsesOf = Callable[[str], Iterable[Use]]
_registered: list[UsesOf] = []


def register(uses_of: UsesOf) -> None:
    """Ask `uses_of(metric key)` whenever a metric is shown. Registering twice is the same as once."""
    if uses_of not in _registered:
        _registered.append(uses_of)


def uses(key: str) -> list[Use]:
    """Every known use of the metric, in order of registration."""
    return [use for uses_of in _registered for use in uses_of(key)]
